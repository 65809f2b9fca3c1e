"""The merchants that customers go back to, and the cards that are copied there."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import numpy.typing as npt

from synth_assets.generator.realistic.cases import COPIED_DAYS
from synth_assets.generator.realistic.merchants import STORE_POOLS
from synth_assets.generator.realistic.world import World
from synth_assets.generator.streams import Mask, Numbers, Words, hashed

HABITS = 8
"""The merchants of a channel that a customer goes back to (assumed)."""
COMPROMISED_DAYS = 14
"""The days after which other merchants' terminals copy cards (assumed)."""
COMPROMISED_CITIES = 0.25
"""The share of the cities in which a terminal copies cards at a time (assumed)."""


def habit_words(seed: int, person: npt.NDArray[Any], channel: npt.NDArray[Any], number: npt.NDArray[Any]) -> Words:
    """The word that leads a person to the habit of this number (below `HABITS`) in a channel: always the same."""
    return hashed(seed, "habit", person, channel * 64 + number)


def copies_cards(seed: int, place: Numbers, day: dt.date) -> Mask:
    """Whether a terminal of each city copies the cards that are used as counterfeits on a day."""
    fortnight = np.int64(day.toordinal() // COMPROMISED_DAYS)
    return hashed(seed, "compromised/city", place, np.full(1, fortnight)) < np.uint64(round(COMPROMISED_CITIES * 2**64))


def compromised_merchant(world: World, place: Numbers, day: dt.date) -> Numbers:
    """The merchant of each city whose terminal copies cards on a day, if one does: a popular store that stays open for
    as long as the copies are used."""
    word = hashed(world.seed, "compromised/merchant", place, np.full(1, day.toordinal() // COMPROMISED_DAYS))
    first = np.full(len(place), (day - dt.date(1970, 1, 1)).days)
    return world.merchants.draw(STORE_POOLS + place, word, first, first + COPIED_DAYS)
