"""A written day in the readers of the field, each opened by its line in docs/reading-the-files.md."""

from __future__ import annotations

import datetime as dt
import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import duckdb
import fastparquet
import pandas
import polars
import polars as pl
import pyarrow
import pyarrow.compute
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
from polars.testing import assert_frame_equal

from examples.spark_payments import spark_payments
from synth_assets.day import object_metadata
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.schema import TransactionSchema
from synth_assets.storage.aws import AwsConnection
from synth_assets.storage.bucket import Bucket
from synth_assets.storage.day_file import DayFile
from synth_assets.storage.loopback import BUCKET
from synth_assets.storage.s3 import upload_day
from tests.conftest import DAY, PROJECT_ROOT, in_unit, make_frame, make_plan, object_keys, write_day

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas")

PLAN = make_plan(rows=25_000, chunk_size=10_000)
UNITS = ["ns", "us", "ms"]
REFUSED = ("spark", "ns")

PAGE = (PROJECT_ROOT / "docs" / "reading-the-files.md").read_text()
A_FILE, BY_DAY = (block.splitlines() for block in re.findall("```python\n(.*?)```", PAGE, re.DOTALL))
"""The code blocks of the page: a file, and the days in S3."""

LIBRARIES = {"duckdb": duckdb, "polars": polars, "pandas": pandas, "pyarrow": pyarrow}


def opened(block: list[str], reader: str, **names: Any) -> Any:
    """What the reader's line of the page gives, with `names` for its variables."""
    (line,) = [line for line in block if line.startswith(f"{reader}.")]
    return eval(line, {**LIBRARIES, **names})


@pytest.fixture(scope="module")
def made(schema) -> pl.DataFrame:
    """What the simulator made."""
    return make_frame(schema, PLAN)


@pytest.fixture(scope="module")
def days(schema, tmp_path_factory) -> dict[str, Path]:
    """The same day in a file of each unit."""
    folder = tmp_path_factory.mktemp("days")
    for unit in UNITS:
        (folder / unit).mkdir()
    return {unit: write_day(folder / unit, in_unit(schema, unit), PLAN) for unit in UNITS}


@pytest.fixture(scope="module")
def spark(tmp_path_factory) -> Iterator[SparkSession]:
    if not shutil.which("java") and "JAVA_HOME" not in os.environ:
        missing = "Spark needs Java 17 or newer: install openjdk-17-jre-headless"
        if os.environ.get("REQUIRE_REAL_PARTS") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    from pyspark.sql import SparkSession

    folder = tmp_path_factory.mktemp("spark")
    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.memory": "512m",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.local.dir": str(folder),
    }
    # With these libraries: the default is the first python3 in PATH.
    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = SparkSession.builder.master("local[1]").config(map=settings).getOrCreate()
    # What a test expects to fail would otherwise print its trace.
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


def test_the_readme_has_a_line_for_each_reader():
    named = [re.findall(r"^(\w+)\.", "\n".join(block), re.MULTILINE) for block in (A_FILE, BY_DAY)]
    assert sorted(named[0]) == ["duckdb", "pandas", "polars", "pyarrow", "spark"]
    assert sorted(named[1]) == ["duckdb", "polars", "pyarrow", "spark"]


# --- a file -----------------------------------------------------------------------------------------------------


def assert_same(found: pl.DataFrame, *made: pl.DataFrame) -> None:
    """Every value, null and moment, whatever the reader makes of enums, of the unit and of the order of days."""
    plain = {name: pl.String for name, kind in made[0].schema.items() if isinstance(kind, pl.Enum)}
    plain["event_time"] = pl.Datetime("ms", "UTC")
    found, whole = found.cast(plain), pl.concat(frame.cast(plain) for frame in made)
    if len(made) > 1:
        found, whole = found.sort("transaction_id"), whole.sort("transaction_id")
    assert_frame_equal(found, whole, check_exact=True)


def types_of(schema: TransactionSchema, names: dict[str, str]) -> dict[str, str]:
    """The columns with a reader's names for the contract's dtypes."""
    return {field.name: names[field.dtype] for field in schema.fields}


