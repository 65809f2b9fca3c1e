"""A measure beside its bar."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks import report
from benchmarks.realism.learning import Auc


@dataclass(frozen=True)
class Measure:
    """One row of the report.

    Args:
        met: None where there is no bar and the figure is only told.
    """

    name: str
    bar: str
    found: str
    met: bool | None = None


def between(name: str, low: float, high: float, found: float, text: str = "", source: str = "") -> Measure:
    """A figure that must lie in a band. The source says where the band is from."""
    bar = f"{low:g}–{high:g}" + (f" ({source})" if source else "")
    return Measure(name, bar, text or f"{found:.3g}", low <= found <= high)


def share(name: str, low: float, high: float, found: float, source: str, text: str = "") -> Measure:
    """A share that must lie in a band, whose ends are in per cent."""
    return Measure(name, f"{low:g}–{high:g} % ({source})", text or f"{found:.1%}", low <= found * 100 <= high)


def coin_toss(name: str, found: Auc) -> Measure:
    """An AUC that must tell nothing."""
    return Measure(name, "0.50 ± 0.03", str(found), abs(found.value - 0.5) <= 0.03)


def none(name: str, found: int, out_of: int) -> Measure:
    """A count of violations."""
    return Measure(name, "0", f"{found:,} of {out_of:,}", found == 0)


def told(name: str, found: object) -> Measure:
    return Measure(name, "", str(found))


def table(measures: Iterable[Measure]) -> str:
    verdict = {True: "met", False: "**not met**", None: "told"}
    return report.table(
        ["measure", "bar", "measured", "goal"],
        [[each.name, each.bar, each.found, verdict[each.met]] for each in measures],
    )
