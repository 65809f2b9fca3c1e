"""The payments of scenarios: cases of fraud, and of what looks like it.

A case is one card, a scenario and some payments within minutes or hours. Cases are planned per segment, an equal part
of the day's rows: how many of a segment's payments are fraud is a binomial draw at the plan's `fraud_rate`, so the
prevalence is that of independent payments on every day and in every tenth of it, while the payments are not.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, fields, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr

from synth_assets.generator.plan import TENTHS, GenerationPlan
from synth_assets.generator.realistic.habits import copied_cards
from synth_assets.generator.realistic.rhythm import Rhythm
from synth_assets.generator.realistic.scenarios import (
    FRAUDS,
    HARDNESS,
    LOOK_ALIKES,
    SCENARIOS,
    Scenario,
    ScenarioCode,
)
from synth_assets.generator.realistic.world import World
from synth_assets.generator.streams import BlockStreams, Floats, Mask, Numbers, Words, hashed, scaled

SEGMENT_ROWS = 524_288
"""Rows of a segment at most, which bounds the memory of its cases."""

# By the code of a scenario:
_FEWEST, _MOST = np.array([scenario.payments for scenario in SCENARIOS], dtype=np.uint64).T
_SHORTEST, _LONGEST = np.array([scenario.gap for scenario in SCENARIOS], dtype=np.float64).T
_LOWEST, _HIGHEST = np.array([scenario.amount for scenario in SCENARIOS]).T
_MERCHANTS = np.array([scenario.merchants for scenario in SCENARIOS])
_DEVICE = np.array([scenario.device for scenario in SCENARIOS])
_ABROAD = np.array([scenario.abroad for scenario in SCENARIOS])
_MAGSTRIPE = np.array([scenario.magstripe for scenario in SCENARIOS])
_LOCAL_HOURS = np.array([scenario.local_hours for scenario in SCENARIOS])
_CHANNEL_OF_12 = np.array([scenario.channels * (12 // len(scenario.channels)) for scenario in SCENARIOS])
"""A channel for each of twelve equally likely draws: every scenario has one, three or four to choose from."""


@dataclass(frozen=True)
class Incidents:
    """The payments of cases, in the order of their rows.

    Args:
        rows: their row numbers, all different.
        card: whose card.
        scenario: its `ScenarioCode`.
        case: names the case: the same for its payments, and different for all others.
        hidden: whether the payment is made as the customer makes them.
    """

    rows: Numbers
    card: Numbers
    scenario: Numbers
    case: Words
    hidden: Mask

    @property
    def fraud(self) -> Mask:
        """Which of the payments are fraud."""
        return self.scenario < len(FRAUDS)

    @property
    def merchants(self) -> Numbers:
        """The `MerchantChoice` of each payment."""
        return _MERCHANTS[self.scenario]

    @property
    def device(self) -> Numbers:
        """The `DeviceChoice` of each payment."""
        return _DEVICE[self.scenario]

    @property
    def abroad(self) -> Mask:
        """Which of the payments are made in another city than the customer's."""
        return _ABROAD[self.scenario]

    @property
    def magstripe(self) -> Mask:
        """For which of the payments the magnetic stripe is read."""
        return _MAGSTRIPE[self.scenario]

    @property
    def amount(self) -> tuple[Floats, Floats]:
        """The lowest and the highest quantile, of what the merchant's customers pay, for each payment."""
        return _LOWEST[self.scenario], _HIGHEST[self.scenario]

    def channel(self, streams: BlockStreams) -> Numbers:
        """A `Channel` for each payment of a block, drawn from those of its scenario."""
        return _CHANNEL_OF_12[self.scenario, streams.below("channel/case", 12)[self.rows]]

    def at(self, chosen: npt.NDArray[np.generic] | slice) -> Incidents:
        """The chosen ones of the payments, by places, a mask or a slice."""
        return Incidents(*(getattr(self, each.name)[chosen] for each in fields(self)))


