"""Runs over several days: each day is made, recorded and judged by itself, and a bad one spoils no other."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from synth_assets.assets import payments_parquet, s3_raw_payments
from synth_assets.day_workers import side_by_side
from synth_assets.definitions import defs
from synth_assets.generator.claims import CLAIMS
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.provenance import Provenance
from synth_assets.resources import OutputFolder
from synth_assets.storage.layout import file_name, object_key
from synth_assets.storage.place import Place
from synth_assets.world_assets import label_events, world_tables
from tests.conftest import PROJECT_ROOT, SCHEMA_FILE, judge_file, object_keys
from tests.test_assets import ALL, LOCAL, errors, run, write_bad_day

DAYS = [dt.date(2026, 1, 14) + dt.timedelta(days=number) for number in range(3)]
KEYS = [str(day) for day in DAYS]
EVERY = [*ALL, world_tables, label_events]


def run_days(
    instance: dg.DagsterInstance,
    folder: Path | None,
    assets: Sequence[dg.AssetsDefinition] = ALL,
    *,
    days: Sequence[dt.date] = DAYS,
    definitions: dg.Definitions = defs,
    contract: Path = SCHEMA_FILE,
    **settings: Any,
) -> dg.ExecuteInProcessResult:
    """One run over the days, as a backfill launches it."""
    ops = {"payments_parquet": {"config": {"rows": 2_000, **settings}}} if payments_parquet in assets else {}
    resources: dict[str, Any] = {"contract": {"config": {"path": str(contract)}}}
    if folder:
        resources["output_folder"] = {"config": {"path": str(folder)}}
    return definitions.resolve_job_def("daily_payments").execute_in_process(
        run_config={"ops": ops, "resources": resources},
        tags={
            "dagster/asset_partition_range_start": str(days[0]),
            "dagster/asset_partition_range_end": str(days[-1]),
        },
        asset_selection=[key for asset in assets for key in asset.keys],
        instance=instance,
        raise_on_error=False,
    )


def materializations(
    result: dg.ExecuteInProcessResult, asset: dg.AssetsDefinition
) -> dict[str, dg.AssetMaterialization]:
    """By partition, what the run has recorded; each partition once."""
    made = result.asset_materializations_for_node(asset.op.name)
    assert len({(each.asset_key, each.partition) for each in made}) == len(made)
    return {str(each.partition): each for each in made}


def evaluations(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, bool]]:
    """By partition and check, whether it passed; each check once on a partition."""
    found = [check for check in result.get_asset_check_evaluations() if check.check_name != "dtypes_recognised"]
    assert len({(check.partition, check.check_name) for check in found}) == len(found)
    by_day: dict[str, dict[str, bool]] = {}
    for check in found:
        by_day.setdefault(str(check.partition), {})[check.check_name] = check.passed
    return by_day


def somebody_elses(folder: Path, day: dt.date) -> Path:
    """A file that is in the day's way: it has the name of one, but was not made here."""
    path = folder / file_name(7, day)
    path.write_text("not ours")
    return path


def written(folder: Path) -> dict[str, int]:
    """By name, when each file of payments was last written."""
    return {path.name: path.stat().st_ctime_ns for path in folder.glob("payments*")}


def test_each_day_of_a_run_has_its_own_materializations_and_versions(aws, instance, tmp_path, schema):
    result = run_days(instance, tmp_path)
    assert result.success
    made, landed = materializations(result, payments_parquet), materializations(result, s3_raw_payments)
    assert (list(made), list(landed)) == (KEYS, KEYS)
    for day in DAYS:
        shown = made[str(day)].metadata
        assert shown["path"].value == str(tmp_path / file_name(2_000, day))
        assert (shown["plan"].value["day"], shown["dagster/row_count"].value) == (str(day), 2_000)
        digest = Provenance.of(schema, GenerationPlan.of(day=day, rows=2_000)).digest
        assert made[str(day)].tags["dagster/data_version"] == digest
        assert landed[str(day)].tags["dagster/input_data_version/payments_parquet"] == digest
        assert landed[str(day)].metadata["dagster/uri"].value.endswith(object_key(file_name(2_000, day), day))
    assert object_keys() == [object_key(file_name(2_000, day), day) for day in DAYS]


def test_each_check_result_of_a_run_is_on_its_day_and_its_latest_materialization(aws, instance, tmp_path):
    run(instance, tmp_path, day=DAYS[1])  # an earlier materialization, which is not the one that is judged
    result = run_days(instance, tmp_path)
    assert evaluations(result) == {key: dict.fromkeys([*CLAIMS, "object_is_local_file"], True) for key in KEYS}
    for check in result.get_asset_check_evaluations():
        if check.check_name != "dtypes_recognised":
            of_day = dg.AssetRecordsFilter(check.asset_key, asset_partitions=[check.partition])
            latest = instance.fetch_materializations(of_day, limit=1).records[0]
            assert latest.run_id == result.run_id
            assert check.target_materialization_data.storage_id == latest.storage_id


