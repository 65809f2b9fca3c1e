"""The claims about a written day: what each says, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field

CLAIMS: dict[str, str] = {
    "file_is_whole": "Every byte is as it was written, and the rows that the footer counts can be read.",
    "columns_match_contract": "The columns are those of the contract, in order, with its types and nullability.",
    "provenance_matches_partition": "The footer's plan is of this partition's day and of the current contract.",
    "row_count_matches_plan": "The file has as many rows as its plan and its name say.",
    "null_proportions_within_bounds": "Each column's nulls are as many as its rate allows; REQUIRED columns have none.",
    "fraud_proportion_within_bounds": "Frauds are as many as fraud_rate allows, in the day and in each tenth of it.",
    "recurring_proportion_within_bounds": "Recurring payments are as many as their rate allows.",
    "event_times_in_window_and_order": "Event times lie inside the partition's window and never decrease.",
    "transaction_ids_unique": "No transaction id appears twice.",
    "enum_values_in_sets": "Every value of an enum column is one of the contract's.",
    "values_follow_rules": "Values keep their ranges and formats, and the columns of a row agree with each other.",
}
"""What each claim says. A claim that cannot be judged counts as broken."""

OF_THE_GENERATOR = frozenset(
    {
        "null_proportions_within_bounds",
        "fraud_proportion_within_bounds",
        "recurring_proportion_within_bounds",
        "values_follow_rules",
    }
)
"""The claims about how values are drawn, which another version of the generator may do otherwise."""
FROM_THE_FOOTER = frozenset({"columns_match_contract", "provenance_matches_partition", "row_count_matches_plan"})

Detail = dict[str, str | int | float]
Details = list[Detail]


@dataclass(frozen=True)
class Claim:
    """A claim about a written day, judged.

    Args:
        details: a row for each thing that was compared.
        blocking: whether the upload is refused where the claim does not hold. What another version of the generator
            drew is not judged: that is said, and does not make its file a broken one.
    """

    name: str
    passed: bool
    summary: str
    details: Details = field(default_factory=list)
    blocking: bool = True

    @property
    def broken(self) -> bool:
        return self.blocking and not self.passed