@pytest.mark.parametrize("unit", UNITS)
def test_duckdb_reads_every_value(schema, made, days, unit):
    found = opened(A_FILE, "duckdb", path=str(days[unit]))
    moment = "TIMESTAMPTZ_NS" if unit == "ns" else "TIMESTAMP WITH TIME ZONE"
    names = {"int": "BIGINT", "float": "DOUBLE", "bool": "BOOLEAN", "string": "VARCHAR", "enum": "VARCHAR"}
    types = types_of(schema, {**names, "datetime": moment})
    assert dict(zip(found.columns, map(str, found.types), strict=True)) == types
    assert_same(found.pl(), made)


@pytest.mark.parametrize("unit", UNITS)
def test_polars_reads_every_value_and_enums_as_categories(schema, made, days, unit):
    found = opened(A_FILE, "polars", path=str(days[unit]))
    expected = in_unit(schema, unit).polars_schema
    assert found.collect_schema() == {
        name: pl.Categorical() if isinstance(kind, pl.Enum) else kind for name, kind in expected.items()
    }
    assert_same(found.collect(), made)


@pytest.mark.parametrize("unit", UNITS)
def test_fastparquet_reads_every_value(made, days, unit):
    found = fastparquet.ParquetFile(str(days[unit])).to_pandas()
    assert_same(pl.from_pandas(found), made)


@pytest.mark.parametrize("unit", UNITS)
def test_pandas_reads_every_value_and_enums_as_categories(schema, made, days, unit):
    found = opened(A_FILE, "pandas", path=str(days[unit]))
    names = {"int": "int64", "float": "float64", "bool": "bool", "string": "str", "enum": "category"}
    types = types_of(schema, {**names, "datetime": f"datetime64[{unit}, UTC]"})
    assert {name: str(kind) for name, kind in found.dtypes.items()} == types
    assert tuple(found["mcc_code"].cat.categories) == schema["mcc_code"].enum
    assert found["mcc_code"].isna().sum() == made["mcc_code"].null_count() > 0
    assert_same(pl.from_pandas(found), made)


@pytest.mark.parametrize("unit", UNITS)
def test_a_pyarrow_dataset_reads_every_value_and_enums_as_dictionaries(schema, made, days, unit):
    found = opened(A_FILE, "pyarrow", path=str(days[unit]))
    names = {"int": "int64", "float": "double", "bool": "bool", "string": "large_string", "enum": "enum"}
    types = {
        column.name: "enum" if pyarrow.types.is_dictionary(column.type) else str(column.type) for column in found.schema
    }
    assert types == types_of(schema, {**names, "datetime": f"timestamp[{unit}, tz=UTC]"})
    assert {column.name for column in found.schema if not column.nullable} == {
        f.name for f in schema.fields if f.required
    }
    assert_same(pl.DataFrame(found.to_table()), made)


@pytest.mark.parametrize("unit", ["us", "ms"])
def test_spark_reads_every_value_of_a_file_in_microseconds_or_milliseconds(schema, made, days, spark, unit):
    found = opened(A_FILE, "spark", spark=spark, path=str(days[unit]))
    names = {"int": "bigint", "float": "double", "bool": "boolean", "string": "string", "enum": "string"}
    assert dict(found.dtypes) == types_of(schema, {**names, "datetime": "timestamp"})
    assert_same(pl.DataFrame(found.toArrow()), made)


def test_spark_refuses_nanoseconds(days, spark):
    with pytest.raises(Exception, match=r"PARQUET_TYPE_ILLEGAL.*TIMESTAMP\(NANOS,true\)"):
        opened(A_FILE, "spark", spark=spark, path=str(days["ns"]))


