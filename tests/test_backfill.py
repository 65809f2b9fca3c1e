"""Backfills of some days, asked for by GraphQL and carried out by `dagster dev`, as from the UI."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from playwright.sync_api import expect

from synth_assets.definitions import defs
from synth_assets.generator.claims import CLAIMS
from synth_assets.generator.schema import TransactionSchema
from synth_assets.jobs import SCHEDULES
from synth_assets.storage.day_file import open_parquet
from synth_assets.storage.layout import file_name, incidents_name, label_events_name, object_key
from synth_assets.storage.loopback import LoopbackAws
from tests.conftest import (
    BIN,
    HANG_SECONDS,
    PROJECT_ROOT,
    SCHEMA_FILE,
    Server,
    dagster_home,
    dagster_ui,
    empty_bucket,
    environment_for,
    make_plan,
    object_keys,
    wait_for,
    write_day,
)
from tests.test_browser import browser, new_page

__all__ = ["browser"]  # a fixture

DAYS = [dt.date(2024, 2, 27) + dt.timedelta(days=number) for number in range(5)]  # 27 February to 2 March
PARTITIONS = [day.isoformat() for day in DAYS]
WHOLE_DAYS = ["2024-03-10", "2024-03-11"]
"""Uniform days for which all assets are asked for, those of the realistic world too."""
BAD_DAYS = ["2024-04-01", "2024-04-02", "2024-04-03"]
"""The second of them cannot be made: a file that is not ours is in its place."""
JOB_DAYS = ["2024-05-01", "2024-05-02"]
"""Realistic days that a backfill of the job daily_payments makes."""
KILLED_DAYS = ["2024-06-01", "2024-06-02", "2024-06-03"]
"""The process of their run is killed once the first of them is there."""
CHANGED_DAYS = ["2024-07-01", "2024-07-02"]
"""Both are there before: the first under another contract than the backfill's, the second under the same."""
BACKFILLS = ["good", "whole", "bad", "job", "killed", "changed", "wrong"]
DAYS_A_RUN, RUNS = 3, 2
KILLED_ROWS = 150_000
SETTINGS = {"rows": 2_000, "fraud_rate": 0.2, "null_mcc_rate": 0.5, "seed": 7}
CHECKS = {**dict.fromkeys(CLAIMS, "payments_parquet"), "object_is_local_file": "s3_raw_payments"}

LAUNCH_ALL = (
    "mutation ("
    + ", ".join(f"${name}: LaunchBackfillParams!" for name in BACKFILLS)
    + ") {"
    + " ".join(
        f"{name}: launchPartitionBackfill(backfillParams: ${name}) {{ ... on LaunchBackfillSuccess {{ backfillId }} }}"
        for name in BACKFILLS
    )
    + "}"
)
STATE = (
    "query ("
    + ", ".join(f"${name}: String!" for name in BACKFILLS)
    + ") {"
    + " ".join(f"{name}: partitionBackfillOrError(backfillId: ${name}) {{ ...state }}" for name in BACKFILLS)
    + "} fragment state on PartitionBackfill { status error { message } runs(limit: 100) { status } }"
)
CHECK = """
query ($asset: AssetKeyInput!, $check: String!) {
  assetCheckExecutions(assetKey: $asset, checkName: $check, limit: 100) { partition status runId }
}
"""
PARTITION_STATUSES = """
query ($asset: AssetKeyInput!) {
  assetNodeOrError(assetKey: $asset) { ... on AssetNode { assetChecksOrError { ... on AssetChecks { checks {
    name
    partitionStatuses { ... on AssetCheckTimePartitionStatuses { ranges { startKey endKey status } } }
  } } } } }
}
"""
LOCATIONS = """{
  repositoriesOrError { ... on RepositoryConnection { nodes {
    location { name }
    schedules { scheduleState { status } }
    sensors { sensorState { status } }
  } } }
}"""
JOB_CONFIG = """
query ($repository: RepositorySelector!, $set: String!, $day: String!) {
  partitionSetOrError(repositorySelector: $repository, partitionSetName: $set) { ... on PartitionSet {
    partition(partitionName: $day) { runConfigOrError { ... on PartitionRunConfig { yaml } } }
  } }
}
"""
LAUNCH_VERIFY = """
mutation ($selector: JobOrPipelineSelector!, $config: RunConfigData!, $day: String!) {
  launchRun(executionParams: {
    selector: $selector runConfigData: $config
    executionMetadata: {tags: [{key: "dagster/partition" value: $day}]}
  }) { __typename ... on PythonError { message } }
}
"""
REPOSITORY = {"repositoryLocationName": "synth_assets", "repositoryName": "__repository__"}


