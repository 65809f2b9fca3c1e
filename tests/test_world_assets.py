"""The realistic profile through real runs: its world and its label events beside the day's file."""

from typing import Any

import dagster as dg
import polars as pl
import pyarrow.parquet as pq
import pytest

from synth_assets.assets import payments_parquet, transaction_schema
from synth_assets.definitions import defs
from synth_assets.generator import GENERATOR_VERSION
from synth_assets.storage.layout import file_name
from synth_assets.world_assets import incidents, label_events, world_tables
from tests.conftest import DAY

REALISTIC = {"rows": 20_000, "profile": "realistic", "customers": 12_000, "fraud_rate": 0.01}


def run(instance: dg.DagsterInstance, folder: Any, day: Any = DAY, **settings: Any) -> dg.ExecuteInProcessResult:
    assets = [transaction_schema, payments_parquet, world_tables, label_events, incidents]
    return defs.resolve_job_def("daily_payments").execute_in_process(
        run_config={
            "resources": {"output_folder": {"config": {"path": str(folder)}}},
            "ops": {"payments_parquet": {"config": settings}},
        },
        partition_key=str(day),
        asset_selection=[key for asset in assets for key in asset.keys],
        instance=instance,
    )


@pytest.fixture(scope="module")
def realistic_day(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, dg.ExecuteInProcessResult]:
    """The output folder of one realistic day, and the run that made it."""
    folder = tmp_path_factory.mktemp("realistic")
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(instance, folder, **REALISTIC)
    assert all(check.passed for check in result.get_asset_check_evaluations())
    made = {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()}
    assert made == {
        "transaction_schema",
        "payments_parquet",
        "customers",
        "cards",
        "merchants",
        "label_events",
        "incidents",
    }
    return folder, result


@pytest.fixture(scope="module")
def folder(realistic_day: tuple[Any, dg.ExecuteInProcessResult]) -> Any:
    return realistic_day[0]


@pytest.fixture(scope="module")
def payments(folder: Any) -> pl.DataFrame:
    return pl.read_parquet(folder / file_name(20_000, DAY))


def test_payments_join_to_their_world_without_orphans(folder, payments):
    world = folder / "world_42_12000"
    customers = pl.read_parquet(world / f"customers_{DAY.year}.parquet")
    cards = pl.read_parquet(world / f"cards_{DAY.year}.parquet")
    merchants = pl.read_parquet(world / f"merchants_{DAY.year}.parquet")
    assert 10_500 < customers["customer_id"].n_unique() == customers.height < 12_000
    assert cards["card_pan_hash"].n_unique() == cards.height
    assert cards.join(customers, on="customer_id", how="anti").is_empty()
    card_columns = ["card_pan_hash", "customer_id", "card_scheme", "card_exp_year", "card_exp_month"]
    of_cards = payments.with_columns(pl.col("card_scheme").cast(pl.String))
    assert of_cards.join(cards, on=card_columns, how="anti").is_empty()
    of_merchants = payments.with_columns(pl.col("mcc_code", "channel").cast(pl.String))
    for table, key, came, went in (
        (customers, "customer_id", "joined", "left"),
        (merchants, "merchant_id", "opened", "closed"),
    ):
        there = payments.join(table, on=key, how="left")
        assert not (there[came] > DAY).any()
        assert not (there[went] <= DAY).any()
        absent = table.filter((pl.col(came) > DAY) | (pl.col(went) <= DAY))
        assert 0.05 < absent.height / table.height < 0.2
    places = ["merchant_id", "merchant_country", "currency_code", "channel"]
    assert of_merchants.join(merchants, on=places, how="anti").is_empty()
    coded = of_merchants.drop_nulls("mcc_code")
    assert coded.join(merchants, on=["merchant_id", "mcc_code"], how="anti").is_empty()


def test_label_events_are_the_frauds_and_become_known_after_them(folder, payments):
    events = pl.read_parquet(folder / f"label_events_{DAY}.parquet")
    frauds = payments.filter("label_fraud")
    assert sorted(events["transaction_id"]) == sorted(frauds["transaction_id"])
    known = events.drop_nulls("known_at")
    assert (known["reported_at"] > known["event_time"]).all()
    assert (known["known_at"] >= known["reported_at"]).all()
    assert events["scenario"].n_unique() == 6


