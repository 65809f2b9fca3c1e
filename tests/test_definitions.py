"""The plant as it stands: a change to the graph shows here."""

import datetime as dt

import dagster as dg

from synth_assets.assets import payments_parquet
from synth_assets.definitions import defs
from synth_assets.generator.audit import CLAIMS
from synth_assets.generator.plan import PlanSettings
from synth_assets.partitions import DAILY


def test_the_graph_is_what_it_was():
    graph = defs.resolve_asset_graph()
    assert {
        key.to_user_string(): (
            sorted(parent.to_user_string() for parent in graph.get(key).parent_keys),
            graph.get(key).partitions_def,
            sorted(check.name for check in graph.get_check_keys_for_assets({key})),
        )
        for key in graph.get_all_asset_keys()
    } == {
        "transaction_schema": ([], None, ["dtypes_recognised"]),
        "payments_parquet": (["transaction_schema"], DAILY, sorted(CLAIMS)),
        "s3_raw_payments": (["payments_parquet"], DAILY, ["object_is_local_file"]),
        "customers": (["payments_parquet"], DAILY, []),
        "cards": (["payments_parquet"], DAILY, []),
        "merchants": (["payments_parquet"], DAILY, []),
        "label_events": (["payments_parquet"], DAILY, []),
    }


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
    }
    assert job.executor_def == dg.in_process_executor


def test_the_schedule_runs_the_last_complete_day_and_is_stopped():
    schedule = defs.resolve_schedule_def("daily_payments_schedule")
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED
    tick = dg.build_schedule_context(scheduled_execution_time=dt.datetime(2026, 3, 1, tzinfo=dt.UTC))
    (request,) = schedule.evaluate_tick(tick).run_requests
    assert request.partition_key == "2026-02-28"


def test_partitions_are_the_complete_days():
    with dg.partition_loading_context(effective_dt=dt.datetime(2026, 3, 1, 0, 5, tzinfo=dt.UTC)):
        assert DAILY.get_last_partition_key() == "2026-02-28"
    assert DAILY.get_first_partition_key() == "2020-01-01"
    assert DAILY.has_partition_key("2024-02-29")


def test_every_setting_explains_itself_in_the_launchpad():
    fields = payments_parquet.op.config_schema.config_type.fields
    assert set(fields) == {*PlanSettings.model_fields, "workers"}
    assert all(field.description for field in fields.values())
    assert not any(field.is_required for field in fields.values())
