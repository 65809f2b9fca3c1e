"""The world of a seed: customers, their cards, and merchants. It is the same on every day.

What an entity is (its city, its trade) is drawn once, into arrays; what it does is drawn per payment. Anything with a
share of the payments (a card, a merchant in its pool) appears in a list of slots as often as its weight says, so a
draw in proportion to the weights is one look-up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import ndtri

from synth_assets.generator import atlas
from synth_assets.generator.cards import complete_pans, hash_pans, pan_table
from synth_assets.generator.streams import Words, WorldStreams, hashed, scaled

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

FIRST_CUSTOMER_ID, FIRST_MERCHANT_ID = 10_000, 1_000
MERCHANTS = 9_000
CARD_MONTHS = 48
"""A card is valid for four years; then the customer gets one of another number."""
LEVELS = 1_024
"""Steps in which amounts are drawn from their distribution."""

PLACES = sorted(atlas.CITIES, key=lambda city: (city.zone, city.name))
ZONES = sorted({city.zone for city in PLACES})
COUNTRIES = [country.code for country in atlas.COUNTRIES]
CURRENCIES = [currency.code for currency in atlas.CURRENCIES]
TRADES = (*atlas.TRADES, atlas.CASH)
CASH_TRADE = len(atlas.TRADES)

_MEAN_SLOTS = 8
"""Slots of a customer of average activity. Activity is log-normal with a spread of 1: the busiest tenth of the
customers make four tenths of the payments (assumed)."""
_CARD_SHARES = (1.0, 0.4, 0.2)
"""How often a customer uses the first, second and third card, beside the first (assumed)."""
_STORES, _CASH_MACHINES, _SHOPS = 5_600, 300, 3_100
_POPULARITY_EXPONENT = {"store": 1.0, "cash": 0.5, "shop": 1.15}
"""Merchants' shares of a pool fall with their rank to this power (Zipf; Krumme et al. 2013 find 0.8 to 1.2)."""


def _table(values: Iterable[float]) -> Floats:
    return np.array(list(values), dtype=np.float64)


def _codes(values: Iterable[int]) -> Numbers:
    return np.array(list(values), dtype=np.int64)


PLACE_ZONE = _codes(ZONES.index(city.zone) for city in PLACES)
PLACE_COUNTRY = _codes(COUNTRIES.index(city.country) for city in PLACES)
COUNTRY_CURRENCY = _codes(CURRENCIES.index(country.currency) for country in atlas.COUNTRIES)
PER_DOLLAR = _table(currency.per_dollar for currency in atlas.CURRENCIES)
MINOR_UNITS = _table(10.0**currency.decimals for currency in atlas.CURRENCIES)
NOTES = _table(currency.note for currency in atlas.CURRENCIES)


def log_normal(median: float, spread: float, levels: int) -> Floats:
    """The quantiles of a log-normal law at the middles of `levels` equal steps.

    Rounded: the last digit of exp differs between processors, and must not reach the data.
    """
    return np.round(median * np.exp(spread * ndtri((np.arange(levels) + 0.5) / levels)), 4)


AMOUNTS = np.stack([log_normal(trade.median, trade.spread, LEVELS) for trade in TRADES])
"""Dollars, by trade and level."""


@dataclass(frozen=True)
class Pools:
    """Lists of merchants to draw from, each merchant as often as it is popular."""

    slots: npt.NDArray[np.uint16]
    starts: Words
    counts: Words

    @classmethod
    def of(cls, pools: list[tuple[Numbers, Numbers]]) -> Pools:
        """Build from the members of each pool and their popularity."""
        lists = [np.repeat(members, weights).astype(np.uint16) for members, weights in pools]
        counts = np.array([len(each) for each in lists], dtype=np.uint64)
        return cls(np.concatenate(lists), np.cumsum(counts) - counts, counts)

    def draw(self, pool: Numbers, words: Words) -> Numbers:
        return self.slots[self.starts[pool] + scaled(words, self.counts[pool])].astype(np.int64)


