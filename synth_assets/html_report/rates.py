"""The proportions that were judged, as the claims' details have them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from synth_assets.generator.claims import Claim, Detail

SUBJECTS = {"fraud_proportion_within_bounds": "frauds, {}", "recurring_proportion_within_bounds": "recurring, {}"}
"""By claim, what its proportions are of. Those of other claims are of the nulls of a column."""


@dataclass(frozen=True)
class Rate:
    """A proportion that was judged: two shares, and three numbers of rows."""

    of: str
    expected: float
    observed: float
    count: int
    lowest: int
    highest: int

    @classmethod
    def of_detail(cls, claim: str, detail: Detail) -> Rate:
        of = SUBJECTS.get(claim, "{} is null").format(detail["of"])
        shares = [float(detail[name]) for name in ("expected", "observed")]
        numbers = [int(detail[name]) for name in ("count", "lowest", "highest")]
        return cls(of, shares[0], shares[1], *numbers)

    @property
    def within(self) -> bool:
        return self.lowest <= self.count <= self.highest


def judged_rates(claims: Iterable[Claim]) -> list[Rate]:
    """The proportions that are left to chance or are out of bounds, beside what is allowed of them."""
    judged = [(claim.name, detail) for claim in claims for detail in claim.details if "lowest" in detail]
    rates = [Rate.of_detail(claim, detail) for claim, detail in judged]
    return [rate for rate in rates if 0 < rate.expected < 1 or not rate.within]
