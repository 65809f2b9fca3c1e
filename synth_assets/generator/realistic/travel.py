"""Where customers are: at home, or on a journey that begins and ends at any hour.

A customer's calendar has a part of `PART_DAYS` after another, and in some of them one journey. Nobody is in two cities:
while a customer is on the way or away, no card of theirs pays at a terminal at home.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synth_assets.generator.realistic.issues import DAY_MS
from synth_assets.generator.realistic.places import PLACE_COUNTRY, PLACES, floats
from synth_assets.generator.streams import Floats, Mask, Numbers, fractions, hashed, scaled

PART_DAYS = 28
JOURNEYS = 0.15
"""The share of the parts of a customer's calendar that have a journey (assumed)."""
SHORTEST_DAYS, LONGEST_DAYS = 2, 10
"""The days from setting out to being home again (assumed)."""
DOMESTIC = 0.6
"""The share of the journeys that stay in the country, where it has another city (assumed)."""
_HOUR_MS = 3_600_000
_SLOWEST_HOURS, _KM_AN_HOUR = 3.0, 600.0
"""How long the way takes: some hours, and more by the distance (assumed)."""
_EARTH_KM = 6_371.0
_PART_MS = PART_DAYS * DAY_MS


def _distances() -> Floats:
    """Kilometres between the places, along a great circle."""
    north, east = (np.radians(floats(getattr(city, name) for city in PLACES)) for name in ("latitude", "longitude"))
    half = np.sin((north[:, None] - north) / 2) ** 2
    half += np.cos(north[:, None]) * np.cos(north) * np.sin((east[:, None] - east) / 2) ** 2
    return 2 * _EARTH_KM * np.arcsin(np.sqrt(half))


KILOMETRES = _distances()
_WAY_MS = np.round((_SLOWEST_HOURS + KILOMETRES / _KM_AN_HOUR) * _HOUR_MS).astype(np.int64)
"""Milliseconds of the way between two places."""
_DOMESTIC_PLACES = [np.flatnonzero(PLACE_COUNTRY[place] == PLACE_COUNTRY) for place in range(len(PLACES))]
_DOMESTIC_COUNT = np.array([len(each) for each in _DOMESTIC_PLACES], dtype=np.uint64)
_DOMESTIC_TABLE = np.array([np.resize(each, int(_DOMESTIC_COUNT.max())) for each in _DOMESTIC_PLACES])


@dataclass(frozen=True)
class Whereabouts:
    """Where customers are at some moments.

    Args:
        place: the city; on the way it is where the journey leads.
        away: whether that is on a journey, the way included.
        on_the_way: whether they are between two cities.
    """

    place: Numbers
    away: Mask
    on_the_way: Mask


def whereabouts(seed: int, person: Numbers, home: Numbers, moment: Numbers) -> Whereabouts:
    """Where each person with this home is at a moment, in milliseconds since 1970 (UTC)."""
    shifted = moment + (hashed(seed, "journey/part", person) % np.uint64(_PART_MS)).astype(np.int64)
    part = shifted // _PART_MS
    travels = np.flatnonzero(hashed(seed, "journey", person, part) < np.uint64(round(JOURNEYS * 2**64)))
    into = (shifted - part * _PART_MS)[travels]
    words = [hashed(seed, f"journey/{each}", person[travels], part[travels]) for each in ("days", "start", "city")]
    span = LONGEST_DAYS - SHORTEST_DAYS
    length = ((SHORTEST_DAYS + span * fractions(words[0])) * DAY_MS).astype(np.int64)
    start = (fractions(words[1]) * (_PART_MS - length)).astype(np.int64)
    city = _destination(home[travels], words[2])
    gone = (start <= into) & (into < start + length) & (city != home[travels])
    way = _WAY_MS[home[travels], city]
    between = gone & ((into < start + way) | (into >= start + length - way))
    place, away, on_the_way = home.copy(), np.zeros(len(home), np.bool_), np.zeros(len(home), np.bool_)
    place[travels[gone]] = city[gone]
    away[travels[gone]] = True
    on_the_way[travels[between]] = True
    return Whereabouts(place, away, on_the_way)


def _destination(home: Numbers, word: np.ndarray) -> Numbers:
    """A city for each word: of the home's country, or any."""
    near = (word & np.uint64(0xFF)) < np.uint64(round(DOMESTIC * 256))
    domestic = _DOMESTIC_TABLE[home, scaled(word, _DOMESTIC_COUNT[home]).astype(np.int64)]
    return np.where(near, domestic, scaled(word, len(PLACES)).astype(np.int64))
