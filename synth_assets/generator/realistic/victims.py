"""Whose card a case takes, and when the case is reported.

A card that is reported is blocked, and its customer gets another. When a card is issued anew is a matter of its own
calendar (`issues`), so the report comes first: its day is drawn by a law of the scenario's, and then the card among
those that are issued anew on that day. Its customer is one from before the case to the report.
"""

from __future__ import annotations

import datetime as dt
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np

from synth_assets.generator.plan import Difficulty, GenerationPlan
from synth_assets.generator.realistic import issues
from synth_assets.generator.realistic.cases import Cases, scenario_of
from synth_assets.generator.realistic.habits import compromised_merchant, copies_cards
from synth_assets.generator.realistic.holders import NOBODY, drawn, holder
from synth_assets.generator.realistic.places import PLACE_ZONE, PLACES
from synth_assets.generator.realistic.quantiles import log_normal
from synth_assets.generator.realistic.rhythm import Rhythm
from synth_assets.generator.realistic.scenarios import FRAUDS, SCENARIOS, ScenarioCode
from synth_assets.generator.realistic.travel import whereabouts
from synth_assets.generator.realistic.world import World
from synth_assets.generator.streams import Mask, Numbers, Words, fractions, hashed, scaled

NEVER = -1
"""The moment of a report that never comes."""
TRIES = 64
"""The cards that are looked at for a case, first of those whose own day it is, and then of all that are issued anew on
the day of its report. The first that pays at the hour is taken."""
TRAVELLERS = 96
"""The customers who are looked at for the case of a journey, until one is on one."""
FULL_WEIGHT = 16
"""A card that pays less often than one with so many slots is taken less often in proportion."""
_AT_ONCE = 256
"""The cases that are looked at together, which bounds the memory."""


class Delay(NamedTuple):
    """When a fraud is reported: the median days, the sigma of their log-normal law, and the share that never is."""

    days: float
    sigma: float
    never: float


DELAYS: dict[ScenarioCode, Delay] = {
    ScenarioCode.CARD_TESTING: Delay(4.0, 0.9, 0.10),
    ScenarioCode.STOLEN_CREDENTIALS: Delay(6.0, 1.0, 0.04),
    ScenarioCode.ACCOUNT_TAKEOVER: Delay(3.0, 1.0, 0.03),
    ScenarioCode.LOST_OR_STOLEN: Delay(1.0, 0.5, 0.01),
    ScenarioCode.COUNTERFEIT: Delay(5.0, 0.9, 0.03),
    ScenarioCode.FRIENDLY_FRAUD: Delay(45.0, 0.5, 0.10),
}
"""Every figure is assumed, with these in mind: an alert is answered within about seven days (Dal Pozzolo et al. 2015),
the holder of a lost card notices within a day or two, and schemes let a payment be disputed for 120 days, of which
friendly fraud uses months."""
LONGEST_DELAY_DAYS = 120
"""After so many days schemes take no more disputes (Visa and Mastercard, dispute conditions for fraud)."""

_MORE_DAYS = LONGEST_DELAY_DAYS + 1
_NEVER = np.array([DELAYS[scenario.code].never for scenario in FRAUDS])
_LOCAL_HOURS = np.array([scenario.local_hours for scenario in SCENARIOS])


@cache
def _delay_days() -> Numbers:
    """Whole days from a fraud to its report, by scenario and by 256 equal steps of their distribution."""
    laws = np.stack([log_normal(DELAYS[each.code].days, DELAYS[each.code].sigma, 256) for each in FRAUDS])
    return np.clip(np.rint(laws), 1, LONGEST_DELAY_DAYS).astype(np.int64)


class Victims(NamedTuple):
    """By case: the card, the moment of the report (in milliseconds since 1970, or `NEVER`), and the merchant that
    copied the card of a counterfeit (-1 for others)."""

    card: Numbers
    reported: Numbers
    compromised: Numbers