def test_what_is_recorded_of_a_day_does_not_depend_on_the_days_beside_it(aws, instance, tmp_path):
    """Dagster derives the tags of a run of one partition. They tell what is out of date, so ours must be the same."""
    alone = run(instance, tmp_path / "alone", day=DAYS[0])
    among = run_days(instance, tmp_path / "among")
    for asset in (payments_parquet, s3_raw_payments):
        (one,), other = alone.asset_materializations_for_node(asset.op.name), materializations(among, asset)[KEYS[0]]
        unsent = {"upload_seconds", "bytes_per_second"}  # the second run found the same object there
        assert one.metadata.keys() - unsent == other.metadata.keys()
        assert one.tags.keys() == other.tags.keys()
        fixed = [tag for tag in one.tags if "pointer" not in tag and asset is payments_parquet]
        assert {tag: one.tags[tag] for tag in fixed} == {tag: other.tags[tag] for tag in fixed}


def test_a_run_over_one_day_alone_is_a_run_over_several(aws, instance, tmp_path):
    result = run_days(instance, tmp_path, days=DAYS[:1])
    assert result.success
    assert evaluations(result) == {KEYS[0]: dict.fromkeys([*CLAIMS, "object_is_local_file"], True)}


def test_the_world_and_the_labels_of_several_days_are_on_their_days(aws, instance, tmp_path):
    result = run_days(instance, tmp_path, EVERY, days=DAYS[:2], profile="realistic", customers=2_000, seed=3)
    assert result.success
    assert list(materializations(result, label_events)) == KEYS[:2]
    tables = result.asset_materializations_for_node(world_tables.op.name)
    assert sorted((each.asset_key.to_user_string(), str(each.partition)) for each in tables) == [
        (table, key) for table in ("cards", "customers", "merchants") for key in KEYS[:2]
    ]


def test_a_day_that_cannot_be_made_spoils_no_other_and_is_named(aws, instance, tmp_path):
    theirs = somebody_elses(tmp_path, DAYS[1])
    result = run_days(instance, tmp_path, EVERY)
    assert not result.success
    assert list(materializations(result, payments_parquet)) == [KEYS[0], KEYS[2]]
    assert list(materializations(result, s3_raw_payments)) == [KEYS[0], KEYS[2]]
    assert list(evaluations(result)) == [KEYS[0], KEYS[2]]
    assert len(object_keys()) == 2
    # The steps that nothing waits for say it; those before them have carried on.
    assert len(errors(result)) == 3
    (said,) = set(errors(result))
    assert said.startswith(f"1 of 3 days failed. {KEYS[1]}: {theirs} has the name of a file of {KEYS[1]}")
    assert said.endswith("Materialize the failed partitions again; the other days are done.")


def test_the_run_fails_too_where_nothing_follows_the_day_that_cannot_be_made(instance, tmp_path):
    somebody_elses(tmp_path, DAYS[0])
    result = run_days(instance, tmp_path, LOCAL)
    assert not result.success
    assert list(evaluations(result)) == KEYS[1:]
    assert [said[:20] for said in errors(result)] == ["1 of 3 days failed. "]


def test_days_that_fail_alike_are_told_of_once(instance, tmp_path):
    (tmp_path / "out").write_text("a file in the place of the folder")
    result = run_days(instance, tmp_path / "out", LOCAL)
    (said,) = errors(result)
    assert said.startswith(f"3 of 3 days failed. {', '.join(KEYS)}: Cannot ")
    assert not result.get_asset_check_evaluations()[1:]  # only that of the contract


class OneDayDamaged(OutputFolder):
    """A folder that turns one day's file into a bad one between the run's steps."""

    bad: str

    def place(self, *arguments: Any) -> Place:
        for finished in Path(self.path).glob(Path(self.bad).name):
            finished.write_bytes(Path(self.bad).read_bytes())
        return super().place(*arguments)


def test_a_day_with_a_broken_claim_is_red_and_stays_here_while_the_others_land(aws, instance, tmp_path, schema):
    (tmp_path / "bad").mkdir()
    damaged = OneDayDamaged(path=str(tmp_path / "out"), bad=str(write_bad_day(schema, tmp_path / "bad")))
    definitions = dg.Definitions(
        assets=defs.assets,
        asset_checks=defs.asset_checks,
        jobs=defs.jobs,
        resources={**(defs.resources or {}), "output_folder": damaged},
    )
    result = run_days(instance, None, definitions=definitions, fraud_rate=0.5)
    assert not result.success
    found = evaluations(result)
    assert [name for name, passed in found[KEYS[1]].items() if not passed] == ["fraud_proportion_within_bounds"]
    assert "object_is_local_file" not in found[KEYS[1]]
    assert all(all(found[key].values()) and len(found[key]) == len(CLAIMS) + 1 for key in (KEYS[0], KEYS[2]))
    assert object_keys() == [object_key(file_name(2_000, day), day) for day in (DAYS[0], DAYS[2])]
    (said,) = errors(result)
    assert said.startswith(f"1 of 3 days failed. {KEYS[1]}: 1 of 11 checks failed. fraud_proportion_within_bounds: ")


