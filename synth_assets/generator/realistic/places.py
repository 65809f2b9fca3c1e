"""The cities of the world in the order of their time zones, and what follows from a city: its zone, country, currency.

A place is a city's number in `PLACES`. Zones, countries and currencies are numbered in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from synth_assets.generator.realistic import atlas
from synth_assets.generator.streams import Floats, Numbers

PLACES = sorted(atlas.CITIES, key=lambda city: (city.zone, city.name))
ZONES = sorted({city.zone for city in PLACES})
COUNTRIES = [country.code for country in atlas.COUNTRIES]
CURRENCIES = [currency.code for currency in atlas.CURRENCIES]


def floats(values: Iterable[float]) -> Floats:
    """Values as an array of doubles."""
    return np.array(list(values), dtype=np.float64)


def numbers(values: Iterable[int]) -> Numbers:
    """Values as an array of whole numbers."""
    return np.array(list(values), dtype=np.int64)


PLACE_ZONE = numbers(ZONES.index(city.zone) for city in PLACES)
PLACE_COUNTRY = numbers(COUNTRIES.index(city.country) for city in PLACES)
COUNTRY_CURRENCY = numbers(CURRENCIES.index(country.currency) for country in atlas.COUNTRIES)
PER_DOLLAR = floats(currency.per_dollar for currency in atlas.CURRENCIES)
MINOR_UNITS = floats(10.0**currency.decimals for currency in atlas.CURRENCIES)
"""By currency, how many of its smallest units make a major one."""
BANKNOTES = floats(currency.banknote for currency in atlas.CURRENCIES)


def place_columns(place: npt.NDArray[Any], prefix: str) -> pl.DataFrame:
    """For each place a row with country, city and time zone, whose names begin with the prefix, and currency_code."""
    places = pl.DataFrame(
        {
            f"{prefix}country": [city.country for city in PLACES],
            f"{prefix}city": [city.name for city in PLACES],
            f"{prefix}time_zone": [city.zone for city in PLACES],
            "currency_code": [CURRENCIES[each] for each in COUNTRY_CURRENCY[PLACE_COUNTRY]],
        }
    )
    return places[place.astype(np.int64)]
