"""Cases: one card, a scenario and some payments within minutes or hours. What is decided once for all of a case.

Cases are planned per segment: how many of a segment's payments are fraud is a binomial draw at the plan's `fraud_rate`,
so the prevalence is that of independent payments on every day and in every tenth of it, while the payments are not.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache, lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from synth_assets.generator.plan import Difficulty
from synth_assets.generator.realistic.scenarios import FRAUDS, HARDNESS, LOOK_ALIKES, SCENARIOS, Scenario
from synth_assets.generator.realistic.segments import Segment
from synth_assets.generator.streams import Floats, Mask, Numbers, Words, fractions, hashed, scaled

Kind = Literal["fraud", "look-alike"]

COPIED_DAYS = 10
"""A counterfeit is used so many days, at most, after its card was copied (assumed)."""
ROWS_A_GROUP: dict[Kind, int] = {"fraud": 3_500, "look-alike": 2_500}
"""A day has a ring, and a circle, for each so many of its payments (assumed)."""
GROUPS_TOGETHER = 8
"""Groups of which the first ones are the busiest, as busy on large days as on small ones (assumed)."""
WEEK_DAYS = 7
"""The days for which a group keeps its addresses and shops (assumed)."""

_FEWEST, _MOST = np.array([scenario.payments for scenario in SCENARIOS], dtype=np.uint64).T
_GROUPED = np.array([scenario.grouped for scenario in SCENARIOS])
_HARVEST = np.array([scenario.harvest for scenario in SCENARIOS])


@dataclass(frozen=True, eq=False)
class Cases:
    """The cases of one kind in a segment, each an entry of every array.

    Args:
        scenario: the `ScenarioCode`.
        size: how many payments the case has.
        start: where in the segment's rows its first payment is, or its last where it is not `forward`.
        share: the same place as a share of the day's rows.
        hidden: whether its payments are made as the customer makes them.
        key: a word that names the case, different for all cases of all days.
        group: a word that names its ring or circle in the week; 0 for none.
        harvested: how many of the last payments are the harvest of a card test.
        copied_days: for a counterfeit, the days since the card was copied.
    """

    scenario: Numbers
    size: Numbers
    start: Floats
    share: Floats
    forward: Mask
    hidden: Mask
    key: Words
    group: Words
    harvested: Numbers
    copied_days: Numbers

    def __len__(self) -> int:
        return len(self.scenario)

    def at(self, chosen: npt.NDArray[Any]) -> Cases:
        """The chosen ones, by places or by a mask."""
        return Cases(*(getattr(self, each.name)[chosen] for each in fields(self)))

    @staticmethod
    @lru_cache(maxsize=512)
    def of(segment: Segment, kind: Kind) -> Cases:
        """The cases of a segment, with as many payments in all as its draw says."""
        plan, scenarios = segment.plan, FRAUDS if kind == "fraud" else LOOK_ALIKES
        total = segment.frauds() if kind == "fraud" else segment.look_alikes()
        streams = segment.streams(total)
        hardness = HARDNESS[plan.difficulty]
        hides = hardness.hidden if kind == "fraud" else 0.0
        scenario = scenarios[0].code + scenario_of(kind, plan.difficulty, streams.fractions(f"{kind}/scenario"))
        more = _MOST[scenario] - _FEWEST[scenario] + np.uint64(1)
        size = (_FEWEST[scenario] + streams.below(f"{kind}/payments", more)).astype(np.int64)
        every = np.arange(total)
        case_key = hashed(plan.seed, f"case/{kind}/{plan.day.isoformat()}/{segment.number}", every)
        hidden = fractions(hashed(plan.seed, "case/hidden", case_key)) < hides
        size[hidden] = np.minimum(size[hidden], hardness.hidden_payments)
        ends = np.cumsum(size)
        count = int(np.searchsorted(ends, total)) + 1 if total else 0
        scenario, size = scenario[:count], size[:count].copy()
        if count:
            size[-1] -= ends[count - 1] - total
        key, hidden = case_key[:count], hidden[:count]
        drawn = {name: hashed(plan.seed, f"case/{name}", key) for name in ("group", "betrayed", "harvest", "copied")}
        group = _groups(segment, kind, scenario, drawn["group"])
        group[hidden & (fractions(drawn["betrayed"]) >= hardness.betrayed)] = 0
        start = streams.fractions(f"{kind}/start")[:count] * segment.rows
        harvests = (fractions(drawn["harvest"]) < _HARVEST[scenario]) & (size > 3)
        return Cases(
            scenario=scenario,
            size=size,
            start=start,
            share=(segment.first + start) / plan.rows,
            forward=streams.chosen(f"{kind}/forward", 0.5)[:count],
            hidden=hidden,
            key=key,
            group=group,
            harvested=np.where(harvests, 1 + (drawn["harvest"] & np.uint64(1)).astype(np.int64), 0),
            copied_days=1 + scaled(drawn["copied"], COPIED_DAYS).astype(np.int64),
        )


def scenario_of(kind: Kind, difficulty: Difficulty, fraction: Floats) -> Numbers:
    """The scenario of a case for each equally likely fraction, by its place among those of its kind."""
    return np.searchsorted(_scenario_edges(kind, difficulty), fraction, side="right")


@cache
def _scenario_edges(kind: Kind, difficulty: Difficulty) -> Floats:
    """Where the fraction of each scenario ends, but for the last one."""
    # A case has the scenario with the probability of its share of payments over its mean number of payments.
    scenarios = FRAUDS if kind == "fraud" else LOOK_ALIKES
    weights = np.cumsum([scenario.share / _mean_payments(scenario, difficulty) for scenario in scenarios])
    return weights[:-1] / weights[-1]


def _mean_payments(scenario: Scenario, difficulty: Difficulty) -> float:
    """The mean number of payments of a scenario's cases, those that are hidden among them."""
    hardness = HARDNESS[difficulty]
    hides = hardness.hidden if scenario in FRAUDS else 0.0
    fewest, most = scenario.payments
    sizes = range(fewest, most + 1)
    return sum(hides * min(size, hardness.hidden_payments) + (1 - hides) * size for size in sizes) / len(sizes)


def _groups(segment: Segment, kind: Kind, scenario: Numbers, word: Words) -> Words:
    """The group of each case, one of the week's."""
    plan = segment.plan
    count = max(1, round(plan.rows / plan.lookback_days / ROWS_A_GROUP[kind]))
    week = np.full(len(scenario), plan.day.toordinal() // WEEK_DAYS)
    together = max(1, round(count / GROUPS_TOGETHER))
    place = fractions(word << np.uint64(32)) * together
    # The first ones are the busiest: the share of the first nth is the root of 1/n.
    number = (place // 1 * count + (place % 1) ** 2 * (count / together)).astype(np.int64)
    # The upper bits decide whether there is a group, the lower ones which.
    return np.where(fractions(word) < _GROUPED[scenario], hashed(plan.seed, f"group/{kind}", week, number), 0)
