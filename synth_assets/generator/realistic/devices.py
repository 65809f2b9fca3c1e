"""The devices of a payment: a terminal's, one of the customer's, or the one that a case is paid with.

Customers have a phone, some a second one of any system, a computer at home that some households share, and some one at
work. Now and then a public computer is used. Devices are replaced, and a browser forgets its number now and then.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple, Protocol

import numpy as np

from synth_assets.generator.codes import DeviceType, EntryMode
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.realistic.holders import NOBODY, holder
from synth_assets.generator.realistic.incidents import Incidents
from synth_assets.generator.realistic.scenarios import DeviceChoice
from synth_assets.generator.realistic.world import World
from synth_assets.generator.streams import BlockStreams, Mask, Numbers, Words, hashed


class Means(IntEnum):
    """What a payment is made on."""

    TERMINAL = 0
    PHONE = 1
    SECOND_PHONE = 2
    HOME_COMPUTER = 3
    WORK_COMPUTER = 4
    PUBLIC_COMPUTER = 5
    OF_CASE = 6


PHONE_SHARE, SECOND_PHONE_SHARE, WORK_COMPUTER_SHARE, PUBLIC_COMPUTER_SHARE = 0.58, 0.08, 0.08, 0.015
"""The shares of the online payments by device; the rest are made on the computer at home (assumed)."""
SECOND_PHONES, WORKERS = 0.35, 0.4
"""The share of the customers who have a second phone or a tablet, and who pay at work (assumed)."""
HOUSEHOLDS = 0.3
"""The share of the pairs of neighbours who share their computer and connection, while both are customers (assumed)."""
PUBLIC_COMPUTERS = 4
"""The public computers of a city (assumed)."""
DAYS_OF = {Means.PHONE: 730, Means.SECOND_PHONE: 900, Means.HOME_COMPUTER: 75, Means.WORK_COMPUTER: 120}
"""The days after which a device has another number (assumed): that of a phone with the phone, that of a computer with
what its browser remembers."""
TERMINALS = 4
"""The terminals of a merchant (assumed)."""
OWN_DEVICE_SHARE = 0.2
"""The share of the cases on another device that are paid on a device of the customer's after all: one that was stolen,
or is controlled from afar, and among the look-alikes one that is the customer's (assumed)."""
HIDDEN_OWN_DEVICE_SHARE = 0.5
"""The same share of the hidden cases of a ring (assumed). All of them come from the ring's addresses."""

_EDGES = np.cumsum([PHONE_SHARE, SECOND_PHONE_SHARE, WORK_COMPUTER_SHARE, PUBLIC_COMPUTER_SHARE])
_MEANS = np.array(
    [Means.PHONE, Means.SECOND_PHONE, Means.WORK_COMPUTER, Means.PUBLIC_COMPUTER, Means.HOME_COMPUTER], dtype=np.int64
)
_LIFE = np.ones(len(Means), dtype=np.int64)
_LIFE[list(DAYS_OF)] = list(DAYS_OF.values())


class Payments(Protocol):
    """What the devices of a block's payments follow from: the part of a block that is read here."""

    @property
    def plan(self) -> GenerationPlan:
        """The plan of the day."""

    @property
    def streams(self) -> BlockStreams:
        """The streams of the block."""

    @property
    def rows(self) -> int:
        """The rows of the block."""

    @property
    def world(self) -> World:
        """The world that the payments are of."""

    @property
    def elsewhere(self) -> Incidents:
        """The payments of cases that may be made on another device than the customer's."""

    @property
    def moments(self) -> Numbers:
        """When it is paid, in milliseconds since 1970 (UTC)."""

    @property
    def customer(self) -> Numbers:
        """By which customer number."""

    @property
    def place(self) -> Numbers:
        """In which city."""

    @property
    def person(self) -> Numbers:
        """By which holder of the customer number."""

    @property
    def day(self) -> Numbers:
        """On which day, counted from 1970."""

    @property
    def shop(self) -> Numbers:
        """To which holder of a merchant number."""

    @property
    def entry_mode(self) -> Numbers:
        """How the card was read."""

    @property
    def offline(self) -> Mask:
        """Whether it is paid at a terminal."""

    @property
    def recurring(self) -> Mask:
        """Whether an agreement pays."""

    @property
    def wallet(self) -> Mask:
        """Whether it would be paid with the phone, if it is paid without contact."""


class Devices(NamedTuple):
    """By row: the `Means`, the `DeviceType`, and two words that name the device."""

    means: Numbers
    type: Numbers
    owner: Words
    number: Words