@dataclass(frozen=True)
class Plant:
    """A running `dagster dev` after its backfills have come to their end."""

    home: Path
    outputs: Path
    url: str
    query: Callable[..., Any]
    ids: dict[str, str]
    state: dict[str, Any]
    objects: list[str]
    made: dict[str, int]
    """By path, when the days were written that were there before their run."""


@pytest.fixture(scope="module")
def plant(loopback: LoopbackAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    folder = tmp_path_factory.mktemp("backfill")
    home, outputs = dagster_home(folder / "home"), folder / "out"
    settings = folder / "settings.yaml"
    settings.write_text("realistic: {rows: 5000}")
    environment = environment_for(home, **loopback.environment, SYNTH_ASSETS_SETTINGS=str(settings))
    environment["SYNTH_ASSETS_DAYS_A_RUN"] = str(DAYS_A_RUN)
    # The daemon looks for backfills every 30 s, first at its start: so they are asked for before it.
    ids = launch_all(outputs, environment)
    made = {str(path): path.stat().st_ctime_ns for path in folder.glob("changed/*.parquet")}
    with empty_bucket(loopback) as s3, dagster_ui(folder, environment) as dev:
        first = folder / "killed" / file_name(KILLED_ROWS, dt.date.fromisoformat(KILLED_DAYS[0]))
        made[str(first)] = kill_run(home, ids["killed"], first, dev)
        state = wait_for("the end of the backfills", lambda: ended(dev.query(STATE, **ids)), dev)
        yield Plant(home, outputs, dev.url, dev.query, ids, state, object_keys(s3), made)


def kill_run(home: Path, backfill: str, first: Path, dev: Server) -> int:
    """Kill the process of the backfill's run once its first day is there; when that was written."""
    wait_for("the first day of the run that is to be killed", first.exists, dev)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        (run,) = instance.get_runs(dg.RunsFilter(tags={"dagster/backfill": backfill}))
        starts = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.STEP_START).records
    os.kill(starts[0].event_log_entry.dagster_event.pid, signal.SIGKILL)
    return first.stat().st_ctime_ns


def launch_all(outputs: Path, environment: dict[str, str]) -> dict[str, str]:
    """Ask for five days with other than the default rates, for two days of all assets, and with a wrong setting."""
    daily = ["payments_parquet", "s3_raw_payments"]
    every = ["transaction_schema", *daily, "customers", "cards", "merchants", "label_events", "incidents"]

    def asked(settings: dict[str, Any], assets: list[str], days: list[str], folder: Path = outputs) -> dict[str, Any]:
        return {
            "assetSelection": [{"path": [asset]} for asset in assets],
            "partitionNames": days,
            "runConfigData": {
                "ops": {"payments_parquet": {"config": settings}},
                "resources": {"output_folder": {"config": {"path": str(folder)}}},
            },
        }

    theirs = outputs.with_name("bad") / file_name(7, dt.date.fromisoformat(BAD_DAYS[1]))
    variables = {
        "good": asked(SETTINGS, daily, PARTITIONS),
        "whole": asked({"rows": 1_000}, every, WHOLE_DAYS, outputs.with_name("whole")),
        "bad": asked({"rows": 1_000}, daily, BAD_DAYS, theirs.parent),
        "job": {
            "selector": {"partitionSetName": "daily_payments_partition_set", "repositorySelector": REPOSITORY},
            "partitionNames": JOB_DAYS,
            "runConfigData": asked({"rows": 1_000, "profile": "realistic"}, [], [], outputs.with_name("job"))[
                "runConfigData"
            ],
        },
        "killed": asked({"rows": KILLED_ROWS}, daily, KILLED_DAYS, outputs.with_name("killed")),
        "changed": asked({"rows": 1_000}, daily, CHANGED_DAYS, outputs.with_name("changed")),
        "wrong": asked({"rowz": 2_000}, daily, PARTITIONS),
    }
    changed = write_under_two_contracts(outputs.with_name("changed"))
    variables["changed"]["runConfigData"]["resources"]["contract"] = {"config": {"path": str(changed)}}
    theirs.parent.mkdir()
    theirs.write_text("not ours")
    answer = outputs.parent / "launched.json"
    command = [BIN / "dagster-graphql", "-t", LAUNCH_ALL, "-v", json.dumps(variables), "-o", answer]
    subprocess.run(command, cwd=PROJECT_ROOT, env=environment, check=True, capture_output=True, timeout=HANG_SECONDS)
    return {name: launched["backfillId"] for name, launched in json.loads(answer.read_text())["data"].items()}


