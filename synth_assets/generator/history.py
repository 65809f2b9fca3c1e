"""The payment before: for every payment, the id of the last one with the same card."""

from __future__ import annotations

import numpy as np

from synth_assets.generator.streams import Mask, Words
from synth_assets.generator.world import Numbers

_ROW_BITS = np.uint64(20)


class CardHistory:
    """The last payment of every card: 18 bytes a card, however many payments there were."""

    def __init__(self, cards: int) -> None:
        self._high = np.zeros(cards, dtype=np.uint64)
        self._low = np.zeros(cards, dtype=np.uint64)
        self._generation = np.full(cards, -1, dtype=np.int16)

    def follow(self, card: Numbers, generation: Numbers, high: Words, low: Words) -> tuple[Words, Words, Mask]:
        """Pass on by some payments, in order: their cards, the cards' generations, and the two words of their ids.

        Returns:
            For each payment the words of the id before it, and whether there is one: a renewed card starts anew.
        """
        rows = np.arange(len(card), dtype=np.uint64)
        order = np.sort(card.astype(np.uint64) << _ROW_BITS | rows) & ((np.uint64(1) << _ROW_BITS) - np.uint64(1))
        card, generation = card[order], generation[order]
        again = np.concatenate([[False], card[1:] == card[:-1]])
        before = np.concatenate([order[:1], order[:-1]])
        previous_high = np.where(again, high[before], self._high[card])
        previous_low = np.where(again, low[before], self._low[card])
        previous_generation = np.where(again, np.roll(generation, 1), self._generation[card])
        last = np.concatenate([~again[1:], [True]])
        self._high[card[last]], self._low[card[last]] = high[order[last]], low[order[last]]
        self._generation[card[last]] = generation[last]
        back = np.empty_like(order)
        back[order] = rows
        return previous_high[back], previous_low[back], (previous_generation == generation)[back]
