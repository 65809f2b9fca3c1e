"""Fraud with causes, and what looks like it and is none.

A case is one card, a scenario and some payments within minutes or hours. Cases are planned per segment, an equal part
of the day's rows: how many of a segment's payments are fraud is a binomial draw at the plan's `fraud_rate`, so the
prevalence is that of independent payments on every day and in every tenth of it, while the payments are not.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr

from synth_assets.generator.plan import TENTHS, Difficulty, GenerationPlan
from synth_assets.generator.rhythm import Rhythm
from synth_assets.generator.streams import BlockStreams, Words, hashed, scaled
from synth_assets.generator.world import PLACES, STORES, Numbers, World

ONLINE, IN_STORE, ATM = 0, 1, 2
OWN, RESALE, SMALL_TICKET, STRANGE = 0, 1, 2, 3
"""Merchants: those of the customer, shops of goods to be sold on, shops of small payments, any other of the city."""
NEW_DEVICE, STRANGE_DEVICE = 1, 2


@dataclass(frozen=True)
class Scenario:
    """What the payments of a case have in common.

    Args:
        share: its share of the payments of its kind (fraud, or look-alikes), in per cent.
        payments: fewest and most payments of a case.
        gap: shortest and longest time between two of them, in seconds.
        channels: the channels to choose from.
        merchants: where it is paid (one of the four above).
        amount: from which to which quantile of what the merchant's customers pay.
        device: the customer's own, a new one, or a stranger's.
        abroad: whether it is paid in another city than the customer's.
        magstripe: whether the card's magnetic stripe is read.
        local_hours: whether cases begin when the customer's zone is awake.
    """

    name: str
    share: int
    payments: tuple[int, int]
    gap: tuple[int, int]
    channels: tuple[int, ...]
    merchants: int
    amount: tuple[float, float]
    device: int = OWN
    abroad: bool = False
    magstripe: bool = False
    local_hours: bool = True


FRAUDS: tuple[Scenario, ...] = (
    Scenario("card_testing", 18, (3, 9), (15, 120), (ONLINE,), SMALL_TICKET, (0.0, 0.4), STRANGE_DEVICE,
             local_hours=False),
    Scenario("stolen_credentials", 44, (1, 5), (60, 1_800), (ONLINE,), RESALE, (0.3, 0.98), STRANGE_DEVICE,
             local_hours=False),
    Scenario("account_takeover", 11, (1, 4), (60, 1_800), (ONLINE,), OWN, (0.7, 0.99), NEW_DEVICE,
             local_hours=False),
    Scenario("lost_or_stolen", 14, (3, 7), (120, 1_500), (IN_STORE, IN_STORE, IN_STORE, ATM), STRANGE, (0.5, 0.99)),
    Scenario("counterfeit", 5, (1, 4), (300, 3_600), (IN_STORE, IN_STORE, ATM), STRANGE, (0.5, 0.99), abroad=True,
             magstripe=True),
    Scenario("friendly_fraud", 8, (2, 5), (60, 1_200), (ONLINE,), SMALL_TICKET, (0.7, 0.99)),
)  # fmt: skip

LOOK_ALIKES: tuple[Scenario, ...] = (
    Scenario("small_payments", 20, (2, 6), (20, 300), (ONLINE,), SMALL_TICKET, (0.0, 0.6)),
    Scenario("on_line_spree", 28, (2, 5), (60, 1_800), (ONLINE,), RESALE, (0.3, 0.99), NEW_DEVICE),
    Scenario("new_phone", 12, (1, 3), (120, 3_600), (ONLINE,), OWN, (0.3, 0.99), NEW_DEVICE),
    Scenario("shopping_tour", 24, (2, 6), (180, 2_400), (IN_STORE, IN_STORE, IN_STORE, ATM), STRANGE, (0.3, 0.99)),
    Scenario("journey", 16, (1, 4), (300, 3_600), (IN_STORE, IN_STORE, ATM), STRANGE, (0.2, 0.99), abroad=True),
)

SCENARIOS = (*FRAUDS, *LOOK_ALIKES)
COUNTERFEIT = [scenario.name for scenario in FRAUDS].index("counterfeit")


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

SEGMENT_ROWS = 524_288
"""Rows of a segment at most, which bounds the memory of its cases."""

COMPROMISED, FORTNIGHT = 8, 14
"""Merchants whose terminals copy cards, and the days after which they are others."""

HABITS = 8
"""Merchants of a channel that a customer goes back to."""


@dataclass(frozen=True)
class Incidents:
    """The payments of a segment's cases, in the order of their rows.

    Args:
        rows: their row numbers in the day, all different.
        card: whose card.
        scenario: its number in `SCENARIOS`.
        case: the same for payments of one case, and for none besides.
        hidden: whether the payment is made as the customer makes them.
    """

    rows: Numbers
    card: Numbers
    scenario: npt.NDArray[np.int64]
    case: Words
    hidden: npt.NDArray[np.bool_]


def segment_count(plan: GenerationPlan) -> int:
    """Segments of a day: a multiple of ten, so that none crosses the border of two tenths of the day."""
    return TENTHS * -(-plan.rows // (TENTHS * SEGMENT_ROWS))


def segment_edge(plan: GenerationPlan, number: int) -> int:
    """The first row of a segment."""
    return -(-plan.rows * number // segment_count(plan))


def incidents_between(world: World, rhythm: Rhythm, plan: GenerationPlan, first: int, last: int) -> Incidents:
    """The incidents of the rows `first` … `last` - 1."""
    segments = segment_count(plan)
    numbers = range(first * segments // plan.rows, min((last - 1) * segments // plan.rows + 1, segments))
    parts = [_incidents(world, rhythm, plan, number) for number in numbers]
    joined = Incidents(*(np.concatenate([getattr(part, name) for part in parts]) for name in Incidents.__match_args__))
    low, high = np.searchsorted(joined.rows, [first, last])
    return Incidents(*(getattr(joined, name)[low:high] for name in Incidents.__match_args__))


@lru_cache(maxsize=4)
def _incidents(world: World, rhythm: Rhythm, plan: GenerationPlan, number: int) -> Incidents:
    first, last = segment_edge(plan, number), segment_edge(plan, number + 1)
    rows = last - first
    hardness = HARDNESS[plan.difficulty]
    draws = BlockStreams(plan.seed, plan.day, number, 2).fractions("incidents")
    frauds = _binomial(rows, plan.fraud_rate, draws[0])
    look_alikes = _binomial(rows - frauds, hardness.look_alikes, draws[1])
    cases = [
        _cases(world, rhythm, plan, number, FRAUDS, frauds, 0, "fraud"),
        _cases(world, rhythm, plan, number, LOOK_ALIKES, look_alikes, len(FRAUDS), "look-alike"),
    ]
    place, card, scenario, case = (np.concatenate(parts) for parts in zip(*cases, strict=True))
    hidden = np.concatenate(
        [
            BlockStreams(plan.seed, plan.day, number, frauds).chosen("incidents/hidden", hardness.hidden),
            np.zeros(look_alikes, dtype=np.bool_),
        ]
    )
    order = np.argsort(place, kind="stable")
    return Incidents(
        first + _apart(place[order].astype(np.int64), rows),
        card[order],
        scenario[order],
        case[order],
        hidden[order],
    )


def _binomial(trials: int, probability: float, fraction: float) -> int:
    """The quantile of a binomial law: a higher probability never gives a lower count."""
    return bisect_left(range(trials), True, key=lambda count: bool(bdtr(count, trials, probability) > fraction))


def _apart(places: Numbers, rows: int) -> Numbers:
    """Ascending places in 0 … rows - 1, moved where needed so that no two are the same."""
    numbers = np.arange(len(places))
    return np.minimum(np.maximum.accumulate(places - numbers), rows - len(places)) + numbers


def _cases(
    world: World,
    rhythm: Rhythm,
    plan: GenerationPlan,
    number: int,
    scenarios: tuple[Scenario, ...],
    payments: int,
    first_scenario: int,
    kind: str,
) -> tuple[Any, ...]:
    """Cases of so many payments in all: each payment's place in the segment, card, scenario and case."""
    streams = BlockStreams(plan.seed, plan.day, number, payments)
    first, last = segment_edge(plan, number), segment_edge(plan, number + 1)
    # A case has the scenario with the probability of its share of payments over its mean number of payments.
    weights = np.cumsum([scenario.share / sum(scenario.payments) for scenario in scenarios])
    drawn = np.searchsorted(weights[:-1] / weights[-1], streams.fractions(f"{kind}/scenario"), side="right")
    fewest, most = (np.array([s.payments[end] for s in scenarios], dtype=np.uint64)[drawn] for end in (0, 1))
    sizes = (fewest + streams.below(f"{kind}/payments", most - fewest + np.uint64(1))).astype(np.int64)
    count = int(np.searchsorted(np.cumsum(sizes), payments)) + 1 if payments else 0
    case = np.repeat(np.arange(count), sizes[:count])[:payments]
    scenario = drawn[case]
    shortest, longest = (np.array([s.gap[end] for s in scenarios], dtype=np.float64)[scenario] for end in (0, 1))
    gaps = shortest + (longest - shortest) * streams.fractions(f"{kind}/gap")
    begins = np.concatenate([[True], case[1:] != case[:-1]])[: len(case)]
    seconds = np.cumsum(gaps)
    seconds -= seconds[begins][case] if len(case) else 0
    start = streams.fractions(f"{kind}/start")[case] * (last - first)
    step, _ = rhythm.moment((first + start) / plan.rows)
    # Past its end a case goes on at the segment's beginning, so that incidents are as dense everywhere.
    place = (start + seconds * rhythm.per_second(step) * plan.rows) % (last - first)
    words = streams.words(f"{kind}/card")[case]
    awake = np.array([s.local_hours for s in scenarios])[scenario]
    zone = rhythm.zone(step, streams.words(f"{kind}/zone")[case])
    low = np.where(awake, world.zone_starts[zone], np.uint64(0))
    among = np.where(awake, world.zone_counts[zone], np.uint64(len(world.slots)))
    card = world.slots[low + scaled(words, among)].astype(np.int64)
    if kind == "fraud":
        copied = scenario == COUNTERFEIT
        card[copied] = _copied_cards(world, plan, words[copied])
    key = hashed(plan.seed, f"case/{kind}/{plan.day.isoformat()}/{number}", case)
    return place, card, scenario + first_scenario, key