def write_under_two_contracts(folder: Path) -> Path:
    """Write `CHANGED_DAYS`, the first under the project's contract and the second under a new one; where that is."""
    folder.mkdir()
    contract = folder / "contract.yaml"
    contract.write_text(SCHEMA_FILE.read_text().replace("'1.0.0'", "'1.0.1'"))
    for day, path in zip(CHANGED_DAYS, [SCHEMA_FILE, contract], strict=True):
        schema = TransactionSchema.parse(path.read_text(), source=str(path))
        write_day(folder, schema, make_plan(day=dt.date.fromisoformat(day)))
    return contract


def ended(state: dict[str, Any]) -> dict[str, Any] | None:
    """The backfills' state, once the runs of the first have ended, and the others are over or have failed."""
    statuses = [run["status"] for run in state["good"]["runs"]]
    finished = sum(status in {"SUCCESS", "FAILURE", "CANCELED"} for status in statuses)
    requested = [name for name in BACKFILLS[1:] if state[name]["status"] == "REQUESTED"]
    return state if (finished == RUNS or state["good"]["error"]) and not requested else None


def test_a_backfill_is_one_successful_run_for_several_days(plant):
    assert plant.state["good"]["error"] is None
    with dg.DagsterInstance.from_config(str(plant.home)) as instance:
        runs = instance.get_runs(dg.RunsFilter(tags={"dagster/backfill": plant.ids["good"]}))
    ranges = [[run.tags[f"dagster/asset_partition_range_{end}"] for end in ("start", "end")] for run in runs]
    assert sorted(ranges) == [[PARTITIONS[0], PARTITIONS[2]], [PARTITIONS[3], PARTITIONS[4]]]
    assert all(run.is_success for run in runs)


def test_a_day_that_fails_in_the_backfill_is_red_alone_and_the_others_have_landed(plant):
    assert plant.state["bad"]["status"] == "COMPLETED_FAILED"
    assert [run["status"] for run in plant.state["bad"]["runs"]] == ["FAILURE"]
    landed = {key.rpartition("_")[2] for key in plant.objects}
    assert [f"{day}.parquet" in landed for day in BAD_DAYS] == [True, False, True]


def test_a_run_whose_process_is_killed_is_started_again_and_makes_what_is_missing(plant):
    killed = plant.state["killed"]
    assert sorted(run["status"] for run in killed["runs"]) == ["FAILURE", "SUCCESS"]
    assert killed["status"] == "COMPLETED_SUCCESS"
    folder = plant.outputs.with_name("killed")
    names = [file_name(KILLED_ROWS, dt.date.fromisoformat(day)) for day in KILLED_DAYS]
    assert sorted(path.name for path in folder.glob("*.parquet")) == names
    assert (folder / names[0]).stat().st_ctime_ns == plant.made[str(folder / names[0])]
    landed = [key.rpartition("/")[2] for key in plant.objects]
    assert [name for name in landed if name in names] == names


def test_a_backfill_under_a_changed_contract_makes_again_what_another_contract_has_made(plant):
    assert plant.state["changed"]["status"] == "COMPLETED_SUCCESS"
    made_again = {}
    for path in plant.outputs.with_name("changed").glob("*.parquet"):
        with open_parquet(path) as file:
            assert json.loads(file.provenance)["schema"]["version"] == "1.0.1"
        made_again[path.stem[-10:]] = path.stat().st_ctime_ns != plant.made[str(path)]
    assert made_again == {CHANGED_DAYS[0]: True, CHANGED_DAYS[1]: False}