def segment_count(plan: GenerationPlan) -> int:
    """Segments of a day: a multiple of ten, so that none crosses the border of two tenths of the day."""
    return TENTHS * -(-plan.rows // (TENTHS * SEGMENT_ROWS))


def incidents_between(world: World, rhythm: Rhythm, plan: GenerationPlan, first: int, last: int) -> Incidents:
    """The incidents of the day's rows `first` … `last` - 1."""
    segments = segment_count(plan)
    numbers = range(first * segments // plan.rows, min((last - 1) * segments // plan.rows + 1, segments))
    joined = _joined([_segment_incidents(_Segment.of(plan, number), world, rhythm) for number in numbers])
    low, high = np.searchsorted(joined.rows, [first, last])
    return joined.at(slice(low, high))


def _joined(parts: list[Incidents]) -> Incidents:
    return Incidents(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(Incidents)))


@dataclass(frozen=True)
class _Segment:
    """The day's rows `first` … `first` + `rows` - 1."""

    plan: GenerationPlan
    number: int
    first: int
    rows: int

    @classmethod
    def of(cls, plan: GenerationPlan, number: int) -> _Segment:
        first, last = (-(-plan.rows * edge // segment_count(plan)) for edge in (number, number + 1))
        return cls(plan, number, first, last - first)

    def streams(self, rows: int) -> BlockStreams:
        return BlockStreams(self.plan.seed, self.plan.day, self.number, rows)


@lru_cache(maxsize=4)
def _segment_incidents(segment: _Segment, world: World, rhythm: Rhythm) -> Incidents:
    hardness = HARDNESS[segment.plan.difficulty]
    draws = segment.streams(2).fractions("incidents")
    frauds = _binomial(segment.rows, segment.plan.fraud_rate, draws[0])
    look_alikes = _binomial(segment.rows - frauds, hardness.look_alikes, draws[1])
    hidden = segment.streams(frauds).chosen("incidents/hidden", hardness.hidden)
    fraud_places, fraud = _cases(segment, world, rhythm, FRAUDS, "fraud", hidden)
    other_places, other = _cases(
        segment, world, rhythm, LOOK_ALIKES, "look-alike", np.zeros(look_alikes, dtype=np.bool_)
    )
    order = np.argsort(np.concatenate([fraud_places, other_places]), kind="stable")
    ordered = _joined([fraud, other]).at(order)
    return replace(ordered, rows=segment.first + _without_collisions(ordered.rows, segment.rows))


def _binomial(trials: int, probability: float, fraction: float) -> int:
    """The quantile of a binomial distribution: a higher probability never gives a lower count."""
    return bisect_left(range(trials), True, key=lambda count: bool(bdtr(count, trials, probability) > fraction))


def _without_collisions(places: Numbers, rows: int) -> Numbers:
    """Ascending places in 0 … rows - 1, moved where needed so that no two are the same."""
    numbers = np.arange(len(places))
    return np.minimum(np.maximum.accumulate(places - numbers), rows - len(places)) + numbers


def _cases(
    segment: _Segment, world: World, rhythm: Rhythm, scenarios: tuple[Scenario, ...], kind: str, hidden: Mask
) -> tuple[Floats, Incidents]:
    """Cases of as many payments in all as `hidden` has, and the exact place of each payment in the segment.

    Rows are places rounded down: they count from the segment's first, and may be the same.
    """
    plan, streams = segment.plan, segment.streams(len(hidden))
    case, scenario = _numbered_cases(streams, scenarios, kind)
    start = streams.fractions(f"{kind}/start")[case] * segment.rows
    step, _ = rhythm.moment((segment.first + start) / plan.rows)
    # Past its end a case goes on at the segment's beginning, so that incidents are as dense everywhere.
    seconds = _seconds_into_case(streams, kind, case, scenario)
    place = (start + seconds * rhythm.per_second(step) * plan.rows) % segment.rows
    words = streams.words(f"{kind}/card")[case]
    zone = rhythm.zone(step, streams.words(f"{kind}/zone")[case])
    awake = _LOCAL_HOURS[scenario]
    low = np.where(awake, world.zone_starts[zone], np.uint64(0))
    among = np.where(awake, world.zone_counts[zone], np.uint64(len(world.slots)))
    card = world.slots[low + scaled(words, among)].astype(np.int64)
    copied = scenario == ScenarioCode.COUNTERFEIT
    card[copied] = copied_cards(world, plan.day, words[copied])
    key = hashed(plan.seed, f"case/{kind}/{plan.day.isoformat()}/{segment.number}", case)
    return place, Incidents(place.astype(np.int64), card, scenario, key, hidden)


def _numbered_cases(streams: BlockStreams, scenarios: tuple[Scenario, ...], kind: str) -> tuple[Numbers, Numbers]:
    """For each payment the number of its case, from 0, and the scenario of that case."""
    # A case has the scenario with the probability of its share of payments over its mean number of payments.
    weights = np.cumsum([scenario.share / sum(scenario.payments) for scenario in scenarios])
    drawn = np.searchsorted(weights[:-1] / weights[-1], streams.fractions(f"{kind}/scenario"), side="right")
    drawn += scenarios[0].code
    most_more = _MOST[drawn] - _FEWEST[drawn] + np.uint64(1)
    sizes = (_FEWEST[drawn] + streams.below(f"{kind}/payments", most_more)).astype(np.int64)
    count = int(np.searchsorted(np.cumsum(sizes), streams.rows)) + 1 if streams.rows else 0
    case = np.repeat(np.arange(count), sizes[:count])[: streams.rows]
    return case, drawn[case]


def _seconds_into_case(streams: BlockStreams, kind: str, case: Numbers, scenario: Numbers) -> Floats:
    """The seconds from the first payment of a case to each of its payments."""
    gaps = _SHORTEST[scenario] + (_LONGEST - _SHORTEST)[scenario] * streams.fractions(f"{kind}/gap")
    begins = np.concatenate([[True], case[1:] != case[:-1]])[: len(case)]
    seconds = np.cumsum(gaps)
    return seconds - seconds[begins][case] if len(case) else seconds
