"""A block of the realistic profile: everything about its payments that more than one column reads.

A block's draft says when and whose its payments are. Everything else follows from the draft, the world and the block's
streams. Only `previous_txn_id` looks back: the drafts of the day and of the day before are read once, in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from synth_assets.generator.codes import Channel, DeviceType, EntryMode
from synth_assets.generator.columns import Block
from synth_assets.generator.realistic import atlas, merchants
from synth_assets.generator.realistic.draft import Draft
from synth_assets.generator.realistic.habits import HABITS, habit_words
from synth_assets.generator.realistic.incidents import Incidents
from synth_assets.generator.realistic.places import COUNTRY_CURRENCY, PLACE_COUNTRY, PLACE_ZONE, PLACES
from synth_assets.generator.realistic.quantiles import LEVELS
from synth_assets.generator.realistic.rhythm import DAY_MS, Rhythm
from synth_assets.generator.realistic.scenarios import DeviceChoice, MerchantChoice
from synth_assets.generator.realistic.world import World
from synth_assets.generator.streams import Floats, Mask, Numbers, Words, fractions, hashed, scaled

ATM_SHARE = 0.06
"""The share of the payments at cash machines, among those that are not made online (assumed)."""
MAGSTRIPE_SHARE, CONTACTLESS_SHARE = 0.012, 0.65
"""The shares of the payments in stores by magnetic stripe and without contact (assumed)."""
WALLET_SHARE = 0.3
"""The share of the payments without contact that are made with a phone (assumed)."""
CONTACTLESS_LIMIT = 60.0
"""The dollars above which a card itself must be put into the terminal (assumed)."""
ANYWHERE_SHARE = 0.2
"""The share of online payments to shops of any country, rather than of the customer's own (assumed)."""
TRIP_SHARE = 0.02
"""The share of the weeks that a customer spends in another city (assumed)."""
PHONE_SHARE = 0.6
"""The share of the online payments that are made on a phone (assumed)."""
DEVICE_DAYS = 730
"""The days after which a customer has another phone and computer (assumed)."""
TERMINALS = 4
"""The terminals of a merchant (assumed)."""

_NO_HABIT = HABITS
_HABIT_OF_64 = np.repeat(np.arange(HABITS + 1), [18, 12, 8, 6, 5, 4, 3, 2, 6])
"""A habit for each of 64 equally likely draws; 6 of them stand for a merchant that is no habit (assumed)."""
_WEEK_MS = 7 * DAY_MS