def test_spark_reads_nanoseconds_as_a_number_where_it_is_told_to(made, days, spark):
    setting, expression = re.search(r"`(spark\.[\w.]+)`.*?`(timestamp_micros\(.*?\))`", PAGE, re.DOTALL).groups()
    spark.conf.set(setting, "true")
    try:
        found = opened(A_FILE, "spark", spark=spark, path=str(days["ns"]))
        assert dict(found.dtypes)["event_time"] == "bigint"
        times = pl.DataFrame(found.selectExpr(f"{expression} AS event_time").toArrow())
    finally:
        spark.conf.unset(setting)
    assert_frame_equal(times.cast(pl.Datetime("ns", "UTC")), made.select("event_time"))


@pytest.mark.parametrize(
    "expression", ["hour(event_time)", "date_trunc('hour', event_time)", "event_time + INTERVAL 1 HOUR"]
)
def test_duckdb_calculates_with_microseconds_and_with_nanoseconds_once_they_are_cast(days, expression):
    hours = duckdb.sql(f"SELECT {expression} FROM '{days['us']}'").fetchall()
    cast = f"(SELECT event_time::TIMESTAMPTZ AS event_time FROM '{days['ns']}')"
    assert duckdb.sql(f"SELECT {expression} FROM {cast}").fetchall() == hours
    with pytest.raises(duckdb.BinderException, match="TIMESTAMPTZ_NS"):
        duckdb.sql(f"SELECT {expression} FROM '{days['ns']}'").fetchall()


# --- statistics and row groups ----------------------------------------------------------------------------------

NOBODY_FILTERS_BY_A_RANGE_OF = {"transaction_id", "card_pan_hash", "device_id", "ip_address", "previous_txn_id"}


@pytest.mark.parametrize("unit", UNITS)
def test_every_row_group_has_the_statistics_of_the_columns_people_filter_by(schema, made, days, unit):
    metadata = pq.read_metadata(days[unit])
    assert metadata.num_row_groups == 3
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        rows = made.slice(number * PLAN.chunk_size, group.num_rows)
        for place, name in enumerate(schema.names):
            statistics = group.column(place).statistics
            if name in NOBODY_FILTERS_BY_A_RANGE_OF:
                assert statistics is None
                continue
            # Enums are ordered by their text in Parquet, by their place in the contract in Polars.
            values = rows[name].cast(pl.String) if schema[name].dtype == "enum" else rows[name]
            assert (statistics.min, statistics.max) == (values.min(), values.max()), name
            assert statistics.null_count == values.null_count(), name


def late_rows(reader: str, path: Path, since: dt.datetime, spark: SparkSession | None) -> tuple[int, float]:
    """The count and the amounts' sum of the payments since a moment, as the reader finds them."""
    found = opened(A_FILE, reader, path=str(path), spark=spark)
    if reader == "duckdb":
        return found.filter(f"event_time >= '{since}'").aggregate("count(*), sum(amount)").fetchall()[0]
    if reader == "polars":
        return found.filter(pl.col("event_time") >= since).select(pl.len(), pl.sum("amount")).collect().row(0)
    if reader == "pyarrow":
        amounts = found.to_table(columns=["amount"], filter=pyarrow.compute.field("event_time") >= since)["amount"]
        return len(amounts), pyarrow.compute.sum(amounts).as_py()
    return tuple(found.where(f"event_time >= '{since}'").selectExpr("count(*)", "sum(amount)").first())


@pytest.fixture(scope="module")
def maimed(days, tmp_path_factory) -> dict[str, Path]:
    """The days with nothing but noughts where the first two of their three row groups were."""
    folder = tmp_path_factory.mktemp("maimed")
    found = {}
    for unit, path in days.items():
        first = pq.read_metadata(path).row_group(2).column(0)
        end = first.data_page_offset if first.dictionary_page_offset is None else first.dictionary_page_offset
        content = path.read_bytes()
        found[unit] = folder / f"{unit}.parquet"
        found[unit].write_bytes(content[:4] + bytes(end - 4) + content[end:])
    return found


