"""What is wrong with a file is found by the claim that names it, and stops the upload; what is right passes."""

from __future__ import annotations

import datetime as dt
import itertools
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import dagster as dg
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from synth_assets.assets import s3_raw_payments
from synth_assets.generator.audit import Findings, judge
from synth_assets.generator.claims import CLAIMS
from synth_assets.generator.columns import RECURRING_RATE
from synth_assets.generator.footer_claims import Footer
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.provenance import Provenance
from synth_assets.generator.schema import TransactionSchema
from synth_assets.generator.survey import Survey, Surveyor
from synth_assets.generator.uniqueness import Bucket
from synth_assets.storage.errors import StorageError
from synth_assets.storage.layout import file_name
from tests.conftest import DAY, SCHEMA_FILE, day_table, judge_file, make_plan, object_keys, write_day
from tests.generator.test_audit import DEFECTS, PLAN, broken_claims, put
from tests.test_assets import errors, run

NEXT_DAY = DAY + dt.timedelta(days=1)


@pytest.fixture(scope="module")
def table(schema) -> pa.Table:
    return day_table(schema, PLAN)


@pytest.fixture(scope="module")
def instance():
    """One Dagster instance for all uploads here: they differ in the folder alone."""
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def refusal(instance: dg.DagsterInstance, folder: Path, day: dt.date = DAY) -> str:
    """What the upload says of the day's file, alone in its own run; nothing must have been sent."""
    result = run(instance, folder, [s3_raw_payments], day=day)
    assert not result.success
    assert object_keys() == []
    (error,) = errors(result)
    assert "\n" not in error
    return error


# --- the upload refuses ----------------------------------------------------------------------------------------


def test_there_are_at_least_thirty_defects():
    assert len(DEFECTS) + len(OF_THE_FILE) + len(PLACES) + len(RATES_OFF) >= 60


@pytest.mark.parametrize(("defect", "claim"), DEFECTS.values(), ids=DEFECTS)
def test_the_upload_refuses_a_defect_and_names_its_claim(aws, schema, tmp_path, table, instance, defect, claim):
    write_day(tmp_path, schema, PLAN, defect(table))
    said = refusal(instance, tmp_path)
    assert "was not uploaded" in said
    assert any(claim in name and f"{name}: " in said for name in CLAIMS), said


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1_000])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def without_a_row_group(path: Path) -> None:
    """A whole file of the first two row groups under the footer of three."""
    with pq.ParquetFile(path) as file:
        groups = [file.read_row_group(number) for number in range(file.num_row_groups - 1)]
    pq.write_table(pa.concat_tables(groups), path)


def of_another_day(path: Path) -> None:
    path.unlink()
    write_day(path.parent, SCHEMA, make_plan(rows=PLAN.rows, day=NEXT_DAY))
    (path.parent / file_name(PLAN.rows, NEXT_DAY)).rename(path)


def of_another_schema(path: Path) -> None:
    other = TransactionSchema.from_canonical({**SCHEMA.canonical, "version": "2.0.0"}, "other")
    write_day(path.parent, other, PLAN)


def of_another_row_count(path: Path) -> None:
    fewer = make_plan(rows=PLAN.rows - 1, chunk_size=8_000)
    write_day(path.parent, SCHEMA, fewer).rename(path)


SCHEMA = TransactionSchema.parse(SCHEMA_FILE.read_text())
OF_THE_FILE: dict[str, tuple[Callable[[Path], None], str]] = {
    "truncated": (truncated, "is not a readable Parquet file"),
    "empty": (empty, "is not a readable Parquet file"),
    "a row group missing": (without_a_row_group, "row_count_matches_plan: "),
    "footer of another day": (of_another_day, "provenance_matches_partition: "),
    "footer of another schema": (of_another_schema, "provenance_matches_partition: "),
    "footer of another row count": (of_another_row_count, "row_count_matches_plan: "),
}


@pytest.mark.parametrize(("defect", "says"), OF_THE_FILE.values(), ids=OF_THE_FILE)
def test_the_upload_refuses_the_wrong_file_and_says_what_is_wrong(aws, schema, tmp_path, instance, defect, says):
    defect(write_day(tmp_path, schema, PLAN))
    assert says in refusal(instance, tmp_path)


# --- a flipped bit ---------------------------------------------------------------------------------------------


def places(content: bytes) -> dict[str, int]:
    """Bytes of each kind, spread over a file of three row groups."""
    metadata = pq.read_metadata(pa.BufferReader(content))
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    seed = content.index(b'"seed":42', footer) + len('"seed":4')
    columns = [metadata.row_group(group).column(column) for group, column in [(0, 0), (1, 5), (2, 19)]]
    statistic = metadata.row_group(1).column(3).statistics.max  # of the amount
    return {
        "the magic at the start": 1,
        **{f"the header of a page of {c.path_in_schema}": c.data_page_offset + 1 for c in columns},
        **{f"the data of {c.path_in_schema}": c.data_page_offset + c.total_compressed_size - 100 for c in columns},
        "the header of a dictionary": metadata.row_group(0).column(4).dictionary_page_offset + 3,
        "a dictionary": metadata.row_group(0).column(4).dictionary_page_offset + 60,
        "a statistic of a row group": content.index(np.float64(statistic).tobytes(), footer) + 6,
        "the plan's seed in the footer": seed,
        "the start of the footer": footer + 1,
        "the middle of the footer": footer + (len(content) - footer) // 2,
        "the footer's length": len(content) - 8,
        "the magic at the end": len(content) - 1,
    }


