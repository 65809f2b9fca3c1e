"""What each check's page shows of a day: its numbers, and what is wrong, said once."""

from __future__ import annotations

import datetime as dt
import math

import dagster as dg
import pytest

from synth_assets.assets import payments_parquet
from synth_assets.generator.claims import CLAIMS
from tests.conftest import DAY, make_plan, write_day
from tests.test_assets import ALL, run, run_checks, write_bad_day

DAYS = [DAY + dt.timedelta(days=number) for number in range(2)]
ALWAYS, BOUNDS = {"observed", "breaches"}, {"lowest", "highest"}
HALF_A_PAGE = 1_900
"""Bytes of an event of which SQLite puts two on a page, beside the columns of its row."""


def test_every_check_of_every_day_has_numbers_to_plot(aws, instance, tmp_path):
    for day in DAYS:
        assert run(instance, tmp_path, ALL, day=day).success
    keys = [dg.AssetCheckKey(payments_parquet.key, name) for name in CLAIMS]
    for key in [*keys, dg.AssetCheckKey(dg.AssetKey("s3_raw_payments"), "object_is_local_file")]:
        judged = [
            record.event.dagster_event.asset_check_evaluation_data
            for record in instance.event_log_storage.get_asset_check_execution_history(key, limit=10)
        ]
        assert [each.partition for each in judged] == [str(day) for day in reversed(DAYS)], key
        for each in judged:
            numbers = {name: entry.value for name, entry in each.metadata.items()}
            assert all(math.isfinite(value) for value in numbers.values()), (key, numbers)
            assert numbers["breaches"] == 0
            left_to_chance = key.name.endswith("within_bounds")
            assert numbers.keys() == ({*BOUNDS, *ALWAYS} if left_to_chance else ALWAYS), key
            if left_to_chance:
                assert numbers["lowest"] < numbers["observed"] < numbers["highest"], (key, numbers)


def test_the_fraud_of_two_days_differs_in_the_plot(instance, tmp_path):
    found = []
    for day in DAYS:
        result = run(instance, tmp_path, [payments_parquet], day=day)
        (fraud,) = [e for e in result.get_asset_check_evaluations() if e.check_name == "fraud_proportion_within_bounds"]
        (made,) = result.asset_materializations_for_node("payments_parquet")
        assert made.metadata["fraud_rate_observed"].value == fraud.metadata["observed"].value / 2_000
        found.append(fraud.metadata["observed"].value)
    assert found[0] != found[1]


def test_a_claim_that_holds_is_short_and_one_that_does_not_has_all_that_is_known(instance, schema, tmp_path):
    write_bad_day(schema, tmp_path)
    selection = dg.AssetSelection.checks_for_assets(payments_parquet)
    result = run_checks(instance, tmp_path, selection, {"dagster/partition": str(DAY)})
    found = {each.check_name: each for each in result.get_asset_check_evaluations()}
    broken = found.pop("fraud_proportion_within_bounds")
    assert not broken.passed
    assert len(broken.metadata["details"].records) == 11
    assert "; whole day " in broken.description or "; tenth " in broken.description
    events = instance.get_records_for_run(result.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION).records
    stored = {
        each.event_log_entry.dagster_event.asset_check_evaluation_data.check_name: len(
            dg.serialize_value(each.event_log_entry)
        )
        for each in events
    }
    del stored["fraud_proportion_within_bounds"]
    assert max(stored.values()) < HALF_A_PAGE, stored


@pytest.mark.parametrize("kept", [-1_000, 0], ids=["truncated", "empty"])
def test_a_file_that_cannot_be_read_is_not_whole_and_the_reason_stands_once(instance, schema, tmp_path, kept):
    path = write_day(tmp_path, schema, make_plan(rows=2_000))
    path.write_bytes(path.read_bytes()[:kept])
    selection = dg.AssetSelection.checks_for_assets(payments_parquet)
    result = run_checks(instance, tmp_path, selection, {"dagster/partition": str(DAY)})
    said = {each.check_name: each.description for each in result.get_asset_check_evaluations()}
    assert said.pop("file_is_whole").startswith(f"{path} is not a readable Parquet file: ")
    assert set(said.values()) == {"not judged: see file_is_whole"}
