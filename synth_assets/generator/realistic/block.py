"""A block of the realistic profile: everything about its payments that more than one column reads.

A block's draft says when and whose its payments are. Everything else follows from the draft, the world and the block's
streams. Only `previous_txn_id` looks back: the drafts of the day and of the day before are read once, in order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from synth_assets.generator.codes import Channel, EntryMode
from synth_assets.generator.columns import Block
from synth_assets.generator.realistic import atlas, merchants
from synth_assets.generator.realistic.devices import Devices, devices
from synth_assets.generator.realistic.draft import Draft
from synth_assets.generator.realistic.facts import (
    contactless_limits,
    contactless_shares,
    cross_border_shares,
    stripe_shares,
)
from synth_assets.generator.realistic.goods import passing_by
from synth_assets.generator.realistic.habits import HABITS, habit_words
from synth_assets.generator.realistic.holders import holder
from synth_assets.generator.realistic.incidents import Incidents
from synth_assets.generator.realistic.issues import DAY_MS
from synth_assets.generator.realistic.places import COUNTRY_CURRENCY, PLACE_COUNTRY, PLACE_ZONE, PLACES
from synth_assets.generator.realistic.quantiles import LEVELS
from synth_assets.generator.realistic.rhythm import Rhythm
from synth_assets.generator.realistic.scenarios import MerchantChoice
from synth_assets.generator.realistic.travel import Whereabouts, whereabouts
from synth_assets.generator.realistic.world import World
from synth_assets.generator.streams import Floats, Mask, Numbers, Words, cell, fractions, hashed, scaled

ATM_SHARE = 0.06
"""The share of the payments at cash machines, among those that are not made online (assumed)."""
WALLET_SHARE = 0.3
"""The share of the payments without contact that are made with a phone (assumed)."""
GROUP_SHOPS = 3
"""The shops of goods that a group pays in a week, with which three of four of its payments for goods are made
(assumed)."""

# By the local hour, the share of the payments that are made online, and that share with the one at cash machines.
_ONLINE = np.array(atlas.ONLINE_BY_HOUR) / 100
_ONLINE_OR_ATM = _ONLINE + (1 - _ONLINE) * ATM_SHARE

_NO_HABIT = HABITS
_HABIT_OF_64 = np.repeat(np.arange(HABITS + 1), [18, 12, 8, 6, 5, 4, 3, 2, 6])
"""A habit for each of 64 equally likely draws; 6 of them stand for a merchant that is no habit (assumed)."""


@dataclass(frozen=True)
class RealisticBlock(Block):
    """A block with its draft.

    Args:
        ready: by name, the columns that follow from the drafts alone. They are made with them, in the thread that draws
            blocks ahead: the threads that make the other columns have more to do.
    """

    draft: Draft
    ready: Mapping[str, pl.Series]

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

    @cached_property
    def elsewhere(self) -> Incidents:
        """The payments of cases that may come from elsewhere: without the hidden ones of no ring."""
        return self.draft.incidents.at(~self.draft.incidents.hidden | (self.draft.incidents.group > 0))

    def _replace_incidents(self, values: npt.NDArray[Any], where: Mask, by: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Replace the values of the incidents that `where` selects by their entries in `by`, in place."""
        values[self.incidents.rows[where]] = by[where]
        return values

    # --- who and where

    @cached_property
    def customer(self) -> Numbers:
        """The customer number, by its place in the world."""
        return self.world.card_customer[self.draft.card].astype(np.int64)

    @cached_property
    def person(self) -> Numbers:
        """A number that names the customer, and none who had the same customer number before."""
        return holder(self.customer, self.draft.joined)

    @cached_property
    def day(self) -> Numbers:
        """The day of each payment (UTC), counted from 1970."""
        return self.draft.moment // DAY_MS

    @cached_property
    def expiry(self) -> Numbers:
        """The last month (counted from year 0) in which the card can be used."""
        return self.world.expiry(self.draft.card, self.draft.generation, self.draft.joined)

    @cached_property
    def home(self) -> Numbers:
        """The customer's home city."""
        return self.world.place[self.customer].astype(np.int64)

    @cached_property
    def whereabouts(self) -> Whereabouts:
        """Where the customer is."""
        return whereabouts(self.plan.seed, self.person, self.home, self.draft.moment)

    @cached_property
    def place(self) -> Numbers:
        """The city where it is paid: the customer's, or another one."""
        place = self.whereabouts.place.copy()
        onwards = 1 + scaled(self.incidents.case, len(PLACES) - 1).astype(np.int64)
        abroad = (place[self.incidents.rows] + onwards) % len(PLACES)
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
        hour = cell(self.rhythm.hour, PLACE_ZONE[self.home], self.draft.step)
        draw = self.streams.fractions("channel")
        offline = np.where(draw < _ONLINE_OR_ATM[hour], Channel.ATM, Channel.IN_STORE)
        channel = np.where(draw < _ONLINE[hour], Channel.ONLINE, offline)
        channel[self.recurring | self.whereabouts.on_the_way] = Channel.ONLINE
        channel[self.draft.incidents.rows] = self.draft.incidents.channel(self.streams)
        return channel

    @cached_property
    def offline(self) -> Mask:
        """The payments that are not made online."""
        return self.channel != Channel.ONLINE

    # --- the merchant and what is paid

    @cached_property
    def merchant(self) -> Numbers:
        """The merchant number, by its place in the world."""
        habit = _HABIT_OF_64[self.streams.below("merchant_id/habit", 64).astype(np.int64)]
        words = habit_words(self.plan.seed, self.person, self.channel, habit)
        strange = habit == _NO_HABIT
        strange[self.incidents.rows[self.incidents.merchants != MerchantChoice.OWN]] = True
        np.copyto(words, self.streams.words("merchant_id"), where=strange)
        words = self._group_words(words)
        words[self.draft.agreements.rows] = self.draft.agreements.word
        here = np.where(self.channel == Channel.ATM, merchants.CASH_MACHINE_POOLS, merchants.STORE_POOLS) + self.place
        pool = np.where(self.offline, here, self._shop_pool(words))
        merchant = self.world.merchants.draw(pool, words, self.day)
        thieves = self.incidents.rows[self.incidents.merchants == MerchantChoice.GOODS]
        merchant[thieves] = passing_by(self.world, pool[thieves], words[thieves], merchant[thieves], self.day[thieves])
        compromised = self.incidents.merchants == MerchantChoice.COMPROMISED
        return self._replace_incidents(merchant, compromised, self.incidents.compromised)

    def _shop_pool(self, words: Words) -> Numbers:
        """The pool of shops for each payment, if it is made online."""
        country = PLACE_COUNTRY[self.home]
        abroad = (words & np.uint64(0xFFFF)) < cross_border_shares()[country] * 2.0**16
        pool = np.where(abroad, merchants.ALL_SHOPS, merchants.DOMESTIC_SHOP_POOLS + country)
        agreements = self.draft.agreements
        billed = np.where(agreements.worldwide, merchants.WORLDWIDE, country[agreements.rows])
        first = merchants.SUBSCRIPTION_SHOPS + billed * merchants.SUBSCRIPTION_COHORTS
        pool[agreements.rows] = first + agreements.cohort
        choice = self.incidents.merchants
        pool[self.incidents.rows[choice == MerchantChoice.RESALE]] = merchants.RESALE_SHOPS
        pool[self.incidents.rows[choice == MerchantChoice.SMALL_TICKET]] = merchants.SMALL_TICKET_SHOPS
        return pool

    def _group_words(self, words: Words) -> Words:
        """The words that lead the cases of a group to its shops of goods."""
        incidents = self.incidents
        which = words[incidents.rows] & np.uint64(GROUP_SHOPS)
        shared = (incidents.group > 0) & (incidents.merchants == MerchantChoice.RESALE)
        shared &= which < np.uint64(GROUP_SHOPS)
        return self._replace_incidents(words, shared, hashed(self.plan.seed, "group/shop", incidents.group, which))

    @cached_property
    def shop(self) -> Numbers:
        """A number that names the merchant, and none that had the same merchant number before."""
        return holder(self.merchant, self.world.merchants.register.since(self.merchant, self.day))

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
        # A recurring payment is always of the same amount, which another merchant with the number would not ask.
        agreements = self.draft.agreements
        rate = fractions(hashed(self.plan.seed, "agreement/rate", self.shop[agreements.rows]))
        quantile[agreements.rows] = (agreements.quantile + rate) % 1.0
        low, high = self.incidents.amount
        quantile[self.incidents.rows] = low + (high - low) * quantile[self.incidents.rows]
        level = (quantile * LEVELS).astype(np.int64)
        trade = self.world.merchants.trade[self.merchant]
        return cell(merchants.AMOUNTS, trade, level) * self.world.spending(self.person)

    @cached_property
    def entry_mode(self) -> Numbers:
        """The `EntryMode` of each payment."""
        draw = self.streams.fractions("pos_entry_mode")
        country, year = PLACE_COUNTRY[self.merchant_place], self.plan.day.year
        stripe, without_contact = stripe_shares()[country], contactless_shares(year)[country]
        contactless = (draw < stripe + without_contact) & (self.channel == Channel.IN_STORE)
        contactless &= self.wallet | (self.dollars <= contactless_limits()[country])
        card = np.where(contactless, EntryMode.NFC, EntryMode.CHIP)
        mode = np.where(self.offline, np.where(draw < stripe, EntryMode.MAGSTRIPE, card), EntryMode.ECOM)
        mode[self.incidents.rows[self.incidents.magstripe]] = EntryMode.MAGSTRIPE
        return mode

    # --- the device

    @cached_property
    def wallet(self) -> Mask:
        """Whether a payment without contact would be made with the phone."""
        return self.streams.chosen("device_type/wallet", WALLET_SHARE)

    @cached_property
    def devices(self) -> Devices:
        """What the payments are made on."""
        return devices(self)