def victims(plan: GenerationPlan, world: World, rhythm: Rhythm, cases: Cases) -> Victims:
    """Whose cards these frauds of the plan's day take."""
    parts = [
        _some_victims(plan, world, rhythm, cases.at(np.arange(first, min(first + _AT_ONCE, len(cases)))))
        for first in range(0, max(len(cases), 1), _AT_ONCE)
    ]
    return Victims(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _some_victims(plan: GenerationPlan, world: World, rhythm: Rhythm, cases: Cases) -> Victims:
    seed, scenario = world.seed, cases.scenario
    word = hashed(seed, "case/report", cases.key)
    card, good, days = _candidates(plan, world, rhythm, cases, _delay_days()[scenario, word >> np.uint64(56)])
    # In a small world no card of the cities where most are copied may be left; any city's will do then.
    copies = copies_cards(seed, np.arange(len(PLACES)), plan.day)
    copied = good & copies[world.place[world.card_customer[card]]]
    counterfeit = scenario == ScenarioCode.COUNTERFEIT
    good = np.where((counterfeit & copied.any(axis=1))[:, None], copied, good)
    chosen = np.argmax(good, axis=1)
    one = np.arange(len(cases))
    # In a small world no card may be left that is issued anew on the day; any customer's will do then.
    none = ~good[one, chosen]
    never = none | (fractions(word << np.uint64(8)) < _NEVER[scenario])
    card = card[one, chosen]
    if none.any():
        card[none] = honest(plan, world, rhythm, cases.at(none))
    home = world.place[world.card_customer[card]].astype(np.int64)
    # The card is blocked when it is reported.
    reported = world.calendar.moment(card, world.calendar.part(days * issues.DAY_MS))
    return Victims(card, np.where(never, NEVER, reported), _copied_at(plan, world, cases, home))


def _candidates(
    plan: GenerationPlan, world: World, rhythm: Rhythm, cases: Cases, delay: Numbers
) -> tuple[Numbers, Mask, Numbers]:
    """By case, with a report so many days later: cards, the best first, which of them can be taken, and the day of the
    report."""
    step, moment = rhythm.moment(cases.share)
    # A case is over by the end of its day, and in a window of several days by that of the day after.
    days = moment // issues.DAY_MS + delay + (plan.lookback_days > 1)
    attempts = hashed(world.seed, "case/card", cases.key[:, None], np.arange(2 * TRIES)[None, :])
    card, good = _looked_at(world.calendar, plan.difficulty, delay, days, attempts)
    usual = world.card_weight[card] * (2.0**16 / FULL_WEIGHT) > (attempts >> np.uint64(16) & np.uint64(0xFFFF))
    customer = world.card_customer[card].astype(np.int64)
    good &= usual
    home = world.place[customer].astype(np.int64)
    awake = rhythm.awake[PLACE_ZONE[home], step[:, None]] > (attempts & np.uint64(0xFFFF)) / 2.0**16
    good &= awake | ~(_LOCAL_HOURS[cases.scenario] | cases.hidden)[:, None]
    begins, _ = _days_of(plan, cases, moment)
    case, attempt = np.nonzero(good)
    since = world.register.since(customer[case, attempt], begins[case], days[case])
    good[case, attempt] = since < NOBODY
    # A card is copied at home, so its customer is there all day.
    visits = (cases.scenario == ScenarioCode.COUNTERFEIT)[case] & (since < NOBODY)
    case, attempt, since = case[visits], attempt[visits], since[visits]
    person = holder(customer[case, attempt], since)
    good[case, attempt] = _at_home(world.seed, person, home[case, attempt], begins[case])
    return card, good, days


def _looked_at(
    calendar: issues.Calendar, difficulty: Difficulty, delay: Numbers, days: Numbers, attempts: Words
) -> tuple[Numbers, Mask]:
    """A card that is issued anew on the day, for each attempt of each case, and whether there is one. In the first half
    of the attempts the day of the case is the card's own."""
    days, place = np.unique(days, return_inverse=True)
    lists = [_issued_on(calendar, difficulty, int(day)) for day in days]
    cards = np.concatenate([*(card for card, _ in lists), [0]])  # so that there is one where there is none
    own = np.concatenate([number * _MORE_DAYS + each for number, (_, each) in enumerate(lists)] or [days])
    begins, own_day = place * _MORE_DAYS, place * _MORE_DAYS + delay
    first, end = (
        np.searchsorted(own, [each, last]) for each, last in ((own_day, begins), (own_day + 1, begins + _MORE_DAYS))
    )
    first, count = (np.repeat(each.T, TRIES, axis=1) for each in (first, end - first))
    return cards[first + scaled(attempts, count.astype(np.uint64)).astype(np.int64)], count > 0


@lru_cache(maxsize=512)
def _issued_on(calendar: issues.Calendar, difficulty: Difficulty, day: int) -> tuple[Numbers, Numbers]:
    """The cards that are issued anew on a day, and on how many days before it each may be taken where enough cards are
    left, in the order of these.

    A card has one such day, so that few are taken on two. The days follow the law of all reports, so that there are
    cards for each.
    """
    card = calendar.issued_on(day)
    word = hashed(calendar.seed, "case/day", card, np.full(len(card), day))
    own = _delay_days()[scenario_of("fraud", difficulty, fractions(word)), word & np.uint64(0xFF)]
    order = np.argsort(own, kind="stable")
    return card[order], own[order]


def _at_home(seed: int, person: Numbers, home: Numbers, day: Numbers) -> Mask:
    """Whether each person is at home all day (UTC): no journey is shorter than a day."""
    edges = np.concatenate([day, day + 1]) * issues.DAY_MS
    away = whereabouts(seed, np.tile(person, 2), np.tile(home, 2), edges).away
    return ~(away[: len(day)] | away[len(day) :])


def _copied_at(plan: GenerationPlan, world: World, cases: Cases, home: Numbers) -> Numbers:
    """The merchant that copied the card of each case, -1 where it is no counterfeit."""
    merchant = np.full(len(cases), -1)
    counterfeit = cases.scenario == ScenarioCode.COUNTERFEIT
    for days_ago in np.unique(cases.copied_days[counterfeit]):
        these = counterfeit & (cases.copied_days == days_ago)
        visited = plan.day - dt.timedelta(days=int(days_ago))
        merchant[these] = compromised_merchant(world, home[these], visited)
    return merchant


def honest(plan: GenerationPlan, world: World, rhythm: Rhythm, cases: Cases) -> Numbers:
    """Whose cards these look-alikes are paid with; those of a journey are of customers who are on one."""
    seed, local = world.seed, _LOCAL_HOURS[cases.scenario]
    step, moment = rhythm.moment(cases.share)
    begins, ends = _days_of(plan, cases, moment)

    def draw(rows: Numbers, attempt: int | Numbers) -> Numbers:
        key, again = cases.key[rows], np.atleast_1d(attempt)
        zone = rhythm.zone(step[rows], hashed(seed, "case/zone", key, again))
        low = np.where(local[rows], world.zone_starts[zone], np.uint64(0))
        among = np.where(local[rows], world.zone_counts[zone], np.uint64(len(world.slots)))
        return world.slots[low + scaled(hashed(seed, "case/card", key, again), among)]

    def there(card: Numbers, rows: Numbers) -> Mask:
        return world.register.since(world.card_customer[card], begins[rows], ends[rows]) < NOBODY

    card = drawn(len(cases), draw, there)
    journey = np.flatnonzero(cases.scenario == ScenarioCode.JOURNEY)
    rows = np.repeat(journey, TRAVELLERS)
    others = draw(rows, np.tile(np.arange(TRAVELLERS), len(journey)))
    travel = (there(others, rows) & _arrived(world, others, moment[rows])).reshape(-1, TRAVELLERS)
    first = np.where(travel.any(axis=1), np.argmax(travel, axis=1) + np.arange(len(journey)) * TRAVELLERS, -1)
    card[journey] = np.where(first < 0, card[journey], others[first])
    return card


def _arrived(world: World, card: Numbers, moment: Numbers) -> Mask:
    """Whether the customers of these cards have arrived in another city."""
    customer = world.card_customer[card].astype(np.int64)
    person = holder(customer, world.joined(card, moment // issues.DAY_MS))
    where = whereabouts(world.seed, person, world.place[customer].astype(np.int64), moment)
    return where.away & ~where.on_the_way


def _days_of(plan: GenerationPlan, cases: Cases, moment: Numbers) -> tuple[Numbers, Numbers]:
    """The first and the last day, counted from 1970, of cases that begin at these moments: that of the visit in which
    the card was copied, and in a window of several days the days beside the case's."""
    beside = int(plan.lookback_days > 1)
    before = np.where(cases.scenario == ScenarioCode.COUNTERFEIT, np.maximum(cases.copied_days, beside), beside)
    day = moment // issues.DAY_MS
    return day - before, day + beside
