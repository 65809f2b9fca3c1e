"""The draft of a block: when its payments are made, and with which card.

Payments arrive as the world's do, at each moment from a card drawn in proportion to how often it is used then. This is
the superposition of independent Poisson processes, one per card, without any state.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.realistic.agreements import Agreements, due_agreements
from synth_assets.generator.realistic.holders import NOBODY, another, drawn
from synth_assets.generator.realistic.incidents import Incidents, incidents_between
from synth_assets.generator.realistic.issues import DAY_MS
from synth_assets.generator.realistic.rhythm import Rhythm
from synth_assets.generator.realistic.world import World
from synth_assets.generator.streams import BLOCK_ROWS, BlockStreams, Floats, Mask, Numbers, day_streams, scaled


@dataclass(frozen=True, eq=False)
class Draft:
    """When a block's payments are made, and with which card.

    Args:
        world, rhythm, streams: what the draft is drawn from.
        step: the step of the rhythm.
        moment: milliseconds since 1970 (UTC), in order.
        card: the card in the world.
        joined: since which day (counted from 1970) the card's customer is one.
        incidents: the block's incidents; their rows count from the block's first.
        agreements: the standing agreements that pay, without those whose place an incident takes.
    """

    world: World
    rhythm: Rhythm
    streams: BlockStreams
    step: Numbers
    moment: Numbers
    card: Numbers
    joined: Numbers
    incidents: Incidents
    agreements: Agreements

    @cached_property
    def generation(self) -> Numbers:
        """The issue of each card that is in use."""
        return self.world.generation(self.card, self.moment, self.joined)

    def generation_of(self, rows: Numbers) -> Numbers:
        """The issues of the cards of some rows, without a look at the others."""
        return self.world.generation(self.card[rows], self.moment[rows], self.joined[rows])


AGAIN_SHARE, AGAIN_SECONDS = 0.1, 1_200
"""The share of the payments with a card that has just paid, and the seconds of that, at most (assumed): people buy at
one shop after another."""


def drafts(plan: GenerationPlan, blocks: range) -> Iterator[Draft]:
    """The drafts of these blocks of the plan's day, in order."""
    world = World.of(plan.seed, plan.customers)
    for streams in day_streams(plan.seed, plan.day, plan.rows, blocks):
        yield _draft(world, plan, streams)


def _again(streams: BlockStreams, per_second: Floats) -> tuple[Numbers, Numbers]:
    """The payments that may be made with a card that has just paid, and the payments before them whose card it is."""
    rows = np.flatnonzero(streams.chosen("card/pays again", AGAIN_SHARE))
    most = np.maximum(per_second * AGAIN_SECONDS, 1).astype(np.uint64)
    before = rows - 1 - streams.below("card/again", most)[rows].astype(np.int64)
    return rows[before >= 0], before[before >= 0]


def _draft(world: World, plan: GenerationPlan, streams: BlockStreams) -> Draft:
    rhythm = Rhythm.of(world, plan)
    first = streams.number * BLOCK_ROWS
    # A block's payments are uniform in its part of the day's payments, as in the uniform profile.
    step, moment = rhythm.moment((first + np.sort(streams.fractions("event_time")) * streams.rows) / plan.rows)
    day = moment // DAY_MS

    words = streams.words("card/zone"), streams.words("card")

    def draw(rows: Numbers, attempt: int) -> Numbers:
        of_zone, of_card = (another(word[rows], attempt) for word in words)
        zone = rhythm.zone(step[rows], of_zone)
        return world.slots[world.zone_starts[zone] + scaled(of_card, world.zone_counts[zone])]

    joined = np.zeros(streams.rows, dtype=np.int64)

    def there(card: Numbers, rows: Numbers) -> Mask:
        joined[rows] = world.joined(card, day[rows])
        return joined[rows] < NOBODY

    card = drawn(streams.rows, draw, there)
    each_second = rhythm.per_second(np.arange(len(rhythm.passed) - 1)) * plan.rows
    again, before = _again(streams, each_second[step])
    # In a window of several days a customer may have left since.
    still = world.joined(card[before], day[again]) < NOBODY
    again, before = again[still], before[still]
    card[again] = card[before]
    agreements = due_agreements(world, rhythm, plan, first, step, moment)
    card[agreements.rows] = agreements.card
    incidents = incidents_between(world, rhythm, plan, first, first + streams.rows)
    incidents = replace(incidents, rows=incidents.rows - first)
    card[incidents.rows] = incidents.card
    others = np.concatenate([again, agreements.rows, incidents.rows])
    joined[others] = world.joined(card[others], day[others])
    return Draft(
        world=world,
        rhythm=rhythm,
        streams=streams,
        step=step,
        moment=moment,
        card=card,
        joined=joined,
        incidents=incidents,
        agreements=agreements.without(incidents.rows),
    )
