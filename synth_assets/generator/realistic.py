"""The `realistic` profile: payments of one coherent world, with fraud that has causes.

Payments arrive as the world's do, at each moment from a card drawn in proportion to how often it is used then: the
superposition of independent Poisson processes, one per card, without any state. A block's draft says when and whose
its payments are; everything else follows from the draft, the world and the block's streams. Only `previous_txn_id`
looks back: the drafts of the day and of the day before are passed through once, in order.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from synth_assets.generator import atlas, reference
from synth_assets.generator import world as w
from synth_assets.generator.agreements import ONE_IN, Agreements, due
from synth_assets.generator.columns import (
    Block,
    Build,
    Column,
    address_parts,
    as_others_say,
    enum_series,
    join_address,
    spread,
    uuid4,
    uuid_text,
    with_nulls,
)
from synth_assets.generator.history import CardHistory
from synth_assets.generator.plan import EARLIEST_DAY, GenerationPlan
from synth_assets.generator.rhythm import DAY_MS, Rhythm
from synth_assets.generator.scenarios import (
    ATM,
    FRAUDS,
    HABITS,
    HARDNESS,
    IN_STORE,
    NEW_DEVICE,
    ONLINE,
    OWN,
    RESALE,
    SCENARIOS,
    SMALL_TICKET,
    STRANGE_DEVICE,
    Incidents,
    Scenario,
    habit,
    incidents_between,
)
from synth_assets.generator.schema import Field, TransactionSchema
from synth_assets.generator.streams import BLOCK_ROWS, BlockStreams, Mask, Words, day_streams, fractions, hashed, scaled
from synth_assets.generator.world import Floats, Numbers, World

CHANNELS = ("ONLINE", "IN_STORE", "ATM")
ENTRY_MODES = ("CHIP", "MAGSTRIPE", "NFC", "ECOM")
DEVICE_TYPES = ("IOS", "ANDROID", "WEB", "POS")
CHIP, MAGSTRIPE, NFC, ECOM = range(4)
IOS, ANDROID, WEB, POS = range(4)

ATM_SHARE = 0.06
"""Of the payments that are not on line (assumed)."""
MAGSTRIPE_SHARE, CONTACTLESS_SHARE, WALLET_SHARE = 0.012, 0.65, 0.3
"""Of the payments in stores; wallets: of those without contact (assumed)."""
CONTACTLESS_LIMIT = 60.0
"""Dollars above which a card itself must be put into the terminal."""
FOREIGN_SHOPS = 0.2
"""Share of on-line habits and finds that lead to shops anywhere (assumed)."""
EXPLORING = 6
"""Of 64 payments, those to a merchant that is none of the customer's habits (assumed)."""
ON_A_TRIP = 0.02
"""Share of the weeks that a customer spends in another city (assumed)."""
PHONE_SHARE = 0.6
"""Of the payments on line (assumed)."""
PHONE_DAYS = 730
"""Days after which a customer has another phone and computer (assumed)."""

_HABIT_OF_64 = np.repeat(np.arange(HABITS + 1), [18, 12, 8, 6, 5, 4, 3, 2, EXPLORING])
"""How often a customer goes to each habit; the last place stands for any other merchant."""
_WEEK_MS = 7 * DAY_MS


def _of_scenarios(value: Callable[[Scenario], float]) -> Floats:
    return np.array([value(scenario) for scenario in SCENARIOS], dtype=np.float64)


