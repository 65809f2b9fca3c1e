"""The merchants of a world: stores and cash machines in its cities, online shops in its countries.

A merchant number stays with a trade and its premises; the merchants that hold it open and close.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from synth_assets.generator.codes import Channel, names
from synth_assets.generator.columns import MERCHANT_IDS
from synth_assets.generator.realistic import atlas
from synth_assets.generator.realistic.holders import MERCHANT_TENURE, NOBODY, Register, another, dates, drawn
from synth_assets.generator.realistic.places import COUNTRIES, PLACES, floats, numbers, place_columns
from synth_assets.generator.realistic.quantiles import log_normal
from synth_assets.generator.streams import Floats, Mask, Numbers, Words, WorldStreams, hashed, scaled

TRADES = (*atlas.TRADES, atlas.CASH)
CASH_TRADE = len(atlas.TRADES)

AMOUNTS = np.stack([log_normal(trade.median, trade.sigma) for trade in TRADES])
"""Dollars, by trade and by the level of `quantiles.LEVELS`."""

_COUNT = {Channel.IN_STORE: 5_600, Channel.ATM: 300, Channel.ONLINE: 3_100}
"""Merchants by the channel that they serve (assumed): one for each merchant number of the contract."""
_MERCHANTS = sum(_COUNT.values())
_POPULARITY_EXPONENT = {Channel.IN_STORE: 1.0, Channel.ATM: 0.5, Channel.ONLINE: 1.15}
"""A merchant's share of its pool falls with its rank to this power. Zipf's law is assumed; Krumme et al. 2013 find
exponents of 0.8 to 1.2 for stores."""

# The numbers of the pools that merchants are drawn from. There is one of stores and one of cash machines for each
# place, one of shops for each country, one of all shops, one for each of two groups of trades, and
# some of a third.
STORE_POOLS = 0
CASH_MACHINE_POOLS = STORE_POOLS + len(PLACES)
DOMESTIC_SHOP_POOLS = CASH_MACHINE_POOLS + len(PLACES)
ALL_SHOPS = DOMESTIC_SHOP_POOLS + len(COUNTRIES)
RESALE_SHOPS, SMALL_TICKET_SHOPS = ALL_SHOPS + 1, ALL_SHOPS + 2
SUBSCRIPTION_SHOPS = ALL_SHOPS + 3
SUBSCRIPTION_COHORTS = 30
"""The parts into which the shops with standing agreements are dealt, as many as the days of their cycle. There is a
pool of each for every country, and after these one of each for all countries."""
WORLDWIDE = len(COUNTRIES)
"""The place of all countries among those of the pools of shops with standing agreements."""


_LOCAL_DRAWS = 8
"""After so many merchants that are closed, an agreement is with a shop of any country."""


@dataclass(frozen=True)
class Pools:
    """Lists of merchants to draw from, each merchant as often as it is popular.

    Args:
        slots: the lists, one after the other.
        starts, counts: by pool, where its list begins, and how long it is.
    """

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
        """A merchant of the pool for each random word, in proportion to popularity."""
        slot = self.starts[pool] + scaled(words, self.counts[pool])
        return self.slots[slot.astype(np.int64)].astype(np.int64)


@dataclass(frozen=True, eq=False)
class Merchants:
    """The merchant numbers of a world, each an entry of every array.

    Args:
        id: the merchant numbers of the contract.
        place: the city; of a shop, the first city of its country.
        trade: the place in `TRADES`.
        latitude, longitude: in millionths of a degree.
        channel: the `Channel` that the merchant serves.
        pools: the lists that merchants are drawn from.
        register: who holds the merchant numbers.
    """

    id: Numbers
    place: Numbers
    trade: Numbers
    latitude: Numbers
    longitude: Numbers
    channel: Numbers
    pools: Pools
    register: Register

    @classmethod
    def of(cls, seed: int) -> Merchants:
        """The merchants of a seed."""
        streams = WorldStreams(seed, "merchant", _MERCHANTS)
        channel, place, group = _sites()
        rank = np.arange(_MERCHANTS) - np.searchsorted(group, group)
        trade = _trades(seed, channel, group, rank)
        pools = _pools(group, _popularity(channel, rank), channel, trade)
        return cls(
            id=MERCHANT_IDS[0] + np.argsort(streams.words("id")),
            place=place,
            trade=trade,
            latitude=_near(place, [city.latitude for city in PLACES], streams.below("latitude", 300_001)),
            longitude=_near(place, [city.longitude for city in PLACES], streams.below("longitude", 300_001)),
            channel=channel,
            pools=Pools.of(pools),
            register=Register(seed, MERCHANT_TENURE, _MERCHANTS, always=_always(pools)),
        )

    def draw(self, pool: Numbers, words: Words, day: Numbers, last: Numbers | None = None) -> Numbers:
        """A merchant of the pool for each random word, in proportion to popularity, among those that are open on a day,
        and until the `last` day where one is given (both since 1970).

        The same word leads to the same merchant until it closes, and to the same other one from then on.
        """

        def draw(rows: Numbers, attempt: int) -> Numbers:
            among = pool[rows] if attempt < _LOCAL_DRAWS else _of_any_country(pool[rows])
            return self.pools.draw(among, another(words[rows], attempt))

        def open_then(found: Numbers, rows: Numbers) -> Mask:
            return self.register.since(found, day[rows], None if last is None else last[rows]) < NOBODY

        return drawn(len(words), draw, open_then)

    def table(self, year: int) -> pl.DataFrame:
        """One row a merchant of the year: merchant_id, mcc_code, where it is, which channel it serves, the day of
        opening (null for one that was always there), and the first day on which it is closed, where the year knows it.
        """
        held = self.register.of_year(year)
        here = np.flatnonzero(held.since < NOBODY)
        mcc = pl.Series([trade.mcc for trade in TRADES]).gather(self.trade[here])
        return pl.DataFrame({"merchant_id": self.id[here], "mcc_code": mcc}).hstack(
            place_columns(self.place[here], "merchant_").with_columns(
                latitude=pl.Series(self.latitude[here] / 1e6),
                longitude=pl.Series(self.longitude[here] / 1e6),
                channel=pl.Series(names(Channel)).gather(self.channel[here]),
                **dates(held, here, year, "opened", "closed"),
            )
        )


class _Sites(NamedTuple):
    channel: Numbers
    place: Numbers
    group: Numbers
    """The pool of each merchant's place or country, ascending."""


