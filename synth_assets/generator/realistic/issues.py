"""When cards are issued anew: by turns of each card's own calendar, so that any moment is looked up alone.

A card has one turn in every `TURN_DAYS`, at a moment of its own. At some turns it is issued anew with another PAN. So
the day on which a card is blocked is known before the fraud that leads to it: a case of fraud takes the card of a
customer whose card is issued anew on the day of its report.

In each part of `TURN_DAYS` the cards have their turns in another order, by an affine step that can be undone: so the
cards of a day are found, and the age of a card tells nothing of its next turn.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt

from synth_assets.generator.streams import Mask, Numbers, Words, hashed, scaled

DAY_MS = 86_400_000
TURN_DAYS = 175
"""Days in which each card has one turn (assumed)."""
TURNS = 7
"""Turns after which a card is issued anew in any case: 1,400 days at most, before its 48 months are over (assumed)."""
REISSUED = 0.6
"""The share of the other turns at which a card is issued anew, lost and worn-out cards included (assumed). It is higher
than in life, as is the default rate of fraud: few cards are taken twice."""
CARD_MONTHS = 48
"""Calendar months in which a card can be used, that of its issue included (assumed)."""

_EPOCH_MS = round(dt.datetime(1675, 1, 1, tzinfo=dt.UTC).timestamp()) * 1_000
"""Turns are counted from here, before all days of payments, so that no number is below 0."""
_PARTS = 1_300
_PART_MS = TURN_DAYS * DAY_MS
_REISSUED = np.uint64(round(REISSUED * 2**64))


@dataclass(frozen=True, eq=False)
class Calendar:
    """The turns of all cards of a world.

    Args:
        places: a prime number, at least the number of cards: the places in the order of a part.
        factor, shift: by part, how the place of a card follows from its number.
        inverse: by part, what undoes the factor.
    """

    seed: int
    cards: int
    places: int
    factor: Numbers
    shift: Numbers
    inverse: Numbers

    @staticmethod
    @lru_cache(maxsize=4)
    def of(seed: int, cards: int) -> Calendar:
        """The calendar of so many cards."""
        places = next(
            number for number in count(cards) if all(number % each for each in range(2, int(number**0.5) + 1))
        )
        parts = np.arange(_PARTS)
        factor = 1 + scaled(hashed(seed, "turn/factor", parts), places - 1).astype(np.int64)
        shift = scaled(hashed(seed, "turn/shift", parts), places).astype(np.int64)
        inverse = np.array([pow(int(each), -1, places) for each in factor])
        return Calendar(seed, cards, places, factor, shift, inverse)

    def moment(self, card: npt.NDArray[Any], turn: Numbers) -> Numbers:
        """When a turn of a card is, in milliseconds since 1970 (UTC)."""
        place = (card * self.factor[turn] + self.shift[turn]) % self.places
        return turn * _PART_MS + place * _PART_MS // self.places + _EPOCH_MS

    def part(self, moment: npt.NDArray[Any]) -> Numbers:
        """The part that a moment is in: the number of a card's last turn up to it, or one more."""
        return (moment - _EPOCH_MS) // _PART_MS

    def last_turn(self, card: Numbers, moment: npt.NDArray[Any]) -> Numbers:
        """The last turn of each card up to a moment (in milliseconds since 1970), by its number."""
        turn = self.part(moment) + np.zeros_like(card)
        return turn - (self.moment(card, turn) > moment)

    def cards_of(self, day: Numbers, words: Words) -> tuple[Numbers, Numbers]:
        """For each word a card that has a turn on the day (since 1970), and the turn.

        A number that is that of no card stands for none.
        """
        turn, into = np.divmod(day * DAY_MS - _EPOCH_MS, _PART_MS)
        first, last = (-(-(into + more) * self.places // _PART_MS) for more in (0, DAY_MS))
        place = first + scaled(words, (last - first).astype(np.uint64)).astype(np.int64)
        return (place - self.shift[turn]) * self.inverse[turn] % self.places, turn

    def issued_anew(self, card: npt.NDArray[Any], turn: Numbers) -> Mask:
        """Whether a card is issued anew at a turn."""
        in_any_case = (turn + card) % TURNS == 0
        return in_any_case | (hashed(self.seed, "card/issue", card, turn) < _REISSUED)

    def issue(self, card: Numbers, moment: npt.NDArray[Any]) -> Numbers:
        """The issue of each card that is in use at a moment, by the number of the turn at which it was made."""
        turn = self.last_turn(card, moment)
        left = np.flatnonzero(~self.issued_anew(card, turn))
        while len(left):
            turn[left] -= 1
            left = left[~self.issued_anew(card[left], turn[left])]
        return turn


def months_of(moment: npt.NDArray[Any]) -> Numbers:
    """The month since year 0 (UTC) of each moment, in milliseconds since 1970."""
    days = moment // DAY_MS
    if not len(days):
        return days
    # NumPy takes longer for a date than for a look-up, and the moments are of few different days.
    first = days.min()
    months = np.arange(first, days.max() + 1).astype("M8[D]").astype("M8[M]").astype(np.int64) + 1_970 * 12
    return months[days - first]
