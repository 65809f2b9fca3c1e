"""The payment before: for every payment, the id of the last one with the same card."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synth_assets.generator.columns import uuid_words
from synth_assets.generator.plan import EARLIEST_DAY, GenerationPlan
from synth_assets.generator.realistic.draft import Draft, drafts
from synth_assets.generator.realistic.world import World
from synth_assets.generator.streams import Mask, Numbers, Words, block_count

_ROW_BITS = np.uint64(20)
_ROW = (np.uint64(1) << _ROW_BITS) - np.uint64(1)


@dataclass(frozen=True, eq=False)
class CardHistory:
    """The last payment of every card in some payments: 18 bytes a card, however many payments there are.

    Histories compose: that of some payments `then` that of the payments after them is the history of them all. An
    empty history changes nothing. Its arrays cannot be written to.

    Args:
        ids: by card, the two words of the payment's id; the shape is (cards, 2).
        generation: by card, how often it had been renewed when it paid; -1 for a card without a payment.
    """

    ids: Words
    generation: npt.NDArray[np.int16]

    def __post_init__(self) -> None:
        self.ids.flags.writeable = self.generation.flags.writeable = False

    @classmethod
    def empty(cls, cards: int) -> CardHistory:
        """The history of no payments."""
        return cls(np.zeros((cards, 2), dtype=np.uint64), np.full(cards, -1, dtype=np.int16))

    def then(self, later: CardHistory) -> CardHistory:
        """The history of these payments and the `later` ones: the later payment of a card wins."""
        paid = later.generation >= 0
        return CardHistory(
            np.where(paid[:, None], later.ids, self.ids), np.where(paid, later.generation, self.generation)
        )


class LastPayments:
    """The last payment of every card so far, while payments are taken in, in order."""

    def __init__(self, before: CardHistory) -> None:
        self._ids = before.ids.copy()
        self._generation = before.generation.copy()
        self._paid = np.zeros(len(before.generation), dtype=np.bool_)

    def add(self, card: Numbers, generation: Numbers, ids: Words) -> None:
        """Take in some payments: their cards, the cards' generations, and their ids (two words each)."""
        # Where a card comes more than once, NumPy keeps what is assigned last.
        _as_items(self._ids)[card] = _as_items(ids)
        self._generation[card] = generation.astype(np.int16)
        self._paid[card] = True

    def add_and_look_back(self, card: Numbers, generation: Numbers, ids: Words) -> tuple[Words, Mask]:
        """Take in some payments, and say for each what the id before it is, and whether there is one.

        A renewed card has no payment before its first.
        """
        previous, known = self._ids.take(card, axis=0), self._generation[card] == generation
        by_card = np.sort(card.astype(np.uint64) << _ROW_BITS | np.arange(len(card), dtype=np.uint64))
        row = by_card & _ROW
        again = (by_card[1:] >> _ROW_BITS) == (by_card[:-1] >> _ROW_BITS)
        later, earlier = row[1:][again], row[:-1][again]
        previous[later], known[later] = ids[earlier], generation[earlier] == generation[later]
        self.add(card, generation, ids)
        return previous, known

    def history(self) -> CardHistory:
        """The history of the payments taken in, whatever was before them. Afterwards no more can be."""
        return CardHistory(self._ids, np.where(self._paid, self._generation, np.int16(-1)))


def _as_items(ids: Words) -> npt.NDArray[np.void]:
    """Ids as one item each, which NumPy assigns six times as fast as two words each."""
    return np.ascontiguousarray(ids).view("V16")[:, 0]


def card_history(plan: GenerationPlan, blocks: range) -> CardHistory:
    """What these blocks of the plan's day leave behind, whatever is before them.

    They are read from the last to the first, because of each card only the last payment counts: what is asked of a
    payment beyond its card is not asked of the others.
    """
    history = CardHistory.empty(World.of(plan.seed, plan.customers).card_count)
    ids, generation = history.ids.copy(), history.generation.copy()
    last = np.zeros(len(generation), dtype=np.int32)
    for draft in drafts(plan, blocks[::-1]):
        rows = np.flatnonzero(generation[draft.card] < 0)
        last[draft.card[rows]] = rows
        rows = rows[last[draft.card[rows]] == rows]
        card = draft.card[rows]
        generation[card] = draft.generation_of(rows)
        _as_items(ids)[card] = _as_items(payment_ids(draft)[rows])
    return CardHistory(ids, generation)


def day_before(plan: GenerationPlan) -> GenerationPlan | None:
    """The plan of the day whose payments come before the plan's own, or None where none do.

    A window of several days looks back to nothing, as its days would overlap.
    """
    if plan.lookback_days > 1 or plan.day == EARLIEST_DAY:
        return None
    return plan.on(plan.day - dt.timedelta(days=1))


class _LastDay:
    """The history of the whole day that was drawn last, for the day after it. A cache: what it holds can be drawn."""

    def __init__(self) -> None:
        self._known: tuple[GenerationPlan, CardHistory] | None = None

    def remember(self, plan: GenerationPlan, history: CardHistory) -> None:
        self._known = plan, history

    def of(self, plan: GenerationPlan) -> CardHistory:
        """The history of the plan's day: the one that is known, or drawn anew."""
        known = self._known  # at once: another thread may remember another day
        if known is None or known[0] != plan:
            known = plan, card_history(plan, range(block_count(plan.rows)))
            self._known = known
        return known[1]


last_day = _LastDay()


def last_payments(plan: GenerationPlan, block: int) -> LastPayments:
    """The last payment of every card before a block: of the day before, then of the day's blocks before it."""
    before = day_before(plan)
    if before is None:
        return LastPayments(card_history(plan, range(block)))
    history = last_day.of(before)
    return LastPayments(history.then(card_history(plan, range(block))) if block else history)


def payment_ids(draft: Draft) -> Words:
    """The two words of each transaction id of a block, as `uuid4` draws them; the shape is (rows, 2)."""
    return np.column_stack(uuid_words(draft.streams, "transaction_id"))
