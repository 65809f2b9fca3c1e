"""When cards are issued anew: by turns of each card's own calendar, so that any moment is looked up alone.

A card has one turn in every `TURN_DAYS`, at a moment of its own. At some turns it is issued anew with another PAN. So
the day on which a card is blocked is known before the fraud that leads to it: a case of fraud takes the card of a
customer whose card is issued anew on the day of its report.

In each part of `TURN_DAYS` the cards have their turns in another order, by an affine step that can be undone: so the
cards of a day are found. A part is short, and turns are drawn independently of each other: so the age of a card tells
next to nothing of when it is issued anew.
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
TURN_DAYS = 16
"""Days in which each card has one turn (assumed)."""
ERA_TURNS = 16
"""A card is issued anew at one of so many turns in the mean, lost and worn-out cards included (assumed). That is more
often than in life, as is the default rate of fraud: few cards are taken twice."""
ERAS = 5
"""In one of so many eras, of `ERA_TURNS` turns each, a card is issued anew in any case: at least every 1,296 days,
before its 48 months are over (assumed)."""
CARD_MONTHS = 48
"""Calendar months in which a card can be used, that of its issue included (assumed)."""

_EPOCH_MS = round(dt.datetime(1675, 1, 1, tzinfo=dt.UTC).timestamp()) * 1_000
"""Turns are counted from here, before all days of payments, so that no number is below 0."""
_PARTS = 13_500
_PART_MS = TURN_DAYS * DAY_MS
_LOWEST = np.uint64(0x1111_1111_1111_1111)
"""The lowest bit of each group of four: a word has one for each turn of an era, and such a group is 0 once in 16."""


@dataclass(frozen=True, eq=False)
class Calendar:
    """The turns of all cards of a world.

    Args:
        places: a prime number, at least the number of cards: the places in the order of a part.
        factor, shift: by part, how the place of a card follows from its number.
    """

    seed: int
    cards: int
    places: int
    factor: Numbers
    shift: Numbers

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
        return Calendar(seed, cards, places, factor, shift)

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

    def issued_on(self, day: int) -> Numbers:
        """The cards that are issued anew on a day, counted from 1970."""
        turn, into = divmod(day * DAY_MS - _EPOCH_MS, _PART_MS)
        first, last = (-(-(into + more) * self.places // _PART_MS) for more in (0, DAY_MS))
        undo = pow(int(self.factor[turn]), -1, self.places)
        card = (np.arange(first, last) - self.shift[turn]) * undo % self.places
        card = card[card < self.cards]
        return card[self.issued_anew(card, np.full(1, turn))]

    def issued_anew(self, card: npt.NDArray[Any], turn: Numbers) -> Mask:
        """Whether each card is issued anew at its turn, or at the one turn of all."""
        era, number = np.divmod(turn, ERA_TURNS)
        return (self._issues(card, era) >> (4 * number).astype(np.uint64) & np.uint64(1)).astype(np.bool_)

    def issue(self, card: Numbers, moment: npt.NDArray[Any]) -> Numbers:
        """The issue of each card that is in use at a moment, by the number of the turn at which it was made."""
        era, number = np.divmod(self.last_turn(card, moment), ERA_TURNS)
        issues = self._issues(card, era) & ((np.uint64(2) << (4 * number).astype(np.uint64)) - np.uint64(1))
        left = np.flatnonzero(issues == 0)
        while len(left):
            era[left] -= 1
            issues[left] = self._issues(card[left], era[left])
            left = left[issues[left] == 0]
        # The exponent of a double is the place of the highest bit.
        last = (np.frexp(issues.astype(np.float64))[1].astype(np.int64) - 1) // 4
        return era * ERA_TURNS + last

    def _issues(self, card: npt.NDArray[Any], era: Numbers) -> Words:
        """At which turns of an era each card is issued anew: a bit of `_LOWEST` for each."""
        word = hashed(self.seed, "card/issue", card, era)
        word |= word >> np.uint64(1)
        word |= word >> np.uint64(2)
        issues = ~word & _LOWEST
        in_any_case = np.flatnonzero((era + card) % ERAS == 0)
        turn = (card[in_any_case] // ERAS % ERA_TURNS).astype(np.uint64)
        issues[in_any_case] |= np.uint64(1) << (np.uint64(4) * turn)
        return issues


def months_of(moment: npt.NDArray[Any]) -> Numbers:
    """The month since year 0 (UTC) of each moment, in milliseconds since 1970."""
    days = moment // DAY_MS
    if not len(days):
        return days
    # NumPy takes longer for a date than for a look-up, and the moments are of few different days.
    first = days.min()
    months = np.arange(first, days.max() + 1).astype("M8[D]").astype("M8[M]").astype(np.int64) + 1_970 * 12
    return months[days - first]
