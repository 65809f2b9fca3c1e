"""The claims about a written day: what each says, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field

CLAIMS: dict[str, str] = {
    "file_is_whole": "The file is intact, and every row that its footer counts can be read.",
    "columns_match_contract": "The columns match the contract in order, type and nullability.",
    "provenance_matches_partition": "The file was made for this partition's day and under the current contract.",
    "row_count_matches_plan": "The row count matches the plan and the file's name.",
    "null_proportions_within_bounds": "Null counts are consistent with each column's rate; required columns have none.",
    "fraud_proportion_within_bounds": "The fraud count is consistent with fraud_rate, in the day and in each tenth.",
    "recurring_proportion_within_bounds": "The count of recurring payments is consistent with their rate.",
    "event_times_in_window_and_order": "Event times lie inside the partition's window and never decrease.",
    "transaction_ids_unique": "No transaction_id appears twice.",
    "enum_values_in_sets": "Enum columns have no value that the contract does not list.",
    "values_follow_rules": "Values keep to their ranges and formats, and the columns of each row agree.",
}
"""What each claim says. A claim that cannot be judged does not hold."""

OF_THE_GENERATOR = frozenset(
    {
        "null_proportions_within_bounds",
        "fraud_proportion_within_bounds",
        "recurring_proportion_within_bounds",
        "values_follow_rules",
    }
)
"""The claims about how values are drawn, which another version of the generator may do otherwise."""

Detail = dict[str, str | int | float]
Details = list[Detail]
Numbers = dict[str, int | float]


@dataclass(frozen=True)
class Claim:
    """A claim about a written day, judged.

    Args:
        details: a row for each thing that was compared.
        blocking: whether the upload is refused if the claim does not hold. The values that another version of the
            generator drew are not judged: the summary says so, and the file does not count as broken.
        numbers: what was `observed`, the `lowest` and the `highest` that are allowed, and how many `breaches` there
            are, for a plot over the days. Some claims add figures of their own. Empty if the claim was not judged.
        judged: False if something else must be put right before the claim can be judged.
    """

    name: str
    passed: bool
    summary: str
    details: Details = field(default_factory=list)
    blocking: bool = True
    numbers: Numbers = field(default_factory=dict)
    judged: bool = True

    @classmethod
    def unjudged(cls, name: str, reason: str, *, blocking: bool = True) -> Claim:
        """The claim of that name, which does not hold because it cannot be judged."""
        return cls(name, False, f"not judged: {reason}", blocking=blocking, judged=False)

    @property
    def broken(self) -> bool:
        """Whether the claim stops the upload."""
        return self.blocking and not self.passed

    @property
    def failed(self) -> bool:
        """Whether the claim was judged, and stops the upload. A broken file has at least one such claim."""
        return self.broken and self.judged


def claims_without_file(reason: str) -> list[Claim]:
    """The verdict on a day whose file is missing or unreadable. The first claim says why."""
    first, *others = CLAIMS
    whole = Claim(first, False, reason, numbers={"breaches": 1})
    return [whole, *(Claim.unjudged(name, f"see {first}") for name in others)]


def numbers_of(observed: float, lowest: float, highest: float, breaches: int) -> Numbers:
    """The numbers that every judged claim has."""
    return {"observed": observed, "lowest": lowest, "highest": highest, "breaches": breaches}


def numbers_of_breaches(breaches: int) -> Numbers:
    """The numbers of a claim that allows no breach: what is observed is the breaches themselves."""
    return numbers_of(breaches, 0, 0, breaches)
