"""The payments of cases: of fraud, of what looks like it, and of the visits in which cards are copied."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from synth_assets.generator.plan import TENTHS, GenerationPlan
from synth_assets.generator.realistic.cases import COPIED_DAYS, Cases, Kind
from synth_assets.generator.realistic.rhythm import Rhythm
from synth_assets.generator.realistic.scenarios import FRAUDS, HARVEST, SCENARIOS, ScenarioCode
from synth_assets.generator.realistic.segments import Segment, segment_count
from synth_assets.generator.realistic.victims import NEVER, honest, victims
from synth_assets.generator.realistic.world import World
from synth_assets.generator.streams import BlockStreams, Floats, Mask, Numbers, Words, fractions, hashed

HARVEST_WAIT = (600.0, 5_400.0)
"""The shortest and longest time from a card test to its harvest, in seconds (assumed)."""

# By the code of a scenario:
_SHORTEST, _LONGEST = np.array([scenario.gap for scenario in SCENARIOS], dtype=np.float64).T
_DEVICE = np.array([scenario.device for scenario in SCENARIOS])
_ABROAD = np.array([scenario.abroad for scenario in SCENARIOS])
_MAGSTRIPE = np.array([scenario.magstripe for scenario in SCENARIOS])
_CHANNEL_OF_12 = np.array([scenario.channels * (12 // len(scenario.channels)) for scenario in SCENARIOS])
"""A channel for each of twelve equally likely draws: every scenario has one, three or four to choose from."""
# By the code of a look, which is that of the scenario, or of the harvest:
_HARVEST_CODE = len(SCENARIOS)
_LOOKS = [*(scenario.look for scenario in SCENARIOS), HARVEST]
_LOWEST, _HIGHEST = np.array([look.amount for look in _LOOKS]).T
_MERCHANTS = np.array([look.merchants for look in _LOOKS])


@dataclass(frozen=True)
class Incidents:
    """The payments of cases, in the order of their rows.

    Args:
        rows: their row numbers, all different.
        card: whose card.
        scenario: its `ScenarioCode`.
        case: names the case: the same for its payments, and different for all others.
        hidden: whether the case is paid as the customer pays.
        look: the code of what the payment looks like.
        group: names the case's ring or circle in the week; 0 for none.
        reported: when the case is reported, in milliseconds since 1970; `NEVER` for none.
        compromised: the merchant that copies the card, by its place in the world; -1 for none.
    """

    rows: Numbers
    card: Numbers
    scenario: Numbers
    case: Words
    hidden: Mask
    look: Numbers
    group: Words
    reported: Numbers
    compromised: Numbers

    @property
    def fraud(self) -> Mask:
        """Which of the payments are fraud."""
        return self.scenario < len(FRAUDS)

    @property
    def merchants(self) -> Numbers:
        """The `MerchantChoice` of each payment."""
        return _MERCHANTS[self.look]

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
        return _LOWEST[self.look], _HIGHEST[self.look]

    def channel(self, streams: BlockStreams) -> Numbers:
        """A `Channel` for each payment of a block, drawn from those of its scenario."""
        return _CHANNEL_OF_12[self.scenario, streams.below("channel/case", 12)[self.rows]]

    def at(self, chosen: npt.NDArray[np.generic] | slice) -> Incidents:
        """The chosen ones of the payments, by places, a mask or a slice."""
        return Incidents(*(getattr(self, each.name)[chosen] for each in fields(self)))


def incidents_between(world: World, rhythm: Rhythm, plan: GenerationPlan, first: int, last: int) -> Incidents:
    """The incidents of the day's rows `first` … `last` - 1."""
    segments = segment_count(plan)
    numbers = range(first * segments // plan.rows, min((last - 1) * segments // plan.rows + 1, segments))
    joined = _joined([_segment_incidents(Segment.of(plan, number), world, rhythm) for number in numbers])
    low, high = np.searchsorted(joined.rows, [first, last])
    return joined.at(slice(low, high))


_Parts = TypeVar("_Parts", Incidents, Cases)


def _joined(parts: list[_Parts]) -> _Parts:
    kind = type(parts[0])
    return kind(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(kind)))


@lru_cache(maxsize=4)
def _segment_incidents(segment: Segment, world: World, rhythm: Rhythm) -> Incidents:
    cases = Cases.of(segment, "fraud")
    found = victims(segment.plan, world, rhythm, cases)
    fraud = _payments(segment, rhythm, "fraud", cases, *found)
    cases = Cases.of(segment, "look-alike")
    nothing = np.full(len(cases), -1)
    other = _payments(
        segment, rhythm, "look-alike", cases, honest(segment.plan, world, rhythm, cases), nothing, nothing
    )
    room = segment.rows - len(fraud.rows) - len(other.rows)
    joined = _joined([fraud, other, _visits(segment, world, room)])
    ordered = joined.at(np.argsort(joined.rows, kind="stable"))
    return replace(ordered, rows=segment.first + _without_collisions(ordered.rows, segment.rows))


def _without_collisions(places: Numbers, rows: int) -> Numbers:
    """Ascending places in 0 … rows - 1, moved where needed so that no two are the same."""
    numbers = np.arange(len(places))
    return np.minimum(np.maximum.accumulate(places - numbers), rows - len(places)) + numbers