# The numbers of the pools: one of stores and one of cash machines per city, one of on-line shops per country, and
# the shops of all countries: all of them, and those of some trades.
STORES = 0
CASH = STORES + len(PLACES)
DOMESTIC = CASH + len(PLACES)
ANYWHERE = DOMESTIC + len(COUNTRIES)
SUBSCRIPTIONS, RESALE, SMALL_TICKET = ANYWHERE + 1, ANYWHERE + 2, ANYWHERE + 3


@dataclass(frozen=True, eq=False)
class Merchants:
    id: Numbers
    place: Numbers
    trade: Numbers
    latitude: Numbers
    longitude: Numbers
    """Positions in millionths of a degree."""
    kind: npt.NDArray[np.str_]
    pools: Pools

    @classmethod
    def of(cls, seed: int) -> Merchants:
        streams = WorldStreams(seed, "merchant", MERCHANTS)
        people = _table(city.millions for city in PLACES)
        nations = _table(sum(c.millions for c in PLACES if c.country == code) for code in COUNTRIES)
        stores = np.repeat(np.arange(len(PLACES)), _quotas(people, _STORES, 25))
        machines = np.repeat(np.arange(len(PLACES)), _quotas(people, _CASH_MACHINES, 3))
        nation_of_shop = np.repeat(np.arange(len(COUNTRIES)), _quotas(nations, _SHOPS, 30))
        # A shop has the seat of its country's first city.
        seats = _codes(next(i for i, city in enumerate(PLACES) if city.country == code) for code in COUNTRIES)
        place = np.concatenate([stores, machines, seats[nation_of_shop]])
        kind = np.repeat(["store", "cash", "shop"], [len(stores), len(machines), len(nation_of_shop)])
        groups = np.concatenate([stores, CASH + machines, DOMESTIC + nation_of_shop])
        rank = np.arange(MERCHANTS) - np.searchsorted(groups, groups)
        exponent = np.select([kind == each for each in _POPULARITY_EXPONENT], list(_POPULARITY_EXPONENT.values()))
        popularity = np.maximum(np.round(1_000 / (rank + 1.0) ** exponent, 3).astype(np.int64), 1)
        jitter = streams.below("latitude", 300_001).astype(np.int64), streams.below("longitude", 300_001)
        latitude = np.round(_table(c.latitude for c in PLACES) * 1e6).astype(np.int64)[place] + jitter[0] - 150_000
        longitude = np.round(_table(c.longitude for c in PLACES) * 1e6).astype(np.int64)[place]
        longitude += jitter[1].astype(np.int64) - 150_000
        trade = np.where(kind == "cash", CASH_TRADE, 0)
        for name, weights in (("store", [t.in_store for t in TRADES]), ("shop", [t.online for t in TRADES])):
            mine = kind == name
            trade[mine] = _trades(weights, hashed(seed, "first trade", groups[mine]), rank[mine])
        return cls(
            id=FIRST_MERCHANT_ID + np.argsort(streams.words("id")),
            place=place,
            trade=trade,
            latitude=latitude,
            longitude=longitude,
            kind=kind,
            pools=Pools.of(_pools(groups, popularity, kind == "shop", trade)),
        )


def _pools(
    groups: Numbers, popularity: Numbers, shop: npt.NDArray[np.bool_], trade: Numbers
) -> list[tuple[Numbers, Numbers]]:
    mccs = np.array([each.mcc for each in TRADES])[trade]
    members = [groups == group for group in range(ANYWHERE)] + [shop] + [
        shop & np.isin(mccs, sorted(chosen))
        for chosen in (atlas.SUBSCRIPTION_MCCS, atlas.RESALE_MCCS, atlas.SMALL_TICKET_MCCS)
    ]  # fmt: skip
    return [(np.flatnonzero(mine), popularity[mine]) for mine in members]