def test_the_ui_is_told_of_each_day_what_its_check_found(plant):
    """What the Partitions tab of a check asks for: a range that has passed, and one over a day that failed."""
    for asset in ("payments_parquet", "s3_raw_payments"):
        node = plant.query(PARTITION_STATUSES, asset={"path": [asset]})["assetNodeOrError"]
        for check in node["assetChecksOrError"]["checks"]:
            ranges = [
                (each["startKey"], each["endKey"], each["status"]) for each in check["partitionStatuses"]["ranges"]
            ]
            found = [each for each in ranges if each[0] <= BAD_DAYS[-1]]
            assert found == [
                (PARTITIONS[0], PARTITIONS[-1], "SUCCEEDED"),
                (WHOLE_DAYS[0], WHOLE_DAYS[-1], "SUCCEEDED"),
                (BAD_DAYS[0], BAD_DAYS[0], "SUCCEEDED"),
                (BAD_DAYS[1], BAD_DAYS[1], "EXECUTION_FAILED"),
                (BAD_DAYS[2], BAD_DAYS[2], "SUCCEEDED"),
            ], check["name"]


def test_a_checks_page_shows_the_days_of_a_run_and_which_of_them_failed(plant, browser):
    page = new_page(browser)
    page.goto(f"{plant.url}/assets/payments_parquet?view=checks&checkDetail=file_is_whole")
    page.get_by_role("tab", name="Partitions").nth(1).click()  # the first is the asset's
    expect(
        page.get_by_text(f"Passed ({len([*DAYS, *WHOLE_DAYS, *BAD_DAYS, *JOB_DAYS, *KILLED_DAYS, *CHANGED_DAYS]) - 1})")
    ).to_be_visible()
    expect(page.get_by_text("Execution Failed (1)")).to_be_visible()
    page.get_by_placeholder("Filter by partition").fill(BAD_DAYS[2])
    page.get_by_text(BAD_DAYS[2], exact=True).first.click()
    expect(page.get_by_text("1,000 of 1,000 rows read")).to_be_visible()
    expect(page.get_by_text("Target materialization")).to_be_visible()


def test_a_backfill_of_a_job_makes_several_days_in_a_run_too(plant):
    assert plant.state["job"]["error"] is None
    assert [run["status"] for run in plant.state["job"]["runs"]] == ["SUCCESS"]
    made = sorted(path.name for path in plant.outputs.with_name("job").glob("*.parquet"))
    days = [dt.date.fromisoformat(day) for day in JOB_DAYS]
    assert made == sorted(
        name for day in days for name in (file_name(1_000, day), label_events_name(day), incidents_name(day))
    )


def test_each_partition_has_a_materialization_of_its_own_with_its_own_metadata(plant):
    with dg.DagsterInstance.from_config(str(plant.home)) as instance:
        for asset, entry, ending in [
            ("payments_parquet", "path", lambda day: f"/out/{file_name(2_000, day)}"),
            ("s3_raw_payments", "dagster/uri", lambda day: f"/{object_key(file_name(2_000, day), day)}"),
        ]:
            days = dg.AssetRecordsFilter(dg.AssetKey(asset), asset_partitions=PARTITIONS)
            found = instance.fetch_materializations(days, limit=100).records
            made = {record.partition_key: record.asset_materialization.metadata for record in found}
            assert (len(found), sorted(made)) == (len(DAYS), PARTITIONS)
            for day in DAYS:
                assert made[str(day)][entry].value.endswith(ending(day))
                if asset == "payments_parquet":
                    assert made[str(day)]["dagster/row_count"].value == 2_000
                    assert made[str(day)]["plan"].value["day"] == str(day)


@pytest.mark.parametrize("check", CHECKS)
def test_each_check_has_passed_once_on_each_partition(check, plant):
    found = plant.query(CHECK, asset={"path": [CHECKS[check]]}, check=check)["assetCheckExecutions"]
    of_days = [each for each in found if each["partition"] in PARTITIONS]
    assert sorted((each["partition"], each["status"]) for each in of_days) == [(key, "SUCCEEDED") for key in PARTITIONS]
    assert len({each["runId"] for each in of_days}) == RUNS


def test_the_run_config_of_the_backfill_made_the_files(plant):
    assert sorted(path.name for path in plant.outputs.glob("payments*")) == [file_name(2_000, day) for day in DAYS]
    for day in DAYS:
        with open_parquet(plant.outputs / file_name(2_000, day)) as file:
            plan = json.loads(file.provenance)["plan"]
            assert {**plan, **SETTINGS, "day": str(day)} == plan
            assert 0.1 < file.parquet.read(["label_fraud"])["label_fraud"].to_numpy().mean() < 0.3