def _payments(
    segment: Segment, rhythm: Rhythm, kind: Kind, cases: Cases, card: Numbers, reported: Numbers, compromised: Numbers
) -> Incidents:
    """The payments of cases. Their rows count from the segment's first, are in no order, and may be the same."""
    case = np.repeat(np.arange(len(cases)), cases.size)
    place = _places(segment, rhythm, kind, cases, case)
    harvest = _left(cases, case) <= cases.harvested[case]
    return Incidents(
        rows=place,
        card=card[case],
        scenario=cases.scenario[case],
        case=cases.key[case],
        hidden=cases.hidden[case],
        look=np.where(harvest, _HARVEST_CODE, cases.scenario[case]),
        group=cases.group[case],
        reported=reported[case],
        compromised=compromised[case],
    )


def _left(cases: Cases, case: Numbers) -> Numbers:
    """How many payments of its case are left at each payment, itself included."""
    return np.cumsum(cases.size)[case] - np.arange(len(case))


def _places(segment: Segment, rhythm: Rhythm, kind: Kind, cases: Cases, case: Numbers) -> Numbers:
    """Where in the segment each payment is, in the order of the cases and of the payments of each.

    A case ends with its segment: what would be beyond an edge is as far on this side of it, so that a case stays
    together, and incidents are as dense everywhere.
    """
    if not len(case):
        return case
    scenario, left = cases.scenario[case], _left(cases, case)
    gaps = _SHORTEST[scenario] + (_LONGEST - _SHORTEST)[scenario] * segment.streams(len(case)).fractions(f"{kind}/gap")
    wait = HARVEST_WAIT[0] + (HARVEST_WAIT[1] - HARVEST_WAIT[0]) * fractions(
        hashed(segment.plan.seed, "case/wait", cases.key)
    )
    gaps += np.where(left == cases.harvested[case], wait[case], 0.0)
    seconds = np.cumsum(gaps)
    ends = np.cumsum(cases.size) - 1
    seconds -= np.where(cases.forward[case], seconds[(ends - cases.size + 1)][case], seconds[ends][case])
    step, _ = rhythm.moment(cases.share)
    place = cases.start[case] + seconds * rhythm.per_second(step)[case] * segment.plan.rows
    around = place % (2 * segment.rows)
    place = np.where(around < segment.rows, around, 2 * segment.rows - around)
    return np.minimum(place[np.lexsort((place, case))], segment.rows - 1).astype(np.int64)


def _visits(segment: Segment, world: World, room: int) -> Incidents:
    """The visits of a segment in which cards are copied for the counterfeits of later days, as many as there is room
    for.

    Those of a window of several days have none: its days would be those of other windows too.
    """
    if segment.plan.lookback_days > 1:
        return _NOBODY
    visits = _visits_of_ten(segment.plan, segment.number // TENTHS, world)[segment.number % TENTHS]
    return visits.at(slice(0, max(room, 0)))


@lru_cache(maxsize=4)
def _visits_of_ten(plan: GenerationPlan, ten: int, world: World) -> list[Incidents]:
    """The visits of each of ten segments: to look for cards once for all of them takes a fraction of the time."""
    segments = [Segment.of(plan, ten * TENTHS + number) for number in range(TENTHS)]
    found = [_visits_before(segments, days, world) for days in range(1, COPIED_DAYS + 1)]
    of_segment, visits = np.concatenate([number for number, _ in found]), _joined([visits for _, visits in found])
    return [visits.at(of_segment == number) for number in range(len(segments))]


def _visits_before(segments: list[Segment], days: int, world: World) -> tuple[Numbers, Incidents]:
    """The visits for the counterfeits of the day so many days later, and the place of the segment of each."""
    later = [(number, each) for number, segment in enumerate(segments) for each in segment.days_later(days)]
    copied = [_copied(each, days) for _, each in later]
    cases = _joined(copied)
    if not len(cases):
        return np.zeros(0, dtype=np.int64), _NOBODY
    of_segment = np.repeat([number for number, _ in later], [len(each) for each in copied])
    plan = segments[0].plan.on(segments[0].plan.day + dt.timedelta(days=days))
    found = victims(plan, world, Rhythm.of(world, plan), cases)
    rows = np.array([segment.rows for segment in segments])[of_segment]
    place = fractions(hashed(world.seed, "case/visit", cases.key)) * rows
    nothing = np.zeros(len(cases), dtype=np.int64)
    return of_segment, Incidents(
        rows=place.astype(np.int64),
        card=found.card,
        scenario=nothing + ScenarioCode.VISIT,
        case=cases.key,
        hidden=np.zeros(len(cases), dtype=np.bool_),
        look=nothing + ScenarioCode.VISIT,
        group=nothing.astype(np.uint64),
        reported=nothing + NEVER,
        compromised=found.compromised,
    )


def _copied(segment: Segment, days: int) -> Cases:
    """The counterfeits of a segment whose cards were copied so many days before."""
    cases = Cases.of(segment, "fraud")
    return cases.at((cases.scenario == ScenarioCode.COUNTERFEIT) & (cases.copied_days == days))


_TYPES: tuple[type, ...] = (
    np.int64, np.int64, np.int64, np.uint64, np.bool_, np.int64, np.uint64, np.int64, np.int64,
)  # fmt: skip
"""The types of the arrays of `Incidents`."""
_NOBODY = Incidents(*(np.zeros(0, each) for each in _TYPES))