@pytest.mark.parametrize(
    ("reader", "unit"),
    [
        (reader, unit)
        for reader in ("duckdb", "polars", "pyarrow", "spark")
        for unit in UNITS
        if (reader, unit) != REFUSED
    ],
)
def test_a_filter_on_event_time_leaves_the_other_row_groups_unread(reader, unit, made, days, maimed, request):
    spark = request.getfixturevalue("spark") if reader == "spark" else None
    late = made.slice(2 * PLAN.chunk_size)
    since = late["event_time"][0]
    rows, amount = late_rows(reader, maimed[unit], since, spark)
    assert (rows, amount) == (late.height, pytest.approx(late["amount"].sum()))
    with pytest.raises(Exception, match=r"."):
        late_rows(reader, maimed[unit], since - dt.timedelta(milliseconds=1_000_000), spark)


# --- made in Spark ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{}, {"profile": "realistic", "customers": 1_000}], ids=["uniform", "realistic"])
def test_spark_makes_the_rows_of_the_product_by_the_lines_of_docs_spark_md(schema, spark, settings):
    (block,) = re.findall("```python\n(.*?)```", (PROJECT_ROOT / "docs" / "spark.md").read_text(), re.DOTALL)
    plans: list[GenerationPlan] = []

    class Plans:
        @staticmethod
        def of(**given: Any) -> GenerationPlan:
            plans.append(GenerationPlan.of(**given, **settings))
            return plans[0]

    names: dict[str, Any] = {"GenerationPlan": Plans, "spark_payments": spark_payments, "spark": spark}
    exec(block, names)
    found = names["payments"]
    assert found.rdd.getNumPartitions() == 3
    assert tuple(found.columns) == schema.names
    assert_same(pl.DataFrame(found.toArrow()), make_frame(schema, plans[0]))


# --- days of neighbouring contracts -----------------------------------------------------------------------------


def with_enum(schema: TransactionSchema, name: str, values: Sequence[str]) -> TransactionSchema:
    """The contract with other values of an enum."""
    fields = [field | ({"enum": list(values)} if field["name"] == name else {}) for field in schema.canonical["fields"]]
    return TransactionSchema.from_canonical({**schema.canonical, "fields": fields}, "test")


NEIGHBOURS = {
    "a value more": lambda schema: with_enum(schema, "device_type", [*schema["device_type"].enum, "KIOSK"]),
    "more values than a byte counts": lambda schema: with_enum(schema, "mcc_code", map(str, range(1_000, 1_300))),
    "another order": lambda schema: with_enum(schema, "card_scheme", schema["card_scheme"].enum[::-1]),
    "nanoseconds": lambda schema: in_unit(schema, "ns"),
}
"""Contracts that differ from the one in microseconds in one thing."""


@pytest.fixture(scope="module")
def neighbours(schema, tmp_path_factory) -> dict[str, tuple[Path, pl.DataFrame]]:
    """The day after, as each neighbouring contract has it, in a file and as it was made."""
    plan, found = make_plan(day=DAY + dt.timedelta(days=1)), {}
    for number, (difference, contract) in enumerate(NEIGHBOURS.items()):
        folder = tmp_path_factory.mktemp(f"neighbour{number}")
        other = contract(in_unit(schema, "us"))
        found[difference] = write_day(folder, other, plan), make_frame(other, plan)
    return found


def together(reader: str, paths: list[str], spark: SparkSession | None) -> pl.DataFrame:
    """What a reader makes of several files, read by its line for one."""
    if reader == "duckdb":
        return duckdb.read_parquet(paths).pl()
    if reader == "spark":
        return pl.DataFrame(spark.read.parquet(*paths).toArrow())
    if reader == "pyarrow":
        return pl.DataFrame(opened(A_FILE, reader, path=paths).to_table())
    found = opened(A_FILE, reader, path=paths)
    return found.collect() if reader == "polars" else pl.from_pandas(found)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("reader", "difference"),
    [
        (reader, difference)
        for reader in ("duckdb", "pandas", "polars", "pyarrow", "spark")
        for difference in NEIGHBOURS
        if not (reader in ("polars", "spark") and difference == "nanoseconds")  # refused: see the tests below
    ],
)
def test_days_of_neighbouring_contracts_are_read_together(reader, difference, turned, made, days, neighbours, request):
    spark = request.getfixturevalue("spark") if reader == "spark" else None
    other, made_of_other = neighbours[difference]
    paths, frames = [str(days["us"]), str(other)], [made, made_of_other]
    if turned:
        paths, frames = paths[::-1], frames[::-1]
    assert_same(together(reader, paths, spark), *frames)