def test_each_day_of_the_backfill_has_landed_under_its_own_month(plant):
    others = [*WHOLE_DAYS, *BAD_DAYS, *JOB_DAYS, *KILLED_DAYS, *CHANGED_DAYS]
    objects = [key for key in plant.objects if not any(day in key for day in others)]
    assert objects == sorted(object_key(file_name(2_000, day), day) for day in DAYS)
    assert {key.split("/")[2] for key in objects} == {"month=02", "month=03"}


def test_a_backfill_of_all_assets_over_uniform_days_succeeds_and_writes_no_world(plant):
    whole = plant.state["whole"]
    assert (whole["status"], whole["error"]) == ("COMPLETED_SUCCESS", None)
    files = sorted(path.name for path in plant.outputs.with_name("whole").glob("*.parquet"))
    assert files == [f"payments_1000_{day}.parquet" for day in WHOLE_DAYS]
    assert [key for key in plant.objects if any(day in key for day in WHOLE_DAYS)] == [
        object_key(name, dt.date.fromisoformat(day)) for name, day in zip(files, WHOLE_DAYS, strict=True)
    ]


def test_a_day_is_judged_again_from_the_ui_and_the_results_are_on_its_partition(plant):
    day = WHOLE_DAYS[0]
    config = {"resources": {"output_folder": {"config": {"path": str(plant.outputs.with_name("whole"))}}}}
    selector = {**REPOSITORY, "jobName": "verify_day"}
    launched = plant.query(LAUNCH_VERIFY, selector=selector, config=config, day=day)["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched

    def results() -> dict[str, list[str]]:
        found = {
            check: plant.query(CHECK, asset={"path": [asset]}, check=check)["assetCheckExecutions"]
            for check, asset in CHECKS.items()
        }
        return {check: [each["status"] for each in of if each["partition"] == day] for check, of in found.items()}

    def judged_twice() -> dict[str, list[str]] | None:
        found = results()
        return found if all(len(of) == 2 and "IN_PROGRESS" not in of for of in found.values()) else None

    assert wait_for("the second verdict", judged_twice) == {check: ["SUCCEEDED", "SUCCEEDED"] for check in CHECKS}


def test_a_job_with_settings_is_prefilled_with_the_deployments(plant):
    answer = plant.query(JOB_CONFIG, repository=REPOSITORY, set="realistic_payments_partition_set", day=PARTITIONS[0])
    config = yaml.safe_load(answer["partitionSetOrError"]["partition"]["runConfigOrError"]["yaml"])
    settings = config["ops"]["payments_parquet"]["config"]
    assert (settings["profile"], settings["rows"], settings["customers"]) == ("realistic", 5_000, 600_000)


def test_a_backfill_with_a_wrong_run_config_says_so_and_starts_no_run(plant):
    wrong = plant.state["wrong"]
    assert wrong["status"] in {"FAILING", "FAILED"}
    assert 'unexpected config entry "rowz"' in wrong["error"]["message"]
    assert "null_mcc_rate" in wrong["error"]["message"]  # what it might have been
    assert wrong["runs"] == []


def test_the_project_is_one_location_and_its_schedules_and_sensors_are_stopped(plant):
    (location,) = plant.query(LOCATIONS)["repositoriesOrError"]["nodes"]
    assert location["location"]["name"] == "synth_assets"
    assert [each["scheduleState"]["status"] for each in location["schedules"]] == ["STOPPED"] * len(SCHEDULES)
    assert [each["sensorState"]["status"] for each in location["sensors"]] == ["STOPPED"] * 3


@pytest.mark.parametrize(("tick", "day"), [("2024-03-01T00:00", "2024-02-29"), ("2026-01-01T00:00", "2025-12-31")])
def test_a_tick_of_the_schedule_asks_for_the_day_before(tick, day):
    moment = dt.datetime.fromisoformat(tick).replace(tzinfo=dt.UTC)
    schedule = defs.resolve_schedule_def("daily_payments_schedule")
    ticked = schedule.evaluate_tick(dg.build_schedule_context(scheduled_execution_time=moment))
    assert [request.partition_key for request in ticked.run_requests] == [day]
