"""When the world pays: by hour, weekday and season in the local time of every zone."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.realistic.activity import STEP, STEP_MS, activity, hours_of, local_times
from synth_assets.generator.realistic.issues import DAY_MS
from synth_assets.generator.realistic.world import World
from synth_assets.generator.streams import Floats, Numbers, Words, cell

STEPS_A_DAY = DAY_MS // STEP_MS

ZONE_SLOTS = 2_048
"""Parts into which the payments of a step are divided among the zones."""


@dataclass(frozen=True, eq=False)
class Rhythm:
    """The steps of a window of time.

    Args:
        start: the window's first millisecond since 1970 (UTC).
        passed: the share of the window's payments made before each step, and 1.0 at the end.
        zone_slots: by step, the zones of its payments, each as often as its share says.
        offset: by zone and step, minutes from UTC.
        hour: by zone and step, the local hour.
        awake: by zone and step, how much a customer pays, beside the most active zone's.
    """

    start: int
    passed: Floats
    zone_slots: npt.NDArray[np.uint8]
    offset: Numbers
    hour: Numbers
    awake: Floats

    @staticmethod
    def of(world: World, plan: GenerationPlan) -> Rhythm:
        """The rhythm of the plan's window."""
        return _rhythm(world, plan.window, plan.volume == "calendar")

    def moment(self, share: Floats) -> tuple[Numbers, Numbers]:
        """When these shares of the window's payments have been made: the step, and milliseconds since 1970 (UTC)."""
        step = np.searchsorted(self.passed, share, side="right") - 1
        into = (share - self.passed[step]) / (self.passed[step + 1] - self.passed[step])
        # A share just below the next step may round up to it, and must stay in its own.
        return step, self.start + step * STEP_MS + np.minimum((into * STEP_MS).astype(np.int64), STEP_MS - 1)

    def zone(self, step: Numbers, word: Words) -> Numbers:
        """A zone for each random word, as often as its share of the payments of the step says."""
        return cell(self.zone_slots, step, (word >> np.uint64(53)).astype(np.int64)).astype(np.int64)

    def per_second(self, step: npt.NDArray[Any]) -> Floats:
        """The share of the window's payments that are made in a second of each step."""
        return (self.passed[step + 1] - self.passed[step]) / STEP.total_seconds()


@lru_cache(maxsize=16)
def _rhythm(world: World, window: tuple[dt.datetime, dt.datetime], by_calendar: bool) -> Rhythm:
    start, end = window
    opens = int(start.timestamp()) * 1_000
    local = local_times(start, end)
    each = activity(local, by_calendar)
    # All of these numbers are below 2**63, those of the largest world too.
    together = each * world.zone_counts.astype(np.int64)[:, None]
    total = together.sum(axis=0)
    passed = np.concatenate([[0], np.cumsum(total)])
    edges = np.cumsum(together, axis=0) * ZONE_SLOTS // total
    slots = np.stack([np.searchsorted(edge, np.arange(ZONE_SLOTS), side="right") for edge in edges.T])
    return Rhythm(
        start=opens,
        passed=passed / passed[-1],
        zone_slots=slots.astype(np.uint8),
        offset=_minutes(local - (opens + STEP_MS * np.arange(local.shape[1]))),
        hour=hours_of(local),
        awake=each / each.max(axis=0),
    )


def _minutes(offset: Numbers) -> Numbers:
    """Milliseconds as whole minutes. Of local mean time, which zones had before 1900, the seconds are cut off."""
    return np.sign(offset) * (np.abs(offset) // 60_000)