@dataclass(frozen=True)
class RealisticBlock(Block):
    """A block with its draft, and for each row the id of the same card's payment before.

    Args:
        previous: two words an id, and whether there is a payment before; empty where no column reads it.
    """

    draft: Draft
    previous: tuple[Words, Mask]

    @property
    def world(self) -> World:
        """The world that the payments are of."""
        return self.draft.world

    @property
    def rhythm(self) -> Rhythm:
        """The rhythm of the plan's window."""
        return self.draft.rhythm

    @property
    def moments(self) -> Numbers:
        """The event times in order, in milliseconds since 1970 (UTC)."""
        return self.draft.moment

    @cached_property
    def incidents(self) -> Incidents:
        """The payments that a scenario changes, without the hidden ones."""
        return self.draft.incidents.at(~self.draft.incidents.hidden)

    def _replace_incidents(self, values: npt.NDArray[Any], where: Mask, by: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Replace the values of the incidents that `where` selects by their entries in `by`, in place."""
        values[self.incidents.rows[where]] = by[where]
        return values

    # --- who and where

    @cached_property
    def customer(self) -> Numbers:
        """The customer, by the place in the world."""
        return self.world.card_customer[self.draft.card].astype(np.int64)

    @cached_property
    def expiry(self) -> Numbers:
        """The last month (counted from year 0) in which the card can be used."""
        return self.world.expiry(self.draft.card, self.draft.generation)

    @cached_property
    def home(self) -> Numbers:
        """The customer's home city."""
        return self.world.place[self.customer].astype(np.int64)

    @cached_property
    def place(self) -> Numbers:
        """The city where the customer is."""
        week = self.draft.moment // _WEEK_MS
        away = hashed(self.plan.seed, "trip", self.customer, week) < np.uint64(round(TRIP_SHARE * 2**64))
        place = self.home.copy()
        place[away] = scaled(hashed(self.plan.seed, "trip/city", self.customer[away], week[away]), len(PLACES))
        abroad = scaled(self.incidents.case, len(PLACES)).astype(np.int64)
        return self._replace_incidents(place, self.incidents.abroad, abroad)

    @cached_property
    def recurring(self) -> Mask:
        """The payments that standing agreements make."""
        recurring = np.zeros(self.rows, dtype=np.bool_)
        recurring[self.draft.agreements.rows] = True
        return recurring

    @cached_property
    def channel(self) -> Numbers:
        """The `Channel` of each payment."""
        hour = self.rhythm.hour[PLACE_ZONE[self.home], self.draft.step]
        draw = self.streams.fractions("channel")
        online = np.array(atlas.ONLINE_BY_HOUR)[hour] / 100
        at_machine = draw < online + (1 - online) * ATM_SHARE
        channel = np.select([draw < online, at_machine], [Channel.ONLINE, Channel.ATM], Channel.IN_STORE)
        channel[self.recurring] = Channel.ONLINE
        channel[self.incidents.rows] = self.incidents.channel(self.streams)
        return channel

    @cached_property
    def offline(self) -> Mask:
        """The payments that are not made online."""
        return self.channel != Channel.ONLINE

    # --- the merchant and what is paid

    @cached_property
    def merchant(self) -> Numbers:
        """The merchant, by the place in the world."""
        habit = _HABIT_OF_64[self.streams.below("merchant_id/habit", 64)]
        words = habit_words(self.world, self.customer, self.channel, habit)
        strange = habit == _NO_HABIT
        strange[self.incidents.rows[self.incidents.merchants != MerchantChoice.OWN]] = True
        words[strange] = self.streams.words("merchant_id")[strange]
        words[self.draft.agreements.rows] = self.draft.agreements.word
        pool = np.select(
            [self.channel == Channel.ONLINE, self.channel == Channel.ATM],
            [self._shop_pool(words), merchants.CASH_MACHINE_POOLS + self.place],
            merchants.STORE_POOLS + self.place,
        )
        return self.world.merchants.pools.draw(pool, words)

    def _shop_pool(self, words: Words) -> Numbers:
        """The pool of shops for each payment, if it is made online."""
        anywhere = (words & np.uint64(0xFF)) < np.uint64(round(ANYWHERE_SHARE * 256))
        domestic = merchants.DOMESTIC_SHOP_POOLS + PLACE_COUNTRY[self.home]
        pool = np.where(anywhere, merchants.ALL_SHOPS, domestic)
        pool[self.recurring] = merchants.SUBSCRIPTION_SHOPS
        choice = self.incidents.merchants
        pool[self.incidents.rows[choice == MerchantChoice.RESALE]] = merchants.RESALE_SHOPS
        pool[self.incidents.rows[choice == MerchantChoice.SMALL_TICKET]] = merchants.SMALL_TICKET_SHOPS
        return pool

    @cached_property
    def merchant_place(self) -> Numbers:
        """The merchant's city."""
        return self.world.merchants.place[self.merchant]

    @cached_property
    def currency(self) -> Numbers:
        """The currency of the merchant's country."""
        return COUNTRY_CURRENCY[PLACE_COUNTRY[self.merchant_place]]

    @cached_property
    def dollars(self) -> Floats:
        """What is paid, in dollars."""
        quantile = self.streams.fractions("amount")
        # A recurring payment is always of the same amount.
        same = hashed(self.plan.seed, "subscription", self.draft.card[self.recurring], self.merchant[self.recurring])
        quantile[self.recurring] = fractions(same)
        low, high = self.incidents.amount
        quantile[self.incidents.rows] = low + (high - low) * quantile[self.incidents.rows]
        level = (quantile * LEVELS).astype(np.int64)
        trade = self.world.merchants.trade[self.merchant]
        return merchants.AMOUNTS[trade, level] * self.world.spending[self.customer]

    @cached_property
    def entry_mode(self) -> Numbers:
        """The `EntryMode` of each payment."""
        draw = self.streams.fractions("pos_entry_mode")
        contactless = (draw < MAGSTRIPE_SHARE + CONTACTLESS_SHARE) & (self.channel == Channel.IN_STORE)
        contactless &= self.wallet | (self.dollars <= CONTACTLESS_LIMIT)
        mode = np.select(
            [self.channel == Channel.ONLINE, draw < MAGSTRIPE_SHARE, contactless],
            [EntryMode.ECOM, EntryMode.MAGSTRIPE, EntryMode.NFC],
            EntryMode.CHIP,
        )
        mode[self.incidents.rows[self.incidents.magstripe]] = EntryMode.MAGSTRIPE
        return mode

    # --- the device

    @cached_property
    def wallet(self) -> Mask:
        """Whether a payment without contact would be made with the phone."""
        return self.streams.chosen("device_type/wallet", WALLET_SHARE)

    @cached_property
    def device_type(self) -> Numbers:
        """The `DeviceType` of each payment."""
        phone = np.where(self.world.iphone[self.customer], DeviceType.IOS, DeviceType.ANDROID)
        on_phone = self.streams.chosen("device_type", PHONE_SHARE) | self.recurring
        online = self.channel == Channel.ONLINE
        with_wallet = (self.entry_mode == EntryMode.NFC) & self.wallet
        device_type = np.select([online & ~on_phone, online | with_wallet], [DeviceType.WEB, phone], DeviceType.POS)
        bits = self.incidents.case
        any_type = np.select(
            [bits & np.uint64(4) != 0, bits & np.uint64(2) != 0], [DeviceType.WEB, DeviceType.IOS], DeviceType.ANDROID
        )
        return self._replace_incidents(device_type, self.incidents.device == DeviceChoice.STRANGE, any_type)

    @cached_property
    def device(self) -> tuple[Words, Words]:
        """Two numbers that name the device: of the customer (renewed now and then), of the merchant, or of a case."""
        customer = self.customer.astype(np.uint64)
        age = hashed(self.plan.seed, "device/age", self.customer) % np.uint64(DEVICE_DAYS)
        generation = ((self.draft.moment // DAY_MS).astype(np.uint64) + age) // np.uint64(DEVICE_DAYS)
        terminal = self.device_type == DeviceType.POS
        owner = np.where(terminal, self.merchant.astype(np.uint64) | np.uint64(1 << 32), customer)
        number = np.where(terminal, self.streams.below("device_id/terminal", TERMINALS), generation)
        of_case = self.incidents.device != DeviceChoice.OWN
        owner = self._replace_incidents(owner, of_case, self.incidents.case)
        return owner, number * np.uint64(4) + self.device_type.astype(np.uint64)

    @cached_property
    def network(self) -> tuple[Words, Numbers]:
        """Two numbers that name the address: whose it is (the customer's at home or on the phone, or a case's), and
        the week in which a phone has it."""
        owner = self.customer.astype(np.uint64) * np.uint64(4) + self.device_type.astype(np.uint64)
        strange = self.incidents.device == DeviceChoice.STRANGE
        owner = self._replace_incidents(owner, strange, self.incidents.case)
        return owner, np.where(self.device_type == DeviceType.WEB, 0, self.draft.moment // _WEEK_MS)
