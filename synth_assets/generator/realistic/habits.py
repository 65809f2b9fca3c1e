"""The merchants that customers go back to, and the cards that are copied there."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import numpy.typing as npt

from synth_assets.generator.codes import Channel
from synth_assets.generator.realistic.merchants import STORE_POOLS
from synth_assets.generator.realistic.places import PLACES
from synth_assets.generator.realistic.world import World
from synth_assets.generator.streams import Numbers, Words, hashed, scaled

HABITS = 8
"""The merchants of a channel that a customer goes back to (assumed)."""
COMPROMISED_MERCHANTS = 8
"""The merchants whose terminals copy cards at a time (assumed)."""
COMPROMISED_DAYS = 14
"""The days after which other merchants' terminals copy cards (assumed)."""


def habit_words(world: World, customer: npt.NDArray[Any], channel: npt.NDArray[Any], number: npt.NDArray[Any]) -> Words:
    """The word that leads a customer to the habit of this number (below `HABITS`) in a channel: always the same."""
    return hashed(world.seed, "habit", customer, channel * 64 + number)


def compromised_merchants(world: World, day: dt.date) -> tuple[Numbers, Numbers]:
    """The merchants whose terminals copy cards on a day, and their cities: a popular store of each city."""
    which = np.arange(COMPROMISED_MERCHANTS) + COMPROMISED_MERCHANTS * (day.toordinal() // COMPROMISED_DAYS)
    place = scaled(hashed(world.seed, "compromised/city", which), len(PLACES)).astype(np.int64)
    words = hashed(world.seed, "compromised/merchant", which)
    return world.merchants.pools.draw(STORE_POOLS + place, words), place


def copied_cards(world: World, day: dt.date, words: Words, tries: int = 64) -> Numbers:
    """A card for each word, of a customer who goes to a compromised merchant.

    The first of `tries` customers of the merchant's city who does is taken, or the first of them if none does.
    """
    merchants, places = compromised_merchants(world, day)
    which = scaled(words, COMPROMISED_MERCHANTS).astype(np.int64)
    # Customers are in the order of their cities.
    first, past = (np.searchsorted(world.place, places[which], side) for side in ("left", "right"))
    attempts = hashed(world.seed, "copied", words[:, None], np.arange(tries)[None, :])
    among = (past - first).astype(np.uint64)[:, None]
    customers = np.minimum(first[:, None] + scaled(attempts, among).astype(np.int64), len(world.place) - 1)
    goes = np.zeros(customers.shape, dtype=np.bool_)
    stores = STORE_POOLS + world.place[customers].astype(np.int64)
    for number in range(HABITS):
        habit = habit_words(world, customers, np.array([Channel.IN_STORE]), np.array([number]))
        goes |= world.merchants.pools.draw(stores, habit) == merchants[which, None]
    customer = customers[np.arange(len(words)), np.argmax(goes, axis=1)]
    return np.searchsorted(world.card_customer, customer)
