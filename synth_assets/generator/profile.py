"""What a profile is: how a day's values are drawn, column by column and block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

from synth_assets.generator.columns import Block, Column
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.rules import Rules
from synth_assets.generator.schema import TransactionSchema


class History(Protocol):
    """What some blocks leave behind for the blocks after them."""

    def then(self, later: Self) -> Self:
        """What these blocks and the `later` ones leave behind together."""


class Blocks(Protocol):
    """Makes some blocks of a day, in order."""

    def __call__(
        self, schema: TransactionSchema, plan: GenerationPlan, blocks: range, history: Any = None
    ) -> Iterator[Block]:
        """Make the blocks with these numbers.

        Args:
            blocks: the numbers, one after the other, each in 0 … `block_count(plan.rows)` - 1.
            history: what the blocks before the range leave behind; computed where it is None.
        """


@dataclass(frozen=True)
class Profile:
    """How a day's values are drawn.

    Args:
        columns: how each column is made, by its name in the contract.
        blocks: makes the blocks that the columns' builders read.
        rules: what holds in every row, in addition to the rules of every profile.
        recurring_share: the probability that a payment recurs.
        has_world: whether the payments are of a world, whose tables and fraud labels can be written too.
        card_history: what a range of a plan's blocks leaves behind; None where blocks depend on none before them.
    """

    columns: Mapping[str, Column]
    blocks: Blocks
    rules: Callable[[GenerationPlan], Rules]
    recurring_share: Callable[[GenerationPlan], float]
    has_world: bool = False
    card_history: Callable[[GenerationPlan, range], History] | None = None