def habit(world: World, customer: npt.NDArray[Any], channel: npt.NDArray[Any], place: npt.NDArray[Any]) -> Words:
    """The word that leads a customer to one of the `HABITS` merchants (`place`) of a channel, always the same."""
    return hashed(world.seed, "habit", customer, channel * 64 + place)


def compromised_merchants(world: World, day: dt.date) -> tuple[Numbers, Numbers]:
    """The merchants that copy cards in the day's fortnight, and their cities: a popular store of each."""
    which = np.arange(COMPROMISED) + COMPROMISED * (day.toordinal() // FORTNIGHT)
    place = scaled(hashed(world.seed, "compromised/city", which), len(PLACES)).astype(np.int64)
    return world.merchants.pools.draw(STORES + place, hashed(world.seed, "compromised/merchant", which)), place


def _copied_cards(world: World, plan: GenerationPlan, words: Words, tries: int = 64) -> Numbers:
    """A card for each word, of a customer who goes to a compromised merchant."""
    merchants, places = compromised_merchants(world, plan.day)
    which = scaled(words, COMPROMISED).astype(np.int64)
    # Customers are in the order of their cities.
    first, past = (np.searchsorted(world.place, places[which], side) for side in ("left", "right"))
    attempts = hashed(world.seed, "copied", words[:, None], np.arange(tries)[None, :])
    among = (past - first).astype(np.uint64)[:, None]
    customers = np.minimum(first[:, None] + scaled(attempts, among).astype(np.int64), len(world.place) - 1)
    goes = np.zeros(customers.shape, dtype=np.bool_)
    for place in range(HABITS):
        words_of = habit(world, customers, np.array([IN_STORE]), np.array([place]))
        goes |= (
            world.merchants.pools.draw(STORES + world.place[customers].astype(np.int64), words_of)
            == (merchants[which, None])
        )
    customer = customers[np.arange(len(words)), np.argmax(goes, axis=1)]
    return np.searchsorted(world.card_customer, customer)
