"""The payment before: for every payment, the id of the last one with the same card."""

from __future__ import annotations

import numpy as np

from synth_assets.generator.streams import Mask, Words
from synth_assets.generator.world import Numbers

_ROW_BITS = np.uint64(20)
_ROW = (np.uint64(1) << _ROW_BITS) - np.uint64(1)


class CardHistory:
    """The last payment of every card: 18 bytes a card, however many payments there were."""

    def __init__(self, cards: int) -> None:
        self._ids = np.zeros((cards, 2), dtype=np.uint64)
        self._generation = np.full(cards, -1, dtype=np.int16)

    def pass_by(self, card: Numbers, generation: Numbers, ids: Words) -> None:
        """Take in some payments, in order: their cards, the cards' generations, and their ids (two words each)."""
        # Where a card comes more than once, NumPy keeps what is assigned last.
        self._ids[card] = ids
        self._generation[card] = generation

    def follow(self, card: Numbers, generation: Numbers, ids: Words) -> tuple[Words, Mask]:
        """Take in some payments, and say for each what the id before it is, and whether there is one: a renewed card
        starts anew."""
        previous, known = self._ids[card], self._generation[card] == generation
        by_card = np.sort(card.astype(np.uint64) << _ROW_BITS | np.arange(len(card), dtype=np.uint64))
        row = by_card & _ROW
        again = (by_card[1:] >> _ROW_BITS) == (by_card[:-1] >> _ROW_BITS)
        later, earlier = row[1:][again], row[:-1][again]
        previous[later], known[later] = ids[earlier], generation[earlier] == generation[later]
        self.pass_by(card, generation, ids)
        return previous, known