def _sites() -> _Sites:
    people = floats(city.millions for city in PLACES)
    nations = floats(sum(city.millions for city in PLACES if city.country == code) for code in COUNTRIES)
    stores = np.repeat(np.arange(len(PLACES)), _quotas(people, _COUNT[Channel.IN_STORE], 25))
    machines = np.repeat(np.arange(len(PLACES)), _quotas(people, _COUNT[Channel.ATM], 3))
    shops = np.repeat(np.arange(len(COUNTRIES)), _quotas(nations, _COUNT[Channel.ONLINE], 75))
    seats = numbers(next(i for i, city in enumerate(PLACES) if city.country == code) for code in COUNTRIES)
    return _Sites(
        channel=np.repeat(numbers(_COUNT), list(_COUNT.values())),
        place=np.concatenate([stores, machines, seats[shops]]),
        group=np.concatenate([STORE_POOLS + stores, CASH_MACHINE_POOLS + machines, DOMESTIC_SHOP_POOLS + shops]),
    )


def _quotas(weights: Floats, total: int, least: int) -> Numbers:
    """Split `total`: `least` each, and the others in proportion to the weights; the largest takes what is left."""
    quotas = least + np.floor((total - least * len(weights)) * weights / weights.sum()).astype(np.int64)
    quotas[weights.argmax()] += total - quotas.sum()
    return quotas


def _near(place: Numbers, degrees: list[float], jitter: Words) -> Numbers:
    """Positions within 0.15 degrees of each place's, in millionths of a degree; `jitter` is in 0 … 300,000."""
    return np.round(floats(degrees) * 1e6).astype(np.int64)[place] + jitter.astype(np.int64) - 150_000