def test_running_it_again_makes_what_is_missing_and_nothing_else(aws, instance, tmp_path):
    theirs = somebody_elses(tmp_path, DAYS[1])
    first = run_days(instance, tmp_path)
    theirs.unlink()
    whole = written(tmp_path)
    again = run_days(instance, tmp_path)
    assert again.success
    made = materializations(again, payments_parquet)
    assert (list(made), sorted(written(tmp_path))) == (KEYS, [file_name(2_000, day) for day in DAYS])
    assert {name: written(tmp_path)[name] for name in whole} == whole
    # What is kept is described like what is made, but for the time that it did not take.
    kept, earlier = made[KEYS[0]], materializations(first, payments_parquet)[KEYS[0]]
    timed = ("engine", "seconds", "rows_per_second")
    assert kept.metadata == {name: value for name, value in earlier.metadata.items() if name not in timed}
    assert "seconds" in made[KEYS[1]].metadata
    sent = {key: each.metadata["sent"].value for key, each in materializations(again, s3_raw_payments).items()}
    assert sent == {KEYS[0]: False, KEYS[1]: True, KEYS[2]: False}


@pytest.mark.parametrize(
    ("change", "remade"),
    [({"seed": 7}, 2), ({"make_again": True}, 2), ({}, 0), ({"chunk_size": 1_000}, 2)],
)
def test_a_whole_day_is_made_again_where_its_inputs_changed_or_where_it_is_asked_for(
    change, remade, instance, tmp_path
):
    run_days(instance, tmp_path, LOCAL, days=DAYS[:2])
    before = written(tmp_path)
    assert run_days(instance, tmp_path, LOCAL, days=DAYS[:2], **change).success
    assert sum(before[name] != time for name, time in written(tmp_path).items()) == remade


def test_a_day_whose_file_is_damaged_is_made_again(instance, tmp_path):
    run_days(instance, tmp_path, LOCAL, days=DAYS[:2])
    damaged = tmp_path / file_name(2_000, DAYS[0])
    content = damaged.read_bytes()
    damaged.write_bytes(content[:1_000] + b"damaged" + content[1_007:])
    assert run_days(instance, tmp_path, LOCAL, days=DAYS[:2]).success
    assert damaged.read_bytes() == content


def test_a_run_of_one_partition_makes_the_day_again_unless_it_is_told_not_to(instance, tmp_path):
    run(instance, tmp_path, LOCAL)
    first = written(tmp_path)
    run(instance, tmp_path, LOCAL, make_again=False)
    assert written(tmp_path) == first
    run(instance, tmp_path, LOCAL)
    assert written(tmp_path) != first


KILLED = """
import dagster as dg
from pathlib import Path
from tests.test_days import DAYS, LOCAL, run_days
with dg.DagsterInstance.ephemeral() as instance:
    run_days(instance, Path("out"), LOCAL, rows=200_000)
"""


def test_a_killed_run_leaves_whole_days_and_the_next_run_goes_on_with_the_others(instance, tmp_path, schema):
    first, *others = (tmp_path / "out" / file_name(200_000, day) for day in DAYS)
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
    with subprocess.Popen([sys.executable, "-c", KILLED], cwd=tmp_path, env=environment, stderr=subprocess.PIPE) as run:
        for line in run.stderr:  # until the second day is under way
            if b"200,000 rows, " in line and str(first.name).encode() in line:
                break
        run.kill()
        run.stderr.read()
    assert [claim.name for claim in judge_file(schema, first) if claim.broken] == []
    assert not others[-1].exists()
    before = first.stat().st_ctime_ns
    assert run_days(instance, tmp_path / "out", LOCAL, rows=200_000).success
    assert first.stat().st_ctime_ns == before
    assert sorted((tmp_path / "out").glob("*.parquet")) == [first, *others]
    assert not [*(tmp_path / "out").glob(".*partial*")]


def test_a_schema_change_between_two_runs_makes_every_day_again(instance, tmp_path, schema):
    changed = tmp_path / "changed.yaml"
    changed.write_text(SCHEMA_FILE.read_text().replace("'1.0.0'", "'1.0.1'"))
    run_days(instance, tmp_path, LOCAL)
    before = written(tmp_path)
    assert run_days(instance, tmp_path, LOCAL, contract=changed).success
    assert all(time != before[name] for name, time in written(tmp_path).items())


def test_a_failing_day_asks_for_no_upload_and_each_of_the_others_for_one(instance, tmp_path):
    def requested(cursor):
        return dg.evaluate_automation_conditions(defs=defs, instance=instance, cursor=cursor)

    start = requested(None)
    somebody_elses(tmp_path, DAYS[1])
    assert not run_days(instance, tmp_path, LOCAL).success
    found = requested(start.cursor)
    assert found.get_requested_partitions(s3_raw_payments.key) == {KEYS[0], KEYS[2]}
    assert requested(found.cursor).total_requested == 0


def test_processes_that_die_fail_their_day_alone_and_say_so():
    """The options lack what a day needs, so every process ends with a traceback."""
    task = {"config": {}, "options": {"out": ".", "schema": None}}
    died = [f"the process that made {key} ended with exit code 1" for key in KEYS]
    assert list(side_by_side(KEYS, task, 2)) == died