def households(world: World, customer: Numbers, person: Numbers, day: Numbers) -> Numbers:
    """Who shares a computer and a connection: the same person for both customers of a household.

    Args:
        customer, person: the customer number and its holder.
        day: the day (since 1970) on which it is asked.
    """
    neighbour = np.minimum(customer ^ 1, world.register.count - 1)
    since = world.register.since(neighbour, day)
    other = holder(neighbour, since)
    one, two = np.minimum(person, other), np.maximum(person, other)
    shares = hashed(world.seed, "household", one, two) < np.uint64(round(HOUSEHOLDS * 2**64))
    return np.where(shares & (since < NOBODY), one, person)


def devices(block: Payments) -> Devices:
    """What the payments of a block are made on."""
    means, person = _means(block), block.person
    device_type = np.full(block.rows, int(DeviceType.POS))
    device_type[means >= Means.HOME_COMPUTER] = DeviceType.WEB
    on_phone = np.flatnonzero(means == Means.PHONE)
    device_type[on_phone] = _phone(block, on_phone)
    second = means == Means.SECOND_PHONE
    any_phone = (hashed(block.plan.seed, "device/second", person[second]) & np.uint64(1)).astype(np.int64)
    device_type[second] = np.where(any_phone == 1, DeviceType.IOS, DeviceType.ANDROID)
    owner, number = _names(block, means)
    rows, case, chosen = _of_case(block)
    group = np.where(case.group > 0, case.group, case.case)
    # Another one each day, so that nothing is learned of a device that was known for fraud.
    word = hashed(block.plan.seed, "group/device", group, block.day[rows])
    strange = np.array([DeviceType.WEB, DeviceType.WEB, DeviceType.IOS, DeviceType.ANDROID])[word & np.uint64(3)]
    device_type[rows] = np.where(chosen == DeviceChoice.NEW, _phone(block, rows), strange)
    owner[rows] = word
    number[rows] = 0
    return Devices(means, device_type, owner, number * np.uint64(4) + device_type.astype(np.uint64))


def _phone(block: Payments, rows: Numbers) -> Numbers:
    """The `DeviceType` of the customer's phone in these rows."""
    return np.where(block.world.iphone(block.customer[rows], block.person[rows]), DeviceType.IOS, DeviceType.ANDROID)


def _of_case(block: Payments) -> tuple[Numbers, Incidents, Numbers]:
    """The rows that are made on the device of their case, their incidents, and the `DeviceChoice` of each."""
    incidents = block.elsewhere
    share = np.where(incidents.hidden, HIDDEN_OWN_DEVICE_SHARE, OWN_DEVICE_SHARE)
    own = (incidents.case & np.uint64(0xFF)) / 256.0 < share
    these = incidents.at((incidents.device != DeviceChoice.OWN) & ~own)
    return these.rows, these, these.device


def _means(block: Payments) -> Numbers:
    """The `Means` of each payment."""
    means = np.zeros(block.rows, dtype=np.int64)
    online = np.flatnonzero(~block.offline)
    drawn = _MEANS[np.searchsorted(_EDGES, block.streams.fractions("device_type")[online], side="right")]
    drawn[block.recurring[online]] = Means.PHONE
    word = hashed(block.plan.seed, "devices", block.person[online])
    has_second: Mask = (word & np.uint64(0xFF)) < np.uint64(round(SECOND_PHONES * 256))
    works: Mask = (word >> np.uint64(8) & np.uint64(0xFF)) < np.uint64(round(WORKERS * 256))
    drawn[(drawn == Means.SECOND_PHONE) & ~has_second] = Means.PHONE
    drawn[(drawn == Means.WORK_COMPUTER) & ~works] = Means.HOME_COMPUTER
    means[online] = drawn
    means[block.wallet & (block.entry_mode == EntryMode.NFC)] = Means.PHONE
    means[_of_case(block)[0]] = Means.OF_CASE
    return means


def _names(block: Payments, means: Numbers) -> tuple[Words, Words]:
    """Two words that name the device of each payment, whatever its case."""
    seed = block.plan.seed
    # Holders are below 2**38: what is above says what the device is of.
    owner = block.shop.astype(np.uint64) | np.uint64(1 << 40)
    number = block.streams.below("device_id/terminal", TERMINALS).astype(np.uint64)
    owned = np.flatnonzero(means != Means.TERMINAL)
    kind, who, day = means[owned], block.person[owned], block.day[owned]
    home = kind == Means.HOME_COMPUTER
    who[home] = households(block.world, block.customer[owned][home], who[home], day[home])
    life = _LIFE[kind]
    age = (hashed(seed, "device/age", who, kind) % life.astype(np.uint64)).astype(np.int64)
    owner[owned] = who.astype(np.uint64) | (kind + 2).astype(np.uint64) << np.uint64(40)
    number[owned] = ((day + age) // life).astype(np.uint64)
    public = owned[kind == Means.PUBLIC_COMPUTER]
    owner[public] = block.place[public].astype(np.uint64) | np.uint64(2 << 40)
    number[public] = hashed(seed, "device/public", block.moments[public]) % np.uint64(PUBLIC_COMPUTERS)
    return owner, number