def _popularity(channel: Numbers, rank: Numbers) -> Numbers:
    """How often each merchant is in the list of its pool: at least once, the first 1,000 times."""
    exponent = floats(_POPULARITY_EXPONENT[code] for code in Channel)[channel]
    return np.maximum(np.round(1_000 / (rank + 1.0) ** exponent, 3).astype(np.int64), 1)


def _trades(seed: int, channel: Numbers, group: Numbers, rank: Numbers) -> Numbers:
    """The trade of each merchant.

    Steps of the golden ratio put the trades evenly on the ranks of a pool, so that the popular merchants are of the
    popular trades in every world.
    """
    trade = np.full(len(channel), CASH_TRADE, dtype=np.int64)
    step = (hashed(seed, "first trade", group) >> np.uint64(32)) + rank.astype(np.uint64) * np.uint64(0x9E3779B9)
    share = (step % np.uint64(2**32)) / 2.0**32
    for served, weights in (
        (Channel.IN_STORE, [trade.in_store for trade in TRADES]),
        (Channel.ONLINE, [trade.online for trade in TRADES]),
    ):
        edges = np.cumsum(np.array(weights) / sum(weights))
        serves = channel == served
        trade[serves] = np.searchsorted(edges[:-1], share[serves], side="right")
    return trade


def _pools(group: Numbers, popularity: Numbers, channel: Numbers, trade: Numbers) -> list[tuple[Numbers, Numbers]]:
    """The members of each pool, in the order of the pools' numbers, and their popularity."""
    shop: Mask = channel == Channel.ONLINE
    mcc = np.array([each.mcc for each in TRADES])[trade]
    local = [group == each for each in range(ALL_SHOPS)]
    by_trade = [shop & np.isin(mcc, sorted(mccs)) for mccs in (atlas.RESALE_MCCS, atlas.SMALL_TICKET_MCCS)]
    cohorts = _cohorts(group, popularity, shop & np.isin(mcc, sorted(atlas.SUBSCRIPTION_MCCS)))
    members = [*(np.flatnonzero(member) for member in (*local, shop, *by_trade)), *cohorts]
    return [(each, popularity[each]) for each in members]


def _always(pools: list[tuple[Numbers, Numbers]]) -> Numbers:
    """The merchants that never close: the most popular of each pool, so that none is ever without an open one.

    An agreement can be with a shop of any country, so those of one country may all close.
    """
    domestic = range(SUBSCRIPTION_SHOPS, SUBSCRIPTION_SHOPS + len(COUNTRIES) * SUBSCRIPTION_COHORTS)
    others = set(range(len(pools))) - set(domestic)
    return np.unique([members[popularity.argmax()] for members, popularity in (pools[number] for number in others)])


def _of_any_country(pool: Numbers) -> Numbers:
    """The same pools, those of a country's shops with agreements replaced by those of the same cohort everywhere."""
    cohort = (pool - SUBSCRIPTION_SHOPS) % SUBSCRIPTION_COHORTS
    everywhere = SUBSCRIPTION_SHOPS + WORLDWIDE * SUBSCRIPTION_COHORTS + cohort
    return np.where(pool < SUBSCRIPTION_SHOPS, pool, everywhere)


def _cohorts(group: Numbers, popularity: Numbers, billing: Mask) -> list[Numbers]:
    """The shops with standing agreements: by country, and after these in all countries, by cohort.

    Each country's are dealt out from the most popular on, so that a shop is in the same cohort everywhere. Where a
    country has too few for a cohort, its customers use those of all countries.
    """
    cohort = np.full(len(group), -1)
    for country in range(len(COUNTRIES)):
        shops = np.flatnonzero(billing & (group == DOMESTIC_SHOP_POOLS + country))
        dealt = shops[np.argsort(-popularity[shops], kind="stable")]
        cohort[dealt] = np.arange(len(dealt)) % SUBSCRIPTION_COHORTS
    everywhere = [np.flatnonzero(cohort == number) for number in range(SUBSCRIPTION_COHORTS)]
    pools = [
        members if len(members := each[group[each] == DOMESTIC_SHOP_POOLS + country]) else each
        for country in range(len(COUNTRIES))
        for each in everywhere
    ]
    return [*pools, *everywhere]