@pytest.mark.parametrize("first", ["ns", "us", "ms"])
def test_polars_reads_days_of_other_units_once_it_is_allowed_to_cast(made, days, first):
    paths = [str(days[first]), *(str(days[unit]) for unit in UNITS if unit != first)]
    with pytest.raises(pl.exceptions.SchemaError, match="event_time"):
        opened(A_FILE, "polars", path=paths).collect()
    (cast,) = re.findall(r"`(cast_options=[^`]*)`", PAGE)
    found = eval(f"polars.scan_parquet(paths, {cast})", {"polars": pl, "paths": paths}).collect()
    assert_same(found, made, made, made)


def test_spark_reads_days_of_microseconds_and_milliseconds_together(made, days, spark):
    assert_same(together("spark", [str(days["us"]), str(days["ms"])], spark), made, made)


# --- by day, in S3 ----------------------------------------------------------------------------------------------

JANUARY = [dt.date(2026, 1, 15), dt.date(2026, 1, 16)]
FEBRUARY = dt.date(2026, 2, 1)


@pytest.fixture
def prefix(aws, schema, tmp_path) -> str:
    """Two days of January as they land in S3, and one of February whose object is then no Parquet any more."""
    client = boto3.client("s3")
    for day in (*JANUARY, FEBRUARY):
        path = write_day(tmp_path, in_unit(schema, "us"), make_plan(day=day))
        file = DayFile.at(path)
        upload_day(Bucket(AwsConnection(), BUCKET), file, object_metadata(file))
    (of_february,) = [key for key in object_keys() if "/month=02/" in key]
    client.put_object(Bucket=BUCKET, Key=of_february, Body=b"no Parquet")
    return f"s3://{BUCKET}/payments/"


@pytest.fixture
def copied(prefix, tmp_path) -> str:
    """The same as a folder."""
    client = boto3.client("s3")
    for key in object_keys():
        path = tmp_path / "copy" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        client.download_file(BUCKET, key, str(path))
    return f"{tmp_path}/copy/payments/"


def january(schema) -> pl.DataFrame:
    """What the simulator made of these days, with the columns of the partition."""
    frames = [make_frame(in_unit(schema, "us"), make_plan(day=day)) for day in JANUARY]
    return pl.concat(frames).with_columns(year=2026, month=1)


def assert_january(found: pl.DataFrame, schema: TransactionSchema) -> None:
    made = january(schema)
    assert_same(found.cast({"year": pl.Int32, "month": pl.Int32}).sort("event_time").select(made.columns), made)


def test_polars_reads_a_month_of_the_prefix_and_opens_no_file_of_another(schema, prefix):
    assert_january(opened(BY_DAY, "polars", prefix=prefix).collect(), schema)


def test_a_pyarrow_dataset_reads_a_month_of_the_prefix_and_opens_no_file_of_another(schema, prefix):
    assert_january(pl.DataFrame(opened(BY_DAY, "pyarrow", prefix=prefix).to_table()), schema)


def test_duckdb_reads_the_prefix_through_a_pyarrow_dataset(schema, prefix):
    payments = pyarrow.dataset.dataset(prefix, partitioning="hive")
    assert payments.schema.names[-2:] == ["year", "month"]
    assert_january(duckdb.sql("FROM payments WHERE year = 2026 AND month = 1").pl(), schema)


def test_duckdb_reads_a_month_of_a_copy_and_opens_no_file_of_another(schema, copied):
    assert_january(opened(BY_DAY, "duckdb", prefix=copied).pl(), schema)


def test_spark_reads_a_month_of_a_copy_and_opens_no_file_of_another(schema, copied, spark):
    assert_january(pl.DataFrame(opened(BY_DAY, "spark", spark=spark, prefix=copied).toArrow()), schema)