_MERCHANTS = _of_scenarios(lambda s: s.merchants).astype(np.int64)
_DEVICE = _of_scenarios(lambda s: s.device).astype(np.int64)
_ABROAD = _of_scenarios(lambda s: s.abroad).astype(np.bool_)
_STRIPE = _of_scenarios(lambda s: s.magstripe).astype(np.bool_)
_LOWEST, _HIGHEST = _of_scenarios(lambda s: s.amount[0]), _of_scenarios(lambda s: s.amount[1])
_CHANNEL_OF_12 = np.array([s.channels * (12 // len(s.channels)) for s in SCENARIOS])
"""By scenario, a channel for each of twelve equally likely draws: no scenario has more than four to choose from."""


@dataclass(frozen=True, eq=False)
class Draft:
    """When a block's payments are made, and with which card.

    Args:
        step: the step of the rhythm.
        moment: milliseconds since 1970 (UTC), in order.
        card, generation: the card in the world, and how often it has been renewed.
        incidents: the block's incidents; their rows count from the block's first.
        agreements: the standing agreements that pay, but for those whose place an incident takes.
    """

    step: Numbers
    moment: Numbers
    card: Numbers
    generation: Numbers
    incidents: Incidents
    agreements: Agreements


def draft(world: World, plan: GenerationPlan, streams: BlockStreams) -> Draft:
    rhythm = Rhythm.of(world, plan.window)
    first = streams.number * BLOCK_ROWS
    # A block's payments are uniform in its part of the day's payments, as in the uniform profile.
    step, moment = rhythm.moment((first + np.sort(streams.fractions("event_time")) * streams.rows) / plan.rows)
    zone = rhythm.zone(step, streams.words("card/zone"))
    slot = world.zone_starts[zone] + streams.below("card", world.zone_counts[zone])
    agreements = due(world, rhythm, plan, first, step, moment)
    slot[agreements.rows] = agreements.slot
    card = world.slots[slot].astype(np.int64)
    incidents = incidents_between(world, rhythm, plan, first, first + streams.rows)
    incidents = replace(incidents, rows=incidents.rows - first)
    card[incidents.rows] = incidents.card
    generation = world.generation(card, rhythm.month[step])
    return Draft(step, moment, card, generation, incidents, agreements.without(incidents.rows))


@dataclass(frozen=True)
class RealisticBlock(Block):
    """A block with its draft, and for each row the id of the same card's payment before (see `CardHistory`)."""

    world: World
    draft: Draft
    previous: tuple[Words, Mask]

    @cached_property
    def rhythm(self) -> Rhythm:
        return Rhythm.of(self.world, self.plan.window)

    # --- incidents: the rows that a scenario has changed, and the scenario of each

    @cached_property
    def changed(self) -> Numbers:
        return self.draft.incidents.rows[~self.draft.incidents.hidden]

    @cached_property
    def scenario(self) -> Numbers:
        return self.draft.incidents.scenario[~self.draft.incidents.hidden]

    @cached_property
    def case(self) -> Words:
        return self.draft.incidents.case[~self.draft.incidents.hidden]

    def _changed(self, values: npt.NDArray[Any], where: Mask, to: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The values, with those of the changed rows that `where` selects replaced."""
        values[self.changed[where]] = to[where]
        return values

    # --- who and where

    @cached_property
    def customer(self) -> Numbers:
        return self.world.card_customer[self.draft.card].astype(np.int64)

    @cached_property
    def home(self) -> Numbers:
        return self.world.place[self.customer].astype(np.int64)

    @cached_property
    def place(self) -> Numbers:
        """The city where the customer is."""
        word = hashed(self.plan.seed, "trip", self.customer, self.draft.moment // _WEEK_MS)
        away = word < np.uint64(round(ON_A_TRIP * 2**64))
        elsewhere = hashed(self.plan.seed, "trip/city", self.customer[away], self.draft.moment[away] // _WEEK_MS)
        place = self.home.copy()
        place[away] = scaled(elsewhere, len(w.PLACES))
        return self._changed(place, _ABROAD[self.scenario], scaled(self.case, len(w.PLACES)).astype(np.int64))

    @cached_property
    def recurring(self) -> Mask:
        recurring = np.zeros(self.rows, dtype=np.bool_)
        recurring[self.draft.agreements.rows] = True
        return recurring

    @cached_property
    def channel_code(self) -> Numbers:
        hour = self.rhythm.hour[w.PLACE_ZONE[self.home], self.draft.step]
        draw = self.streams.fractions("channel")
        online = np.array(atlas.ONLINE_BY_HOUR)[hour] / 100
        channel = np.where(draw < online, ONLINE, np.where(draw < online + (1 - online) * ATM_SHARE, ATM, IN_STORE))
        channel[self.recurring] = ONLINE
        forced = _CHANNEL_OF_12[self.scenario, self.streams.below("channel/case", 12)[self.changed]]
        return self._changed(channel, np.full(len(forced), True), forced)

    # --- the merchant and what is paid

    @cached_property
    def merchant(self) -> Numbers:
        channel = self.channel_code
        place = _HABIT_OF_64[self.streams.below("merchant_id/habit", 64)]
        words = habit(self.world, self.customer, channel, place)
        strange = place == HABITS
        foreign = _MERCHANTS[self.scenario] != OWN
        strange[self.changed[foreign]] = True
        words[strange] = self.streams.words("merchant_id")[strange]
        words[self.draft.agreements.rows] = self.draft.agreements.word
        anywhere = (words & np.uint64(0xFF)) < np.uint64(round(FOREIGN_SHOPS * 256))
        shops = np.where(anywhere, w.ANYWHERE, w.DOMESTIC + w.PLACE_COUNTRY[self.home])
        shops[self.recurring] = w.SUBSCRIPTIONS
        for merchants, its_pool in ((RESALE, w.RESALE), (SMALL_TICKET, w.SMALL_TICKET)):
            shops[self.changed[_MERCHANTS[self.scenario] == merchants]] = its_pool
        pool = np.select([channel == ONLINE, channel == ATM], [shops, w.CASH + self.place], w.STORES + self.place)
        return self.world.merchants.pools.draw(pool, words)

    @cached_property
    def merchant_place(self) -> Numbers:
        return self.world.merchants.place[self.merchant]

    @cached_property
    def currency(self) -> Numbers:
        return w.COUNTRY_CURRENCY[w.PLACE_COUNTRY[self.merchant_place]]

    @cached_property
    def dollars(self) -> Floats:
        quantile = self.streams.fractions("amount")
        # A recurring payment is always of the same amount.
        same = hashed(self.plan.seed, "subscription", self.draft.card[self.recurring], self.merchant[self.recurring])
        quantile[self.recurring] = fractions(same)
        low, high = _LOWEST[self.scenario], _HIGHEST[self.scenario]
        quantile[self.changed] = low + (high - low) * quantile[self.changed]
        level = (quantile * w.LEVELS).astype(np.int64)
        return w.AMOUNTS[self.world.merchants.trade[self.merchant], level] * self.world.spending[self.customer]

    @cached_property
    def entry_mode(self) -> Numbers:
        channel, draw = self.channel_code, self.streams.fractions("pos_entry_mode")
        contactless = (draw < MAGSTRIPE_SHARE + CONTACTLESS_SHARE) & (channel == IN_STORE)
        contactless &= self.wallet | (self.dollars <= CONTACTLESS_LIMIT)
        mode = np.select([channel == ONLINE, draw < MAGSTRIPE_SHARE, contactless], [ECOM, MAGSTRIPE, NFC], CHIP)
        return self._changed(mode, _STRIPE[self.scenario], np.full(len(self.case), MAGSTRIPE))

    # --- the device

    @cached_property
    def wallet(self) -> Mask:
        """Whether a payment without contact would be made with the phone."""
        return self.streams.chosen("device_type/wallet", WALLET_SHARE)

    @cached_property
    def device_kind(self) -> Numbers:
        channel = self.channel_code
        phone = np.where(self.world.apple[self.customer], IOS, ANDROID)
        on_phone = self.streams.chosen("device_type", PHONE_SHARE) | self.recurring
        kind = np.select(
            [channel == ONLINE, (self.entry_mode == NFC) & self.wallet], [np.where(on_phone, phone, WEB), phone], POS
        )
        stranger = np.where(self.case & np.uint64(4), WEB, np.where(self.case & np.uint64(2), IOS, ANDROID))
        return self._changed(kind, _DEVICE[self.scenario] == STRANGE_DEVICE, stranger)

    @cached_property
    def device(self) -> tuple[Words, Words]:
        """Two numbers that name the device: of the customer (renewed now and then), of the merchant, or of a case."""
        customer = self.customer.astype(np.uint64)
        age = hashed(self.plan.seed, "device/age", self.customer) % np.uint64(PHONE_DAYS)
        generation = ((self.draft.moment // DAY_MS).astype(np.uint64) + age) // np.uint64(PHONE_DAYS)
        terminal = self.device_kind == POS
        owner = np.where(terminal, self.merchant.astype(np.uint64) | np.uint64(1 << 32), customer)
        number = np.where(terminal, self.streams.below("device_id/terminal", 4), generation)
        other = np.isin(_DEVICE[self.scenario], [NEW_DEVICE, STRANGE_DEVICE])
        return self._changed(owner, other, self.case), number * np.uint64(4) + self.device_kind.astype(np.uint64)

    @cached_property
    def network(self) -> tuple[Words, Numbers]:
        """Two numbers that name the address: whose it is (the customer's at home or on the phone, or a case's), and
        the week in which a phone has it."""
        owner = self.customer.astype(np.uint64) * np.uint64(4) + self.device_kind.astype(np.uint64)
        owner = self._changed(owner, _DEVICE[self.scenario] == STRANGE_DEVICE, self.case)
        return owner, np.where(self.device_kind == WEB, 0, self.draft.moment // _WEEK_MS)

    @cached_property
    def off_line(self) -> Mask:
        return self.channel_code != ONLINE


def realistic_blocks(schema: TransactionSchema, plan: GenerationPlan, first: int = 0) -> Iterator[RealisticBlock]:
    """The day's blocks from the `first` on, in order."""
    history = CardHistory(World.of(plan.seed, plan.customers).card_count)
    looks_back = "previous_txn_id" in schema
    if looks_back and plan.lookback_days == 1 and plan.day > EARLIEST_DAY:
        for _, streams, made in day_blocks(plan.model_copy(update={"day": plan.day - dt.timedelta(days=1)})):
            history.pass_by(made.card, made.generation, _ids(streams))
    for world, streams, made in day_blocks(plan, 0 if looks_back else first):
        previous = history.follow(made.card, made.generation, _ids(streams)) if looks_back else _NO_HISTORY
        if streams.number >= first:
            yield RealisticBlock(plan, schema, streams, world, made, previous)


def day_blocks(plan: GenerationPlan, first: int = 0) -> Iterator[tuple[World, BlockStreams, Draft]]:
    """The drafts of the day's blocks from the `first` on, in order."""
    world = World.of(plan.seed, plan.customers)
    for streams in day_streams(plan.seed, plan.day, plan.rows, first):
        yield world, streams, draft(world, plan, streams)


def recurring_share(plan: GenerationPlan) -> float:
    """The probability that a payment recurs: none of an incident does."""
    return 1 / ONE_IN * (1 - plan.fraud_rate) * (1 - HARDNESS[plan.difficulty].look_alikes)


_NO_HISTORY = (np.zeros((0, 2), np.uint64), np.zeros(0, np.bool_))


def _ids(streams: BlockStreams) -> Words:
    """The two words of each transaction id, as `uuid4` draws them."""
    return np.column_stack([streams.words("transaction_id/high"), streams.words("transaction_id/low")])


# --- the columns -----------------------------------------------------------------------------------------------


def event_time(block: RealisticBlock, column: Field) -> pl.Series:
    return pl.Series(block.draft.moment).cast(pl.Datetime("ms", "UTC"))


def local_time_offset(block: RealisticBlock, column: Field) -> pl.Series:
    return pl.Series(block.rhythm.offset[w.PLACE_ZONE[block.merchant_place], block.draft.step])


def amount(block: RealisticBlock, column: Field) -> pl.Series:
    unit = w.MINOR_UNITS[block.currency]
    money = np.maximum(np.rint(block.dollars * w.PER_DOLLAR[block.currency] * unit), 1)
    cash = np.clip(np.rint(block.dollars / 20), 1, 25) * w.NOTES[block.currency] * unit
    return pl.Series(np.where(block.channel_code == ATM, cash, money) / unit)


def _named(numbers: Callable[[RealisticBlock], npt.NDArray[Any]], names: tuple[str, ...]) -> Build:
    """A column of names that the world has numbered."""

    def build(block: RealisticBlock, column: Field) -> pl.Series:
        if not column.enum:
            return pl.Series(names).gather(numbers(block))
        places = np.array([column.enum.index(name) for name in names])
        return enum_series(places[numbers(block)].astype(np.uint64), column)

    return build


MCCS = tuple(trade.mcc for trade in w.TRADES)
_full_mcc_code = _named(lambda b: b.world.merchants.trade[b.merchant], MCCS)


def mcc_code(block: RealisticBlock, column: Field) -> pl.Series:
    return with_nulls(_full_mcc_code(block, column), block.streams.chosen("mcc_code/null", block.plan.null_mcc_rate))


def card_pan_hash(block: RealisticBlock, column: Field) -> pl.Series:
    return block.world.pan_hashes(block.draft.card, block.draft.generation)


def card_exp_year(block: RealisticBlock, column: Field) -> pl.Series:
    return pl.Series(block.world.expiry(block.draft.card, block.draft.generation) // 12)


def card_exp_month(block: RealisticBlock, column: Field) -> pl.Series:
    return pl.Series(block.world.expiry(block.draft.card, block.draft.generation) % 12 + 1)


def customer_id(block: RealisticBlock, column: Field) -> pl.Series:
    return pl.Series(block.world.customer_id[block.customer])


def merchant_id(block: RealisticBlock, column: Field) -> pl.Series:
    return pl.Series(block.world.merchants.id[block.merchant])


def device_id(block: RealisticBlock, column: Field) -> pl.Series:
    high, low = (hashed(block.plan.seed, f"device_id/{half}", *block.device) for half in ("high", "low"))
    return with_nulls(uuid_text(high, low), block.streams.chosen("device_id/null", block.plan.null_device_rate))


def ip_address(block: RealisticBlock, column: Field) -> pl.Series:
    online = np.flatnonzero(~block.off_line)
    owner, week = (each[online] for each in block.network)
    networks, hosts = address_parts()
    network = scaled(hashed(block.plan.seed, "ip_address/network", owner), len(networks))
    host = scaled(hashed(block.plan.seed, "ip_address/host", owner, week), len(hosts))
    return spread(join_address(network, host), block.off_line)


@cache
def _agents() -> tuple[tuple[str, ...], Words, Words]:
    """Faker's user agents in the order of their device types, with the place of each type's first and their number."""
    ordered = [[agent for agent in reference.user_agents() if _type_of(agent) == kind] for kind in (IOS, ANDROID, WEB)]
    counts = np.array([len(agents) for agents in ordered], dtype=np.uint64)
    return tuple(agent for agents in ordered for agent in agents), np.cumsum(counts) - counts, counts


def _type_of(agent: str) -> int:
    return IOS if "iPhone" in agent or "iPad" in agent else ANDROID if "Android" in agent else WEB


def user_agent(block: RealisticBlock, column: Field) -> pl.Series:
    agents, starts, counts = _agents()
    online = np.flatnonzero(~block.off_line)
    kind = block.device_kind[online]
    word = hashed(block.plan.seed, "user_agent", *(each[online] for each in block.device))
    return spread(pl.Series(agents).gather(starts[kind] + scaled(word, counts[kind])), block.off_line)


def _position(micro_degrees: Callable[[World], Numbers]) -> Build:
    def build(block: RealisticBlock, column: Field) -> pl.Series:
        near = block.streams.below(column.name, 6_001).astype(np.int64) - 3_000
        return with_nulls(pl.Series((micro_degrees(block.world)[block.merchant] + near) / 1_000_000), block.unlocated)

    return build


def is_recurring(block: RealisticBlock, column: Field) -> pl.Series:
    return pl.Series(block.recurring)


def previous_txn_id(block: RealisticBlock, column: Field) -> pl.Series:
    ids, known = block.previous
    return with_nulls(uuid_text(ids[:, 0].copy(), ids[:, 1].copy()), ~known)


def label_fraud(block: RealisticBlock, column: Field) -> pl.Series:
    labels = np.zeros(block.rows, dtype=np.bool_)
    incidents = block.draft.incidents
    labels[incidents.rows[incidents.scenario < len(FRAUDS)]] = True
    return pl.Series(labels)


_SCHEMES = tuple(name for name, _ in atlas.SCHEMES)
_COUNTRIES = tuple(w.COUNTRIES)
_CURRENCIES = tuple(w.CURRENCIES)


REALISTIC: dict[str, Column] = {
    "transaction_id": Column(uuid4, ("string",)),
    "event_time": Column(event_time, ("datetime",)),
    "local_time_offset": Column(local_time_offset, ("int",), repeats=True),
    "amount": Column(amount, ("float",)),
    "currency_code": Column(
        _named(lambda b: b.currency, _CURRENCIES), ("string", "enum"), values=_CURRENCIES, repeats=True
    ),
    "card_pan_hash": Column(card_pan_hash, ("string",)),
    "card_scheme": Column(
        _named(lambda b: b.world.card_scheme[b.draft.card], _SCHEMES), ("enum",), values=_SCHEMES
    ),
    "card_exp_year": Column(card_exp_year, ("int",), repeats=True),
    "card_exp_month": Column(card_exp_month, ("int",), repeats=True),
    "customer_id": Column(customer_id, ("int",)),
    "merchant_id": Column(merchant_id, ("int",), repeats=True),
    "merchant_country": Column(
        _named(lambda b: w.PLACE_COUNTRY[b.merchant_place], _COUNTRIES), ("string", "enum"), values=_COUNTRIES,
        repeats=True,
    ),
    "mcc_code": Column(mcc_code, ("enum",), lambda plan, _: plan.null_mcc_rate, values=MCCS),
    "channel": Column(_named(lambda b: b.channel_code, CHANNELS), ("enum",), values=CHANNELS),
    "pos_entry_mode": Column(_named(lambda b: b.entry_mode, ENTRY_MODES), ("enum",), values=ENTRY_MODES),
    "device_id": Column(device_id, ("string",), lambda plan, _: plan.null_device_rate),
    "device_type": Column(_named(lambda b: b.device_kind, DEVICE_TYPES), ("enum",), values=DEVICE_TYPES),
    "ip_address": Column(ip_address, ("string",), as_others_say),
    "user_agent": Column(user_agent, ("string",), as_others_say, repeats=True),
    "latitude": Column(
        _position(lambda world: world.merchants.latitude), ("float",), lambda plan, _: plan.null_geo_rate,
        needs={"longitude": ()},
    ),
    "longitude": Column(
        _position(lambda world: world.merchants.longitude), ("float",), lambda plan, _: plan.null_geo_rate,
        needs={"latitude": ()},
    ),
    "is_recurring": Column(is_recurring, ("bool",)),
    "previous_txn_id": Column(previous_txn_id, ("string",), as_others_say, needs={"transaction_id": ()}),
    "label_fraud": Column(label_fraud, ("bool",)),
}  # fmt: skip