def test_a_uniform_day_has_an_empty_world_without_a_file_and_says_so(instance, tmp_path):
    result = run(instance, tmp_path, rows=500)
    made = {event.asset_key.to_user_string(): event for event in result.get_asset_materialization_events()}
    for name in ("customers", "cards", "merchants", "label_events", "incidents"):
        metadata = made[name].materialization.metadata
        assert (metadata["dagster/row_count"].value, "path" in metadata) == (0, False)
        assert metadata["note"].value == "Uniform days have no world. No file was written."
    assert [path.name for path in tmp_path.glob("*.parquet")] == [file_name(500, DAY)]
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


def test_side_tables_show_their_columns(realistic_day):
    folder, result = realistic_day
    (event,) = result.asset_materializations_for_node("label_events")
    columns = {column.name: column for column in event.metadata["dagster/column_schema"].schema.columns}
    assert columns.keys() == set(pl.read_parquet_schema(folder / f"label_events_{DAY}.parquet"))
    assert columns["event_time"].type.startswith("Datetime")
    assert (columns["scenario"].type, "account_takeover" in columns["scenario"].description) == ("Enum", True)


@pytest.mark.parametrize(
    "settings", [{"rows": 1, "customers": 1_000}, {"rows": 1_000, "customers": 1_000, "fraud_rate": 0.0}], ids=str
)
def test_a_day_without_a_fraud_has_a_table_of_label_events_without_rows(instance, tmp_path, settings):
    result = run(instance, tmp_path, profile="realistic", **settings)
    assert all(check.passed for check in result.get_asset_check_evaluations())
    (made,) = result.asset_materializations_for_node("label_events")
    events = pl.read_parquet(tmp_path / f"label_events_{DAY}.parquet")
    assert events.is_empty()
    assert events.schema.names() == [
        "transaction_id", "event_time", "case_id", "scenario", "reported_at", "known_at",
    ]  # fmt: skip
    assert made.metadata["dagster/row_count"].value == 0
    assert made.metadata["preview"].value == made.metadata["scenarios"].value == "no rows"


def test_a_world_is_written_once_for_the_days_of_a_year(instance, tmp_path):
    run(instance, tmp_path, **REALISTIC)
    table = tmp_path / "world_42_12000" / f"customers_{DAY.year}.parquet"
    before = table.stat().st_ino
    run(instance, tmp_path, DAY.replace(day=16), **REALISTIC)
    assert table.stat().st_ino == before
    assert sorted(path.name for path in tmp_path.glob("label_events_*")) == [
        "label_events_2026-01-15.parquet",
        "label_events_2026-01-16.parquet",
    ]
    assert not [path for path in tmp_path.rglob(".*") if path.is_file()]


def test_a_world_of_another_generator_version_is_written_again(instance, tmp_path):
    run(instance, tmp_path, **REALISTIC)
    table = tmp_path / "world_42_12000" / f"customers_{DAY.year}.parquet"
    frame = pl.read_parquet(table)
    frame.head(1).write_parquet(table, metadata={"generator_version": "1"})
    run(instance, tmp_path, DAY.replace(day=16), **REALISTIC)
    assert pl.read_parquet(table).equals(frame)
    assert pl.read_parquet_metadata(table)["generator_version"] == GENERATOR_VERSION


def test_the_side_files_bind_no_reader_to_a_set_of_values_or_to_a_newer_encoding(folder):
    paths = sorted(folder.glob("world_*/*.parquet")) + sorted(folder.glob("label_events_*.parquet"))
    paths += sorted(folder.glob("incidents_*.parquet"))
    assert len(paths) == 5
    for path in paths:
        footer = pq.ParquetFile(path)
        assert not [field.name for field in footer.schema_arrow if b"_PL_ENUM_VALUES2" in (field.metadata or {})]
        chunks = [footer.metadata.row_group(0).column(place) for place in range(footer.metadata.num_columns)]
        assert {each for chunk in chunks for each in chunk.encodings} <= {"PLAIN", "RLE", "RLE_DICTIONARY"}