def flipped(content: bytes, place: int, bit: int) -> bytes:
    damaged = bytearray(content)
    damaged[place] ^= 1 << bit
    return bytes(damaged)


PLACES = [
    "the magic at the start",
    "the header of a page of transaction_id", "the header of a page of card_pan_hash",
    "the header of a page of latitude", "the data of transaction_id", "the data of card_pan_hash",
    "the data of latitude", "the header of a dictionary", "a dictionary", "a statistic of a row group",
    "the plan's seed in the footer", "the start of the footer", "the middle of the footer", "the footer's length",
    "the magic at the end",
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_the_upload_refuses_a_file_with_a_flipped_bit(aws, schema, tmp_path, instance, place):
    path = write_day(tmp_path, schema, PLAN)
    content = path.read_bytes()
    assert list(places(content)) == PLACES
    path.write_bytes(flipped(content, places(content)[place], 0))
    said = refusal(instance, tmp_path)
    assert "file_is_whole: " in said or "is not a readable Parquet file" in said or "does not say what made it" in said


def test_a_flipped_bit_anywhere_in_the_footer_is_found(schema, tmp_path):
    path = write_day(tmp_path, schema, make_plan())
    content = path.read_bytes()
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    missed = []
    for number, place in enumerate(range(footer, len(content), 67)):
        path.write_bytes(flipped(content, place, number % 8))
        try:
            broken = broken_claims(judge_file(schema, path))
        except StorageError:
            continue
        if not broken:
            missed.append(place)
    assert missed == []


# --- proportions that are off ----------------------------------------------------------------------------------

MANY = make_plan(rows=200_000)
RATES_OFF: dict[str, tuple[str, float, str]] = {
    "fraud × 1.3": ("label_fraud", 0.003 * 1.3, "fraud_proportion_within_bounds"),
    "fraud × 0.7": ("label_fraud", 0.003 * 0.7, "fraud_proportion_within_bounds"),
    "mcc nulls + 20 %": ("mcc_code", 0.05 * 1.2, "null_proportions_within_bounds"),
    "mcc nulls - 20 %": ("mcc_code", 0.05 * 0.8, "null_proportions_within_bounds"),
    "device nulls + 20 %": ("device_id", 0.08 * 1.2, "null_proportions_within_bounds"),
    "device nulls - 20 %": ("device_id", 0.08 * 0.8, "null_proportions_within_bounds"),
    "recurring + 20 %": ("is_recurring", RECURRING_RATE * 1.2, "recurring_proportion_within_bounds"),
    "recurring - 20 %": ("is_recurring", RECURRING_RATE * 0.8, "recurring_proportion_within_bounds"),
}


@pytest.fixture(scope="module")
def many(schema) -> pa.Table:
    return day_table(schema, MANY)


@pytest.mark.parametrize(("column", "rate", "claim"), RATES_OFF.values(), ids=RATES_OFF)
def test_rates_that_are_off_at_200_000_rows_are_found(schema, many, column, rate, claim):
    """The column is that of a day made with the other rate; the plan is of the rate that was asked for."""
    chosen = np.random.default_rng(5).random(MANY.rows) < rate
    if pa.types.is_boolean(many.schema.field(column).type):
        values = pa.array(chosen)
    else:
        present = many[column].combine_chunks()
        text = present.cast(pa.large_string())
        filled = pc.fill_null(text, text.drop_null()[0])
        values = pc.if_else(pa.array(chosen), None, filled).cast(pa.large_string())
    assert judged_in_memory(schema, MANY, put(many, column, values.to_pylist())) == {claim}


def judged_in_memory(schema: TransactionSchema, plan: GenerationPlan, table: pa.Table) -> set[str]:
    survey, ids, surveyor = Survey(0), Bucket(0, 1), Surveyor(schema, plan)
    for batch in table.to_batches(max_chunksize=32_768):
        survey += surveyor.survey(batch, survey.counts.rows)
        ids.add(pl.Series(batch.column(schema.primary_key)))
    footer = Footer(schema.arrow_schema, table.num_rows, plan.rows, Provenance.of(schema, plan))
    return broken_claims(judge(schema, plan.day, footer, Findings(survey, ids.repeated())))


# --- no false alarm --------------------------------------------------------------------------------------------


def false_alarms(numbers: range) -> list[str]:
    """Days of 20,000 rows, each with a seed and rates of its own, and what was held against them."""
    found = []
    for number in numbers:
        rng = np.random.default_rng(number)
        names = ("fraud_rate", "null_mcc_rate", "null_device_rate", "null_geo_rate")
        rates = {name: float(rng.choice([rng.random(), rng.random() * 0.02, 0.0, 1.0])) for name in names}
        plan = make_plan(
            day=dt.date(2024, 1, 1) + dt.timedelta(days=number), rows=20_000, chunk_size=7_000, seed=number, **rates
        )
        found += [f"{plan}: {claim}" for claim in judged_in_memory(SCHEMA, plan, day_table(SCHEMA, plan))]
    return found


def test_365_clean_days_with_varied_rates_raise_no_alarm():
    with ProcessPoolExecutor(2, multiprocessing.get_context("forkserver")) as pool:
        found = pool.map(false_alarms, [range(0, 183), range(183, 365)])
        assert list(itertools.chain.from_iterable(found)) == []
