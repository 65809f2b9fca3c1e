"""The scenarios: frauds with causes, and honest payments that look like them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from synth_assets.generator.codes import Channel
from synth_assets.generator.plan import Difficulty

ONLINE, IN_STORE, ATM = Channel.ONLINE, Channel.IN_STORE, Channel.ATM


class ScenarioCode(IntEnum):
    """The scenarios by their codes, frauds first. Their names, in lower case, are those of the side tables."""

    CARD_TESTING = 0
    STOLEN_CREDENTIALS = 1
    ACCOUNT_TAKEOVER = 2
    LOST_OR_STOLEN = 3
    COUNTERFEIT = 4
    FRIENDLY_FRAUD = 5
    SMALL_PAYMENTS = 6
    ON_LINE_SPREE = 7
    NEW_PHONE = 8
    SHOPPING_TOUR = 9
    JOURNEY = 10
    VISIT = 11


class MerchantChoice(IntEnum):
    """The merchants that a scenario pays."""

    OWN = 0
    """Those that the customer goes back to."""
    RESALE = 1
    """Shops of goods that can be sold on."""
    SMALL_TICKET = 2
    """Shops of small payments."""
    STRANGE = 3
    """Any other merchant of the city."""
    COMPROMISED = 4
    """The merchant whose terminal copies the card."""
    GOODS = 5
    """Other merchants of the city, and more often stores of goods that can be sold on."""


class DeviceChoice(IntEnum):
    """The device that a scenario pays with."""

    OWN = 0
    """One of the customer's."""
    NEW = 1
    """One of the type of the customer's phone that is seen for the first time."""
    STRANGE = 2
    """Another one, of any type and at another address, which the cases of a group share."""


@dataclass(frozen=True)
class Look:
    """What payments of a scenario look like.

    Args:
        merchants: where it is paid.
        amount: from which to which quantile of what the merchant's customers pay.
    """

    merchants: MerchantChoice
    amount: tuple[float, float]


@dataclass(frozen=True)
class Scenario:
    """What the payments of a case have in common.

    Args:
        code: the scenario's place in `SCENARIOS`.
        share: its share of the payments of its kind (fraud, or look-alikes), in per cent.
        payments: fewest and most payments of a case.
        gap: shortest and longest time between two of them, in seconds.
        channels: the channels to choose from.
        look: what its payments look like.
        device: what it is paid with.
        grouped: the share of the cases that belong to a group: a ring of frauds, or a circle of honest people.
        harvest: the share of the cases whose last payments are larger, and what those look like.
        abroad: whether it is paid in another city than the customer's.
        magstripe: whether the card's magnetic stripe is read.
        local_hours: whether cases begin when the customer's zone is awake.
    """

    code: ScenarioCode
    share: int
    payments: tuple[int, int]
    gap: tuple[int, int]
    channels: tuple[Channel, ...]
    look: Look
    device: DeviceChoice = DeviceChoice.OWN
    grouped: float = 0.0
    harvest: float = 0.0
    abroad: bool = False
    magstripe: bool = False
    local_hours: bool = True

    @property
    def name(self) -> str:
        """The scenario's name in the side tables."""
        return self.code.name.lower()


HARVEST = Look(MerchantChoice.RESALE, (0.5, 0.98))
"""What follows a card test that succeeds: goods that can be sold on."""
_SMALL = Look(MerchantChoice.SMALL_TICKET, (0.0, 0.5))
_GOODS = Look(MerchantChoice.RESALE, (0.3, 0.965))
_AT_HOME = Look(MerchantChoice.OWN, (0.5, 0.97))
_STOLEN = Look(MerchantChoice.GOODS, (0.4, 0.93))
_COPIED = Look(MerchantChoice.STRANGE, (0.2, 0.85))
_OUT = Look(MerchantChoice.STRANGE, (0.3, 0.97))
_RING, _CIRCLE = 0.8, 0.38
"""Rings use their devices, addresses and shops again more often than honest circles do (assumed)."""

