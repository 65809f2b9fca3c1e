"""What stands behind the payments of the realistic profile: its world, and what became known of its frauds.

All of it follows from the plan in the footer of the day's file, so it belongs to the payments that it is joined to.
Days of the uniform profile have none of it: there the assets are materialized without rows and without a file, because
Dagster calls a backfill failed where an asset is skipped.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import dagster as dg
import polars as pl

from synth_assets.assets import payments_parquet
from synth_assets.day import read_provenance
from synth_assets.days import materialize_days
from synth_assets.generator import GENERATOR_VERSION
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.profiles import PROFILES
from synth_assets.generator.realistic.answer_key import incident_payments, with_ends
from synth_assets.generator.realistic.labels import label_events as events_of
from synth_assets.generator.realistic.world import World
from synth_assets.partitions import DAILY, SEVERAL_DAYS_A_RUN
from synth_assets.reports import PREVIEW_ROWS, frame_schema, table
from synth_assets.resources import OutputFolder, TimedS3Resource, WorkEngine
from synth_assets.side_tables import make_on
from synth_assets.steps import OWNERS, TAGS, one_clear_error
from synth_assets.storage.layout import incidents_name, label_events_name, world_folder, world_table_name
from synth_assets.storage.place import Place

VERSION_KEY = "generator_version"
"""The name, in the footer of a side table, of the generator version that made it."""

NO_WORLD: dict[str, int | str] = {
    "dagster/row_count": 0,
    "note": "Uniform days have no world. No file was written.",
}
"""What is shown of these assets on a day of the uniform profile."""


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            name,
            deps=[payments_parquet],
            description=f"{says} They join to [the payments](/assets/payments_parquet) of the day without orphans.",
            group_name="world",
            kinds={"polars", "parquet"},
            owners=OWNERS,
            tags=TAGS,
        )
        for name, says in {
            "customers": "The customers of the day's year: one row each, with home, currency, phone, and the days on "
            "which they joined and left.",
            "cards": "Their cards that are valid in the day's year: PAN hash, customer, scheme, expiry.",
            "merchants": "The merchants of the day's year: MCC, country, position, time zone, the channel that they "
            "serve, and the days on which they opened and closed.",
        }.items()
    ],
    partitions_def=DAILY,
    backfill_policy=SEVERAL_DAYS_A_RUN,
    can_subset=True,
)
def world_tables(context: dg.AssetExecutionContext, output_folder: OutputFolder, s3: TimedS3Resource) -> Iterator[Any]:
    """The same for all days of a seed, a number of customers and a year, so written once for them all."""
    with one_clear_error():
        place = output_folder.place(s3, context.log)
    yield from materialize_days(context, lambda day: _world_of_day(context, place, day))


def _world_of_day(context: dg.AssetExecutionContext, place: Place, day: dt.date) -> Iterator[dg.MaterializeResult]:
    plan = _realistic_plan(context, place, day)
    if plan is None:
        for key in sorted(context.selected_asset_keys):
            yield dg.MaterializeResult(asset_key=key, metadata=NO_WORLD)
        return
    folder = world_folder(plan.seed, plan.customers)
    world = World.of(plan.seed, plan.customers)
    years = sorted({moment.year for moment in (plan.window[0], plan.day)})
    tables: dict[str, Callable[[int], pl.DataFrame]] = {
        "customers": world.customers_table,
        "cards": world.cards_table,
        "merchants": world.merchants_table,
    }
    for key in sorted(context.selected_asset_keys):
        table = key.path[-1]  # another project may have prefixed the key
        with one_clear_error():
            for year in years:
                name = f"{folder}/{world_table_name(table, year)}"
                if not _is_current(place, name):
                    _write(place, name, tables[table](year))
            facts = _facts(place, name)
        yield dg.MaterializeResult(asset_key=key, metadata=facts)


side_table = partial(
    dg.asset,
    group_name="world",
    kinds={"polars", "parquet"},
    deps=[payments_parquet],
    partitions_def=DAILY,
    backfill_policy=SEVERAL_DAYS_A_RUN,
    owners=OWNERS,
    tags=TAGS,
)
"""An asset with a table for each realistic day."""


@side_table()
def label_events(
    context: dg.AssetExecutionContext, output_folder: OutputFolder, engine: WorkEngine, s3: TimedS3Resource
) -> Iterator[Any]:
    """The frauds of a realistic day with their scenario, and when each was reported and became a known label.

    Never joined into [the payments](/assets/payments_parquet): a model that is to be used must not know at once what
    became known later.
    """

    def make(plan: GenerationPlan) -> pl.DataFrame:
        return pl.concat(make_on(engine.for_rows(plan.rows), plan, events_of))

    def describe(events: pl.DataFrame) -> dict[str, Any]:
        shares = events.group_by("scenario").agg(payments=pl.len()).sort("scenario")
        return {
            "scenarios": table(shares.cast({"scenario": pl.String}).to_dicts()),
            "never_known": events["known_at"].null_count(),
        }

    yield from _side_tables(context, output_folder, s3, label_events_name, make, describe)


@side_table()
def incidents(
    context: dg.AssetExecutionContext, output_folder: OutputFolder, engine: WorkEngine, s3: TimedS3Resource
) -> Iterator[Any]:
    """The answer key of a realistic day: the payments of its cases of fraud, of the honest cases that look like them,
    and of the visits in which cards are copied; with the ring, and whether a case is hidden.

    Never joined into [the payments](/assets/payments_parquet): it says which frauds a model misses, and why.
    """

    def make(plan: GenerationPlan) -> pl.DataFrame:
        return with_ends(make_on(engine.for_rows(plan.rows), plan, incident_payments))

    def describe(found: pl.DataFrame) -> dict[str, Any]:
        shares = found.group_by("kind", "scenario", "hidden").agg(cases=pl.col("case_id").n_unique(), payments=pl.len())
        counts = shares.sort("kind", "scenario", "hidden").cast({"kind": pl.String, "scenario": pl.String}).to_dicts()
        return {"cases": table(counts)}

    yield from _side_tables(context, output_folder, s3, incidents_name, make, describe)


def _side_tables(
    context: dg.AssetExecutionContext,
    output_folder: OutputFolder,
    s3: TimedS3Resource,
    name_of: Callable[[dt.date], str],
    make: Callable[[GenerationPlan], pl.DataFrame],
    describe: Callable[[pl.DataFrame], dict[str, Any]],
) -> Iterator[Any]:
    """Make, write and describe the table of each day of the run; a day without a world has none."""
    with one_clear_error():
        place = output_folder.place(s3, context.log)

    def materialize(day: dt.date) -> Iterator[dg.MaterializeResult]:
        plan = _realistic_plan(context, place, day)
        if plan is None:
            yield dg.MaterializeResult(metadata=NO_WORLD)
            return
        name = name_of(plan.day)
        with one_clear_error():
            made = make(plan)
            _write(place, name, made)
            facts = _facts(place, name, made)
        yield dg.MaterializeResult(metadata=facts | describe(made))

    yield from materialize_days(context, materialize)


def _realistic_plan(context: dg.AssetExecutionContext, place: Place, day: dt.date) -> GenerationPlan | None:
    with one_clear_error():
        plan = read_provenance(place.find_day(day)).plan
    if PROFILES[plan.profile].has_world:
        return plan
    context.log.info(f"{day} is of the {plan.profile} profile, which has no world. No file was written.")
    return None


def _is_current(place: Place, name: str) -> bool:
    """Whether a table of the world is there, and of this generator version."""
    if not place.exists(name):
        return False
    with place.read(name) as path:
        return pl.read_parquet_metadata(path).get(VERSION_KEY) == GENERATOR_VERSION


def _write(place: Place, name: str, frame: pl.DataFrame) -> None:
    with place.write(name) as unfinished:
        # As text: Polars would mark an Enum with its set, and could then not read files of two sets together.
        frame.cast({pl.Enum: pl.String}).write_parquet(
            unfinished, compression="snappy", metadata={VERSION_KEY: GENERATOR_VERSION}
        )


def _facts(place: Place, name: str, made: pl.DataFrame | None = None) -> dict[str, dg.MetadataValue]:
    """What is to be said of a table that is there. `made` is the same with its enums, where it was made just now."""
    with place.read(name) as path:
        frame = pl.scan_parquet(path) if made is None else made.lazy()
        preview = frame.head(PREVIEW_ROWS).collect().cast(pl.String).fill_null("").to_dicts()
        return {
            "path": dg.MetadataValue.path(place.location(name)),
            "dagster/row_count": dg.MetadataValue.int(frame.select(pl.len()).collect().item()),
            "bytes": dg.MetadataValue.int(path.stat().st_size),
            "dagster/column_schema": dg.MetadataValue.table_schema(frame_schema(frame)),
            "preview": table(preview),
        }
