"""The plant as it stands: a change to the graph shows here."""

import datetime as dt

import dagster as dg
import pytest

from synth_assets.assets import payments_parquet, s3_raw_payments
from synth_assets.config import PaymentsConfig
from synth_assets.definitions import defs
from synth_assets.generator import GENERATOR_VERSION
from synth_assets.generator.claims import CLAIMS
from synth_assets.generator.plan import MAX_ROWS, PlanSettings
from synth_assets.partitions import DAILY
from synth_assets.storage.layout import file_name, object_key
from tests.conftest import DAY


def test_the_graph_is_what_it_was():
    graph = defs.resolve_asset_graph()
    assert {
        key.to_user_string(): (
            sorted(parent.to_user_string() for parent in graph.get(key).parent_keys),
            graph.get(key).partitions_def,
            sorted(check.name for check in graph.get_check_keys_for_assets({key})),
            sorted(graph.get(key).kinds),
            sorted(graph.get(key).pools or []),
        )
        for key in graph.get_all_asset_keys()
    } == {
        "transaction_schema": ([], None, ["dtypes_recognised"], ["yaml"], []),
        "payments_parquet": (
            ["transaction_schema"], DAILY, sorted(CLAIMS), ["parquet", "polars"], ["payments_generation"],
        ),
        "s3_raw_payments": (["payments_parquet"], DAILY, ["object_is_local_file"], ["s3"], ["payments_upload"]),
        "raw_bucket": (["s3_raw_payments"], None, ["due_day_is_uploaded"], ["s3"], []),
        "customers": (["payments_parquet"], DAILY, [], ["parquet", "polars"], []),
        "cards": (["payments_parquet"], DAILY, [], ["parquet", "polars"], []),
        "merchants": (["payments_parquet"], DAILY, [], ["parquet", "polars"], []),
        "label_events": (["payments_parquet"], DAILY, [], ["parquet", "polars"], []),
        "incidents": (["payments_parquet"], DAILY, [], ["parquet", "polars"], []),
    }  # fmt: skip


def test_each_asset_says_whose_it_is_what_it_is_and_where_the_contract_is():
    for spec in defs.resolve_all_asset_specs():
        world = spec.key.path[0] in ("customers", "cards", "merchants", "label_events", "incidents")
        assert (spec.group_name, spec.owners) == ("world" if world else "payments", ["team:payments"])
        assert spec.tags.items() >= {"domain": "payments", "data": "synthetic"}.items()
        linked = "payments_parquet" if world else "transaction_schema"
        assert spec.key.path == ["transaction_schema"] or f"(/assets/{linked})" in spec.description


def test_only_the_upload_follows_by_itself_and_every_sensor_explains_itself_and_is_stopped():
    specs = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
    assert [key for key, spec in specs.items() if spec.automation_condition] == ["s3_raw_payments"]
    sensors = {sensor.name: sensor for sensor in defs.get_repository_def().sensor_defs}
    assert sensors.keys() == {"automatic_upload", "alert_on_run_failure", "alert_on_check_failure"}
    assert all(sensor.description for sensor in sensors.values())
    assert {sensor.default_status for sensor in sensors.values()} == {dg.DefaultSensorStatus.STOPPED}


def test_the_overview_of_the_upload_shows_the_form_of_its_uris():
    (spec,) = [spec for spec in defs.resolve_all_asset_specs() if spec.key == s3_raw_payments.key]
    pattern = spec.metadata["dagster/uri"].removeprefix("s3://<bucket>/")
    key = pattern.replace("YYYY-MM-DD", "2026-01-15").replace("YYYY", "2026").replace("MM", "01")
    assert key.replace("<rows>", "5") == object_key(file_name(5, DAY), DAY)


def test_the_file_changes_its_code_version_with_the_generator_alone():
    specs = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
    versions = {key: spec.code_version for key, spec in specs.items() if spec.code_version}
    assert versions == {"payments_parquet": GENERATOR_VERSION}


def test_every_claim_about_the_file_blocks_and_is_partitioned():
    specs = [spec for checks in defs.asset_checks for spec in checks.check_specs]
    assert {spec.name for spec in specs if spec.blocking} == set(CLAIMS)
    assert {spec.name for spec in specs if spec.partitions_def == DAILY} == {*CLAIMS, "object_is_local_file"}
    assert all(spec.description for spec in specs)


def test_the_job_holds_every_asset_and_runs_in_one_process():
    job = defs.resolve_job_def("daily_payments")
    assert {key.to_user_string() for key in job.asset_layer.executable_asset_keys} == {
        "transaction_schema",
        "payments_parquet",
        "s3_raw_payments",
        "customers",
        "cards",
        "merchants",
        "label_events",
        "incidents",
    }
    assert job.executor_def == dg.in_process_executor
    assert job.run_tags["dagster/retry_strategy"] == "ALL_STEPS"


@pytest.mark.parametrize("job", ["daily_payments", "uniform_payments", "realistic_payments", "verify_day"])
def test_a_partitioned_schedule_runs_the_last_complete_day_and_is_stopped(job):
    schedule = defs.resolve_schedule_def(f"{job}_schedule")
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED
    assert schedule.description
    tick = dg.build_schedule_context(scheduled_execution_time=dt.datetime(2026, 3, 1, 6, tzinfo=dt.UTC))
    (request,) = schedule.evaluate_tick(tick).run_requests
    assert request.partition_key == "2026-02-28"


def test_partitions_are_the_complete_days():
    with dg.partition_loading_context(effective_dt=dt.datetime(2026, 3, 1, 0, 5, tzinfo=dt.UTC)):
        assert DAILY.get_last_partition_key() == "2026-02-28"
    assert DAILY.get_first_partition_key() == "2020-01-01"
    assert DAILY.has_partition_key("2024-02-29")


def test_every_setting_explains_itself_in_the_launchpad():
    fields = payments_parquet.op.config_schema.config_type.fields
    assert set(fields) == {*PlanSettings.model_fields, "make_again"}
    assert all(field.description for field in fields.values())
    assert not any(field.is_required for field in fields.values())


def test_every_bound_stands_in_its_settings_description():
    for name, field in PaymentsConfig.model_fields.items():
        bounds = {getattr(mark, side) for mark in field.metadata for side in ("ge", "le") if hasattr(mark, side)}
        for bound in bounds - {MAX_ROWS, 2**63 - 1}:
            assert f"{bound:,.0f}" in field.description, name