def _quotas(weights: Floats, total: int, least: int) -> Numbers:
    """Split `total` in proportion to the weights, each at least `least`; the largest takes what is left."""
    quotas = np.maximum(np.floor(total * weights / weights.sum()).astype(np.int64), least)
    quotas[weights.argmax()] += total - quotas.sum()
    return quotas


def _trades(weights: list[float], first: Words, rank: Numbers) -> Numbers:
    """A trade for each merchant of a pool. Steps of the golden ratio spread the trades evenly over the ranks, so that
    the popular merchants are of the popular trades in every world."""
    step = (first >> np.uint64(32)) + rank.astype(np.uint64) * np.uint64(0x9E3779B9)
    edges = np.cumsum(np.array(weights) / sum(weights))
    return np.searchsorted(edges[:-1], (step % np.uint64(2**32)) / 2.0**32, side="right")


@dataclass(frozen=True, eq=False)
class World:
    """Customers in the order of their time zones, and their cards in that of the customers.

    Args:
        slots: a card as often as it is active; those of a zone lie together.
        zone_starts, zone_counts: where a zone's slots lie.
    """

    seed: int
    customer_id: Numbers
    place: npt.NDArray[np.uint8]
    spending: Floats
    """How a customer's amounts compare with those of others."""
    apple: npt.NDArray[np.bool_]
    """Whether the customer's phone runs iOS."""
    card_customer: npt.NDArray[np.int32]
    card_scheme: npt.NDArray[np.uint8]
    card_phase: npt.NDArray[np.uint8]
    """Months by which a card's four years are shifted."""
    slots: npt.NDArray[np.int32]
    zone_starts: Words
    zone_counts: Words
    merchants: Merchants

    @staticmethod
    @lru_cache(maxsize=1)
    def of(seed: int, customers: int) -> World:
        """The world of a seed with this many customers. Half a second and 100 MB for 600,000 of them."""
        streams = WorldStreams(seed, "customer", customers)
        people = np.cumsum([round(city.millions * 10) for city in PLACES])
        place = np.sort(np.searchsorted(people, streams.below("place", int(people[-1])), side="right"))
        apple_share = _table(country.apple_share for country in atlas.COUNTRIES)[PLACE_COUNTRY[place]]
        activity = log_normal(_MEAN_SLOTS * 0.6065, 1.0, LEVELS)[streams.below("activity", LEVELS)]
        second, third = streams.chosen("second card", 0.3), streams.chosen("third card", 0.25)
        cards = 1 + second.astype(np.int64) + (second & third)
        card_customer = np.repeat(np.arange(customers, dtype=np.int32), cards)
        first_card = np.cumsum(cards) - cards
        share = _table(_CARD_SHARES)[np.arange(len(card_customer)) - first_card[card_customer]]
        weights = np.maximum(np.round(activity[card_customer] * share), 1).astype(np.int64)
        zones = np.bincount(PLACE_ZONE[place][card_customer], weights=weights, minlength=len(ZONES)).astype(np.uint64)
        card_streams = WorldStreams(seed, "card", len(card_customer))
        schemes = np.cumsum([share for _, share in atlas.SCHEMES])
        return World(
            seed=seed,
            customer_id=FIRST_CUSTOMER_ID + np.argsort(streams.words("id")),
            place=place.astype(np.uint8),
            spending=log_normal(1.0, 0.35, 256)[streams.below("spending", 256)],
            apple=streams.fractions("phone") < apple_share,
            card_customer=card_customer,
            card_scheme=np.searchsorted(schemes, card_streams.below("scheme", 100), side="right").astype(np.uint8),
            card_phase=card_streams.below("phase", CARD_MONTHS).astype(np.uint8),
            slots=np.repeat(np.arange(len(card_customer), dtype=np.int32), weights),
            zone_starts=np.cumsum(zones) - zones,
            zone_counts=zones,
            merchants=Merchants.of(seed),
        )

    @property
    def card_count(self) -> int:
        return len(self.card_customer)

    def generation(self, card: npt.NDArray[Any], month: npt.NDArray[Any]) -> Numbers:
        """How often each card has been renewed, in the months given (counted from year 0)."""
        return (month + self.card_phase[card].astype(np.int64)) // CARD_MONTHS

    def expiry(self, card: npt.NDArray[Any], generation: Numbers) -> Numbers:
        """The last month (counted from year 0) in which each card can be used."""
        return (generation + 1) * CARD_MONTHS - 1 - self.card_phase[card].astype(np.int64)

    def pan_hashes(self, card: npt.NDArray[Any], generation: Numbers) -> pl.Series:
        """The hash of the PAN that each card has in a generation."""
        table = pan_table(tuple(name for name, _ in atlas.SCHEMES))
        scheme = self.card_scheme[card]
        start, middle = (hashed(self.seed, f"card/pan/{part}", card, generation) for part in ("start", "middle"))
        head = table.offsets[scheme] + scaled(start, table.counts[scheme])
        third = scaled(start << np.uint64(32), table.third_group_sizes[head])
        second, first = scaled(middle, 10_000), scaled(middle << np.uint64(32), 10_000)
        return hash_pans(complete_pans(table, head, third, second, first))

    # --- the world as tables ------------------------------------------------------------------------------------

    def customers_table(self) -> pl.DataFrame:
        """One row a customer: customer_id, home country, city, time zone, currency, phone."""
        return pl.DataFrame({"customer_id": self.customer_id}).hstack(
            _place_columns(self.place, "home_").with_columns(
                phone=pl.Series(np.where(self.apple, "IOS", "ANDROID")),
            )
        )

    def cards_table(self, year: int) -> pl.DataFrame:
        """One row a card that is valid in some month of the year: card_pan_hash, customer_id, card_scheme, expiry,
        and the first month of its validity."""
        cards = np.arange(self.card_count)
        first, last = (self.generation(cards, np.full(len(cards), month)) for month in (year * 12, year * 12 + 11))
        renewed = np.flatnonzero(first != last)
        card, generation = np.concatenate([cards, renewed]), np.concatenate([first, last[renewed]])
        expiry = self.expiry(card, generation)
        since = expiry - CARD_MONTHS + 1
        return pl.DataFrame(
            {
                "card_pan_hash": self.pan_hashes(card, generation),
                "customer_id": self.customer_id[self.card_customer[card]],
                "card_scheme": pl.Series([name for name, _ in atlas.SCHEMES]).gather(self.card_scheme[card]),
                "card_exp_year": expiry // 12,
                "card_exp_month": expiry % 12 + 1,
                "valid_from": since,
            }
        ).with_columns(pl.date(pl.col("valid_from") // 12, pl.col("valid_from") % 12 + 1, 1).alias("valid_from"))

    def merchants_table(self) -> pl.DataFrame:
        """One row a merchant: merchant_id, mcc_code, where it is, and which channel it serves."""
        merchants = self.merchants
        channels = pl.Series(merchants.kind).replace_strict({"store": "IN_STORE", "cash": "ATM", "shop": "ONLINE"})
        return pl.DataFrame(
            {"merchant_id": merchants.id, "mcc_code": pl.Series([t.mcc for t in TRADES]).gather(merchants.trade)}
        ).hstack(
            _place_columns(merchants.place, "merchant_").with_columns(
                latitude=pl.Series(merchants.latitude / 1e6),
                longitude=pl.Series(merchants.longitude / 1e6),
                channel=channels,
            )
        )


def _place_columns(place: npt.NDArray[Any], prefix: str) -> pl.DataFrame:
    places = pl.DataFrame(
        {
            f"{prefix}country": [city.country for city in PLACES],
            f"{prefix}city": [city.name for city in PLACES],
            f"{prefix}time_zone": [city.zone for city in PLACES],
            "currency_code": [CURRENCIES[each] for each in COUNTRY_CURRENCY[PLACE_COUNTRY]],
        }
    )
    return places[place.astype(np.int64)]
