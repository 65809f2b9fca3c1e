"""The scenarios: frauds with causes, and honest payments that look like them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from synth_assets.generator.codes import Channel
from synth_assets.generator.plan import Difficulty

ONLINE, IN_STORE, ATM = Channel.ONLINE, Channel.IN_STORE, Channel.ATM


class ScenarioCode(IntEnum):
    """The scenarios by their codes, frauds first. Their names, in lower case, are those of `label_events`."""

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


class DeviceChoice(IntEnum):
    """The device that a scenario pays with."""

    OWN = 0
    """The customer's."""
    NEW = 1
    """One of the customer's type that is seen for the first time."""
    STRANGE = 2
    """A stranger's, of any type and at another address."""


@dataclass(frozen=True)
class Scenario:
    """What the payments of a case have in common.

    Args:
        code: the scenario's place in `SCENARIOS`.
        share: its share of the payments of its kind (fraud, or look-alikes), in per cent.
        payments: fewest and most payments of a case.
        gap: shortest and longest time between two of them, in seconds.
        channels: the channels to choose from.
        merchants: where it is paid.
        amount: from which to which quantile of what the merchant's customers pay.
        device: what it is paid with.
        abroad: whether it is paid in another city than the customer's.
        magstripe: whether the card's magnetic stripe is read.
        local_hours: whether cases begin when the customer's zone is awake.
    """

    code: ScenarioCode
    share: int
    payments: tuple[int, int]
    gap: tuple[int, int]
    channels: tuple[Channel, ...]
    merchants: MerchantChoice
    amount: tuple[float, float]
    device: DeviceChoice = DeviceChoice.OWN
    abroad: bool = False
    magstripe: bool = False
    local_hours: bool = True

    @property
    def name(self) -> str:
        """The scenario's name in `label_events`."""
        return self.code.name.lower()


FRAUDS: tuple[Scenario, ...] = (
    Scenario(ScenarioCode.CARD_TESTING, 18, (3, 9), (15, 120), (ONLINE,), MerchantChoice.SMALL_TICKET, (0.0, 0.4),
             DeviceChoice.STRANGE, local_hours=False),
    Scenario(ScenarioCode.STOLEN_CREDENTIALS, 44, (1, 5), (60, 1_800), (ONLINE,), MerchantChoice.RESALE, (0.3, 0.98),
             DeviceChoice.STRANGE, local_hours=False),
    Scenario(ScenarioCode.ACCOUNT_TAKEOVER, 11, (1, 4), (60, 1_800), (ONLINE,), MerchantChoice.OWN, (0.7, 0.99),
             DeviceChoice.NEW, local_hours=False),
    Scenario(ScenarioCode.LOST_OR_STOLEN, 14, (3, 7), (120, 1_500), (IN_STORE, IN_STORE, IN_STORE, ATM),
             MerchantChoice.STRANGE, (0.5, 0.99)),
    Scenario(ScenarioCode.COUNTERFEIT, 5, (1, 4), (300, 3_600), (IN_STORE, IN_STORE, ATM),
             MerchantChoice.STRANGE, (0.5, 0.99), abroad=True, magstripe=True),
    Scenario(ScenarioCode.FRIENDLY_FRAUD, 8, (2, 5), (60, 1_200), (ONLINE,), MerchantChoice.SMALL_TICKET, (0.7, 0.99)),
)  # fmt: skip
"""The frauds. Their causes are those that fraud reports name; every figure is assumed."""

LOOK_ALIKES: tuple[Scenario, ...] = (
    Scenario(ScenarioCode.SMALL_PAYMENTS, 20, (2, 6), (20, 300), (ONLINE,), MerchantChoice.SMALL_TICKET, (0.0, 0.6)),
    Scenario(ScenarioCode.ON_LINE_SPREE, 28, (2, 5), (60, 1_800), (ONLINE,), MerchantChoice.RESALE, (0.3, 0.99),
             DeviceChoice.NEW),
    Scenario(ScenarioCode.NEW_PHONE, 12, (1, 3), (120, 3_600), (ONLINE,), MerchantChoice.OWN, (0.3, 0.99),
             DeviceChoice.NEW),
    Scenario(ScenarioCode.SHOPPING_TOUR, 24, (2, 6), (180, 2_400), (IN_STORE, IN_STORE, IN_STORE, ATM),
             MerchantChoice.STRANGE, (0.3, 0.99)),
    Scenario(ScenarioCode.JOURNEY, 16, (1, 4), (300, 3_600), (IN_STORE, IN_STORE, ATM),
             MerchantChoice.STRANGE, (0.2, 0.99), abroad=True),
)  # fmt: skip
"""Honest payments that look like fraud; every figure is assumed."""

SCENARIOS = (*FRAUDS, *LOOK_ALIKES)


@dataclass(frozen=True)
class Hardness:
    """How hard fraud is to tell.

    Args:
        hidden: the share of the frauds that are paid just as their customer pays.
        look_alikes: the share of all payments that look like fraud and are none.
    """

    hidden: float
    look_alikes: float


HARDNESS: dict[Difficulty, Hardness] = {
    "easy": Hardness(hidden=0.03, look_alikes=0.004),
    "medium": Hardness(hidden=0.33, look_alikes=0.026),
    "hard": Hardness(hidden=0.87, look_alikes=0.04),
}
"""The figures are assumed. They were chosen so that a model finds most, some or few of the frauds."""