FRAUDS: tuple[Scenario, ...] = (
    Scenario(ScenarioCode.CARD_TESTING, 20, (4, 9), (15, 120), (ONLINE,), _SMALL, DeviceChoice.STRANGE,
             _RING, harvest=0.8, local_hours=False),
    Scenario(ScenarioCode.STOLEN_CREDENTIALS, 43, (1, 5), (60, 1_800), (ONLINE,), _GOODS, DeviceChoice.STRANGE,
             _RING, local_hours=False),
    Scenario(ScenarioCode.ACCOUNT_TAKEOVER, 11, (1, 4), (60, 1_800), (ONLINE,), _AT_HOME, DeviceChoice.NEW,
             _RING, local_hours=False),
    Scenario(ScenarioCode.LOST_OR_STOLEN, 13, (5, 10), (60, 600), (IN_STORE, IN_STORE, IN_STORE, ATM), _STOLEN),
    Scenario(ScenarioCode.COUNTERFEIT, 4, (1, 3), (300, 3_600), (IN_STORE, IN_STORE, ATM), _COPIED,
             abroad=True, magstripe=True, local_hours=False),
    Scenario(ScenarioCode.FRIENDLY_FRAUD, 9, (2, 5), (60, 1_200), (ONLINE,),
             Look(MerchantChoice.SMALL_TICKET, (0.5, 0.99))),
)  # fmt: skip
"""The frauds. Their causes are those that fraud reports name; every figure is assumed."""

LOOK_ALIKES: tuple[Scenario, ...] = (
    Scenario(ScenarioCode.SMALL_PAYMENTS, 28, (3, 9), (15, 150), (ONLINE,), _SMALL, DeviceChoice.STRANGE,
             _CIRCLE, harvest=0.5, local_hours=False),
    Scenario(ScenarioCode.ON_LINE_SPREE, 46, (1, 5), (60, 1_800), (ONLINE,), _GOODS, DeviceChoice.STRANGE,
             _CIRCLE, local_hours=False),
    Scenario(ScenarioCode.NEW_PHONE, 12, (1, 4), (60, 1_800), (ONLINE,), _AT_HOME, DeviceChoice.NEW,
             _CIRCLE, local_hours=False),
    Scenario(ScenarioCode.SHOPPING_TOUR, 12, (3, 9), (60, 900), (IN_STORE, IN_STORE, IN_STORE, ATM), _OUT),
    Scenario(ScenarioCode.JOURNEY, 2, (1, 4), (300, 3_600), (IN_STORE, IN_STORE, ATM), _OUT, magstripe=True),
)  # fmt: skip
"""Honest payments that look like fraud: on a friend's device, on a new phone, on a tour of the shops, at the old
terminals of another city. Every figure is assumed."""

VISIT = Scenario(ScenarioCode.VISIT, 0, (1, 1), (0, 0), (IN_STORE,), Look(MerchantChoice.COMPROMISED, (0.0, 1.0)))
"""The honest payment in which a compromised terminal copies the card of a later counterfeit."""

SCENARIOS = (*FRAUDS, *LOOK_ALIKES, VISIT)


@dataclass(frozen=True)
class Hardness:
    """How hard fraud is to tell.

    Args:
        hidden: the share of the cases of fraud that are paid just as their customer pays in the channel.
        hidden_payments: the payments of such a case, at most: more would stand out.
        betrayed: the share of the hidden cases of a ring that come from its addresses all the same.
        look_alikes: the share of all payments that look like fraud and are none.
    """

    hidden: float
    hidden_payments: int
    betrayed: float
    look_alikes: float


HARDNESS: dict[Difficulty, Hardness] = {
    "easy": Hardness(hidden=0.08, hidden_payments=2, betrayed=1.0, look_alikes=0.004),
    "medium": Hardness(hidden=0.72, hidden_payments=2, betrayed=0.9, look_alikes=0.018),
    "hard": Hardness(hidden=0.96, hidden_payments=1, betrayed=0.25, look_alikes=0.045),
}
"""The figures are assumed. They were chosen so that a model finds most, some or few of the frauds."""
