"""What stands behind the payments of the realistic profile: its world, and what became known of its frauds.

All of it follows from the plan in the footer of the day's file, so it belongs to the payments that it is joined to.
Days of the uniform profile have none of it: there the assets are materialized without rows and without a file, because
Dagster calls a backfill failed where an asset is skipped.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import dagster as dg
import polars as pl

from synth_assets.assets import payments_parquet
from synth_assets.day import read_provenance
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.profiles import PROFILES
from synth_assets.generator.realistic.labels import label_events as events_of
from synth_assets.generator.realistic.world import World
from synth_assets.partitions import DAILY, partition_day
from synth_assets.reports import PREVIEW_ROWS, frame_schema, table
from synth_assets.resources import OutputFolder
from synth_assets.steps import OWNERS, TAGS, one_clear_error
from synth_assets.storage.folder import find_day_file, write_atomically
from synth_assets.storage.layout import label_events_name, world_folder, world_table_name

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
            "customers": "The customers of the realistic day's world: one row each, with home, currency and phone.",
            "cards": "Their cards that are valid in the day's year: PAN hash, customer, scheme, expiry.",
            "merchants": "Its merchants: MCC, country, position, time zone, and the channel that they serve.",
        }.items()
    ],
    partitions_def=DAILY,
    can_subset=True,
)
def world_tables(context: dg.AssetExecutionContext, output_folder: OutputFolder) -> Iterator[dg.MaterializeResult]:
    """The same for all days of a seed and number of customers, so written once for them all."""
    plan = _realistic_plan(context, output_folder)
    if plan is None:
        for key in sorted(context.selected_asset_keys):
            yield dg.MaterializeResult(asset_key=key, metadata=NO_WORLD)
        return
    folder = output_folder.folder / world_folder(plan.seed, plan.customers)
    world = World.of(plan.seed, plan.customers)
    years = sorted({moment.year for moment in (plan.window[0], plan.day)})
    tables: dict[str, list[tuple[Path, Callable[[], pl.DataFrame]]]] = {
        "customers": [(folder / world_table_name("customers"), world.customers_table)],
        "cards": [(folder / world_table_name("cards", year), partial(world.cards_table, year)) for year in years],
        "merchants": [(folder / world_table_name("merchants"), world.merchants_table)],
    }
    for key in sorted(context.selected_asset_keys):
        for path, make in tables[key.path[-1]]:  # another project may have prefixed the key
            if not path.exists():
                _write(path, make())
        frame = pl.scan_parquet(path)
        yield dg.MaterializeResult(asset_key=key, metadata=_facts(path, frame.select(pl.len()).collect().item(), frame))


@dg.asset(
    group_name="world",
    kinds={"polars", "parquet"},
    deps=[payments_parquet],
    partitions_def=DAILY,
    owners=OWNERS,
    tags=TAGS,
)
def label_events(context: dg.AssetExecutionContext, output_folder: OutputFolder) -> dg.MaterializeResult:
    """The frauds of a realistic day with their scenario, and when each was reported and became a known label.

    Never joined into [the payments](/assets/payments_parquet): a model that is to be used must not know at once what
    became known later.
    """
    plan = _realistic_plan(context, output_folder)
    if plan is None:
        return dg.MaterializeResult(metadata=NO_WORLD)
    path = output_folder.folder / label_events_name(plan.day)
    events = pl.concat(events_of(plan))
    _write(path, events)
    shares = events.group_by("scenario").agg(payments=pl.len()).sort("scenario")
    return dg.MaterializeResult(
        metadata=_facts(path, events.height, events.lazy())
        | {
            "scenarios": table(shares.cast({"scenario": pl.String}).to_dicts()),
            "never_known": events["known_at"].null_count(),
        }
    )


def _realistic_plan(context: dg.AssetExecutionContext, output_folder: OutputFolder) -> GenerationPlan | None:
    day = partition_day(context)
    with one_clear_error():
        plan = read_provenance(find_day_file(output_folder.folder, day)).plan
    if PROFILES[plan.profile].has_world:
        return plan
    context.log.info(f"{day} is of the {plan.profile} profile, which has no world. No file was written.")
    return None


def _write(path: Path, frame: pl.DataFrame) -> None:
    with one_clear_error(), write_atomically(path) as unfinished:
        # As text: Polars would mark an Enum with its set, and could then not read files of two sets together.
        frame.cast({pl.Enum: pl.String}).write_parquet(unfinished, compression="snappy")


def _facts(path: Path, rows: int, frame: pl.LazyFrame) -> dict[str, dg.MetadataValue]:
    preview = frame.head(PREVIEW_ROWS).collect().cast(pl.String).fill_null("").to_dicts()
    return {
        "path": dg.MetadataValue.path(path),
        "dagster/row_count": dg.MetadataValue.int(rows),
        "bytes": dg.MetadataValue.int(path.stat().st_size),
        "dagster/column_schema": dg.MetadataValue.table_schema(frame_schema(frame)),
        "preview": table(preview),
    }
