"""The jobs of the profiles, and the one that judges a day again, in this process."""

import dagster as dg
import pytest

from synth_assets.assets import payments_parquet
from synth_assets.definitions import defs
from synth_assets.deployment import job_settings
from synth_assets.generator.claims import CLAIMS
from tests.conftest import DAY, object_keys
from tests.test_assets import LOCAL, checks, run
from tests.test_sensors import verify


@pytest.mark.parametrize("profile", ["uniform", "realistic"])
def test_a_profiles_job_starts_with_every_setting_and_a_run_takes_it(profile):
    job = defs.resolve_job_def(f"{profile}_payments")
    run_config = job.partitioned_config.get_run_config_for_partition_key(str(DAY))
    assert run_config == {"ops": {"payments_parquet": {"config": job_settings(profile)}}}
    assert dg.validate_run_config(job, run_config)


def test_the_uniform_job_leaves_the_world_out():
    graph = {name: defs.resolve_job_def(f"{name}_payments").asset_layer for name in ("uniform", "realistic")}
    assert graph["realistic"].executable_asset_keys - graph["uniform"].executable_asset_keys == {
        dg.AssetKey(name) for name in ("customers", "cards", "merchants", "label_events", "incidents")
    }


def results(instance: dg.DagsterInstance, check: str) -> list[tuple[str, bool]]:
    """By partition, what became of a check of payments_parquet, oldest first."""
    key = dg.AssetCheckKey(payments_parquet.key, check)
    history = instance.event_log_storage.get_asset_check_execution_history(key, limit=10)
    return [(each.partition, each.status.value == "SUCCEEDED") for each in reversed(history)]


def test_a_day_is_judged_again_on_its_partition_and_nothing_is_made(aws, instance, tmp_path):
    assert run(instance, tmp_path).success
    before = [(path.name, path.stat().st_mtime_ns) for path in sorted(tmp_path.glob("*.parquet"))]
    again = verify(instance, tmp_path)
    assert again.success
    assert checks(again) == dict.fromkeys([*CLAIMS, "object_is_local_file"], True)
    assert again.get_asset_materialization_events() == []
    assert {evaluation.partition for evaluation in again.get_asset_check_evaluations()} == {str(DAY)}
    assert [(path.name, path.stat().st_mtime_ns) for path in sorted(tmp_path.glob("*.parquet"))] == before
    assert len(object_keys()) == 1


def test_a_file_that_was_damaged_since_is_found(aws, instance, tmp_path):
    assert run(instance, tmp_path).success
    (file,) = tmp_path.glob("payments*")
    content = bytearray(file.read_bytes())
    content[1_000] ^= 255
    file.write_bytes(content)
    assert not checks(verify(instance, tmp_path))["file_is_whole"]


def test_a_run_that_dies_before_its_checks_touches_its_own_day_alone_and_judging_it_again_heals_it(
    aws, instance, tmp_path
):
    other = DAY.replace(day=16)
    assert run(instance, tmp_path).success
    assert run(instance, tmp_path, day=other).success
    assert not run(instance, tmp_path, LOCAL, fraud_rate=2.0).success
    assert results(instance, "file_is_whole") == [(str(DAY), True), (str(other), True), (str(DAY), False)]
    assert verify(instance, tmp_path).success
    assert results(instance, "file_is_whole")[-1] == (str(DAY), True)
