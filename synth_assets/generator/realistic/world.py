"""The world of a seed: customers, their cards, and merchants, and who of them is there on which day.

What belongs to a number (its city, its cards, its trade) is drawn once, into arrays; what belongs to its holder follows
from the holder, and what they do is drawn per payment. Anything with a share of the payments (a card, a merchant in its
pool) appears in a list of slots as often as its weight says, so a draw in proportion to the weights is one look-up.
What is drawn and is not there on the day is drawn again: so nobody's coming or going changes what others do.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from synth_assets.generator.cards import complete_pans, hash_pans, pan_table
from synth_assets.generator.codes import DeviceType
from synth_assets.generator.columns import CUSTOMER_IDS
from synth_assets.generator.realistic import atlas, issues
from synth_assets.generator.realistic.holders import CUSTOMER_TENURE, NOBODY, Register, dates, days_as_dates, holder
from synth_assets.generator.realistic.merchants import Merchants
from synth_assets.generator.realistic.places import PLACE_COUNTRY, PLACE_ZONE, PLACES, ZONES, floats, place_columns
from synth_assets.generator.realistic.quantiles import LEVELS, log_normal
from synth_assets.generator.streams import Floats, Mask, Numbers, Words, WorldStreams, fractions, hashed, scaled

SCHEMES = tuple(name for name, _ in atlas.SCHEMES)

_MEAN_SLOTS = 8
"""The slots of a customer of average activity."""
_ACTIVITY_SIGMA = 1.0
"""Activity is log-normal with this sigma, so that the busiest tenth of the customers make four tenths of the payments
(assumed)."""
_SPENDING_SIGMA = 0.35
"""Spending is log-normal with this sigma (assumed)."""
_SPENDING = log_normal(1.0, _SPENDING_SIGMA, 256)
_IOS_SHARE = floats(country.ios_share for country in atlas.COUNTRIES)
"""By country, the share of the phones that run iOS."""
_CARD_SHARES = (1.0, 0.4, 0.2)
"""How often a customer uses the first, second and third card, compared with the first (assumed)."""
_SECOND_CARD, _THIRD_CARD = 0.3, 0.25
"""The share of the customers who have a second card, and the share of those who have a third one too (assumed)."""
_SLOTS_TOGETHER = 64
"""Slots of which only the card of the first is kept whole: no more than 256, so that a byte says how far the others
are."""


@dataclass(frozen=True, eq=False)
class Slots:
    """A list of cards in ascending order, each in it at least once. It takes a quarter of the memory of an array of
    them, because drawing cards waits for memory more than for anything else.

    Args:
        first: the card of every `_SLOTS_TOGETHER`th slot.
        more: by slot, how many cards after that one its own comes.
    """

    first: npt.NDArray[np.int32]
    more: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, weights: Numbers) -> Slots:
        """Each card as often as its weight says."""
        cards = np.repeat(np.arange(len(weights), dtype=np.int32), weights)
        first = cards[::_SLOTS_TOGETHER].copy()
        cards -= np.repeat(first, _SLOTS_TOGETHER)[: len(cards)]
        return cls(first, cards.astype(np.uint8))

    def __len__(self) -> int:
        return len(self.more)

    def __getitem__(self, slot: npt.NDArray[Any]) -> Numbers:
        slot = slot.astype(np.int64)
        return self.first[slot // _SLOTS_TOGETHER].astype(np.int64) + self.more[slot]


@dataclass(frozen=True, eq=False)
class World:
    """Customer numbers in the order of their time zones, and their cards in the order of the customer numbers.

    Args:
        customer_id: the customer numbers of the contract.
        place: by customer number, the home city.
        register: who holds the customer numbers.
        card_customer: by card, its customer number.
        card_scheme: by card, the place of its scheme in `SCHEMES`.
        card_weight: by card, how often it is in the list of slots.
        slots: a card as often as it is active; those of a zone lie together.
        zone_starts, zone_counts: by zone, where its slots begin, and how many there are.
    """

    seed: int
    customer_id: Numbers
    place: npt.NDArray[np.uint8]
    register: Register
    card_customer: npt.NDArray[np.int32]
    card_scheme: npt.NDArray[np.uint8]
    card_weight: npt.NDArray[np.uint16]
    slots: Slots
    zone_starts: Words
    zone_counts: Words
    merchants: Merchants

    @staticmethod
    @lru_cache(maxsize=1)
    def of(seed: int, customers: int) -> World:
        """The world of a seed with this many customers. Half a second and 100 MB for 600,000 of them."""
        streams = WorldStreams(seed, "customer", customers)
        homes = np.repeat(np.arange(len(PLACES), dtype=np.uint8), [round(city.millions * 10) for city in PLACES])
        place = np.sort(homes[streams.below("place", len(homes))], kind="stable")
        card_customer, weights = _cards(streams)
        zones = np.bincount(PLACE_ZONE[place][card_customer], weights=weights, minlength=len(ZONES)).astype(np.uint64)
        card_streams = WorldStreams(seed, "card", len(card_customer))
        schemes = np.repeat(np.arange(len(SCHEMES), dtype=np.uint8), [percent for _, percent in atlas.SCHEMES])
        return World(
            seed=seed,
            customer_id=CUSTOMER_IDS[0] + _order(streams.words("id")),
            place=place,
            register=Register(seed, CUSTOMER_TENURE, customers, always=np.zeros(0, dtype=np.int64)),
            card_customer=card_customer,
            card_scheme=schemes[card_streams.below("scheme", 100)],
            card_weight=weights.astype(np.uint16),
            slots=Slots.of(weights),
            zone_starts=np.cumsum(zones) - zones,
            zone_counts=zones,
            merchants=Merchants.of(seed),
        )

    @property
    def card_count(self) -> int:
        """The number of cards, whatever their generation."""
        return len(self.card_customer)

    @property
    def calendar(self) -> issues.Calendar:
        """When the cards are issued anew."""
        return issues.Calendar.of(self.seed, self.card_count)

    def joined(self, card: npt.NDArray[Any], day: Numbers) -> Numbers:
        """The first day of the customer who has each card on a day, `NOBODY` for none; both days since 1970."""
        if day.size and (first := int(day.min())) == day.max():
            # One look-up instead of two: they are what drawing cards takes longest for.
            return _joined_on(self, first)[card].astype(np.int64)
        return self.register.since(self.card_customer[card], day)

    def spending(self, person: Numbers) -> Floats:
        """How the amounts of these holders of customer numbers compare with those of others; the median is 1."""
        return _SPENDING[(hashed(self.seed, "customer/spending", person) >> np.uint64(56)).astype(np.int64)]

    def iphone(self, customer: Numbers, person: Numbers) -> Mask:
        """Whether the phones of these holders of customer numbers run iOS."""
        return fractions(hashed(self.seed, "customer/phone", person)) < _IOS_SHARE[PLACE_COUNTRY[self.place[customer]]]

    def generation(self, card: Numbers, moment: npt.NDArray[Any], joined: Numbers) -> Numbers:
        """The issue of each card that is in use at a moment (in milliseconds since 1970).

        The first that customers get is made when they join. It has the number of the turn before, which is in the time
        in which nobody held the customer number.
        """
        issue, came = self.calendar.issue(card, moment), joined * issues.DAY_MS
        # Most customers came before the issue of their card.
        late = np.flatnonzero(self.calendar.part(came) > issue)
        issue[late] = np.maximum(issue[late], self.calendar.last_turn(card[late], came[late]))
        return issue

    def issued(self, card: npt.NDArray[Any], generation: Numbers, joined: Numbers) -> Numbers:
        """When each issue of a card was made, in milliseconds since 1970."""
        return np.maximum(self.calendar.moment(card, generation), joined * issues.DAY_MS)

    def expiry(self, card: npt.NDArray[Any], generation: Numbers, joined: Numbers) -> Numbers:
        """The last month (counted from year 0) in which each issue of a card can be used."""
        return issues.months_of(self.issued(card, generation, joined)) + issues.CARD_MONTHS - 1

    def pan_hashes(self, card: npt.NDArray[Any], generation: Numbers) -> pl.Series:
        """The hash of the PAN that each card has in a generation."""
        table = pan_table(SCHEMES)
        scheme = self.card_scheme[card].astype(np.int64)
        start, middle = (hashed(self.seed, f"card/pan/{part}", card, generation) for part in ("start", "middle"))
        head = table.offsets[scheme] + scaled(start, table.counts[scheme])
        third = scaled(start << np.uint64(32), table.third_group_sizes[head.astype(np.int64)])
        second, first = scaled(middle, 10_000), scaled(middle << np.uint64(32), 10_000)
        return hash_pans(complete_pans(table, head, third, second, first))

    def customers_table(self, year: int) -> pl.DataFrame:
        """One row a customer of the year: customer_id, home country, city, time zone, currency, phone, the day of
        joining, and the first day without the customer, where the year knows it."""
        held = self.register.of_year(year)
        here = np.flatnonzero(held.since < NOBODY)
        joined = held.since[here].astype(np.int64)
        iphone = self.iphone(here, holder(here, joined))
        return pl.DataFrame({"customer_id": self.customer_id[here]}).hstack(
            place_columns(self.place[here], "home_").with_columns(
                phone=pl.Series(np.where(iphone, DeviceType.IOS.name, DeviceType.ANDROID.name)),
                **dates(held, here, year, "joined", "left"),
            )
        )

    def cards_table(self, year: int) -> pl.DataFrame:
        """One row an issue of a card that is in use in some moment of the year: card_pan_hash, customer_id,
        card_scheme, expiry, and the day of its issue."""
        held, calendar = self.register.of_year(year), self.calendar
        cards = np.flatnonzero(held.since[self.card_customer] < NOBODY)
        joined, left = (each[self.card_customer[cards]].astype(np.int64) for each in held)
        first, last = (np.datetime64(f"{each}", "D").astype(np.int64) for each in (year, year + 1))
        begins, ends = np.maximum(joined, first) * issues.DAY_MS, np.minimum(left, last) * issues.DAY_MS
        # By place among the cards: the issue that is in use at first, then those of the year.
        places, generations = [np.arange(len(cards))], [self.generation(cards, begins, joined)]
        turn = calendar.last_turn(cards, begins) + 1
        while np.any(inside := calendar.moment(cards, turn) < ends):
            places.append(np.flatnonzero(inside & calendar.issued_anew(cards, turn)))
            generations.append(turn[places[-1]])
            turn = turn + 1
        place, generation = np.concatenate(places), np.concatenate(generations)
        card, joined = cards[place], joined[place]
        expiry = self.expiry(card, generation, joined)
        return pl.DataFrame(
            {
                "card_pan_hash": self.pan_hashes(card, generation),
                "customer_id": self.customer_id[self.card_customer[card]],
                "card_scheme": pl.Series(SCHEMES).gather(self.card_scheme[card]),
                "card_exp_year": expiry // 12,
                "card_exp_month": expiry % 12 + 1,
                "valid_from": days_as_dates(self.issued(card, generation, joined) // issues.DAY_MS),
            }
        )

    def merchants_table(self, year: int) -> pl.DataFrame:
        """One row a merchant of the year: merchant_id, mcc_code, where it is, which channel it serves, and when it
        opened and closed."""
        return self.merchants.table(year)


@lru_cache(maxsize=4)
def _joined_on(world: World, day: int) -> npt.NDArray[np.int32]:
    """By card, the first day of the customer who has it on a day, `NOBODY` for none."""
    return world.register.since(world.card_customer, np.full(1, day)).astype(np.int32)


def _order(words: Words) -> Numbers:
    """The places of different words in the order of the words, as `argsort` gives them in six times the time."""
    bits = np.uint64(len(words).bit_length())
    ordered = np.sort(words >> bits << bits | np.arange(len(words), dtype=np.uint64))
    if np.any(ordered[1:] >> bits == ordered[:-1] >> bits):
        return np.argsort(words)  # two words differ in the bits that the places have taken
    return (ordered & ((np.uint64(1) << bits) - np.uint64(1))).astype(np.int64)


def _cards(streams: WorldStreams) -> tuple[npt.NDArray[np.int32], Numbers]:
    """The customer of each card, and how often the card is in the list of slots."""
    # The mean of a log-normal law is its median times exp(sigma**2 / 2), which is 1 / 0.6065 here.
    activity = log_normal(_MEAN_SLOTS * 0.6065, _ACTIVITY_SIGMA)[streams.below("activity", LEVELS)]
    second, third = streams.chosen("second card", _SECOND_CARD), streams.chosen("third card", _THIRD_CARD)
    cards = 1 + second.astype(np.int64) + (second & third)
    card_customer = np.repeat(np.arange(streams.rows, dtype=np.int32), cards)
    first_card = np.cumsum(cards) - cards
    share = floats(_CARD_SHARES)[np.arange(len(card_customer)) - first_card[card_customer]]
    return card_customer, np.maximum(np.round(activity[card_customer] * share), 1).astype(np.int64)
