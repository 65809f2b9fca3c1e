"""The project's dagster.yaml at work: `dagster dev` with more runs than its pools hold, killed ones among them."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import os
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from synth_assets.storage.folder import lock_day
from tests.conftest import (
    BIN,
    DAY,
    DagsterUi,
    dagster_home,
    dagster_ui,
    environment_for,
    running,
    wait_for,
)

DAYS = ["2026-01-01", "2026-01-02", "2026-01-03"]
KILLED = DAYS[0]

LAUNCH = """
mutation ($day: String!, $config: RunConfigData!) {
  launchRun(executionParams: {
    selector: {
      repositoryLocationName: "synth_assets" repositoryName: "__repository__" jobName: "daily_payments"
      assetSelection: [{path: ["transaction_schema"]}, {path: ["payments_parquet"]}]
    }
    runConfigData: $config
    executionMetadata: {tags: [{key: "dagster/partition" value: $day}]}
  }) { __typename ... on PythonError { message } }
}
"""
ENDS = {dg.DagsterEventType.RUN_SUCCESS, dg.DagsterEventType.RUN_FAILURE}
EVERY_SECOND = {"DAGSTER_EVENT_LOG_CONSUMER_DAEMON_INTERVAL_SECONDS": "1"}
"""Dagster's own setting of how often its daemon looks for killed runs to start once more."""


@dataclass(frozen=True)
class Day:
    """What became of a plant of four runs, two of which were killed."""

    records: dict[str, list[dg.RunRecord]]
    """By the day that they made, oldest first."""
    logs: dict[str, str]
    spans: list[tuple[float, float]]
    """Seconds since the epoch at which each run of DAYS started, and at which it was known to have ended."""


def run_config(folder: Path) -> dict[str, Any]:
    return {
        "ops": {"payments_parquet": {"config": {"rows": 300_000}}},
        "resources": {"output_folder": {"config": {"path": str(folder)}}},
    }


def killed_command(folder: Path, home: Path) -> None:
    """A run whose process and command are gone in the midst of it: its history says that it is running."""
    config = folder.parent / "config.json"
    config.write_text(json.dumps(run_config(folder)))
    # The tag ends it after a second; the project's own limit is hours.
    tags = json.dumps({"dagster/partition": str(DAY), "dagster/max_runtime": "1"})
    command = [BIN / "dagster", "job", "execute", "-m", "synth_assets.definitions", "-j", "daily_payments"]
    log = folder.parent / "command.log"
    # The day is held, so that the run stands in its midst.
    with (
        lock_day(folder, DAY),
        running([*command, "--config", config, "--tags", tags], environment_for(home), log) as run,
    ):
        wait_for("the command to begin the day", lambda: "payments_parquet - STEP_START" in log.read_text(), run)
        run.process.kill()


def begins_its_day(instance: dg.DagsterInstance, partition: str) -> bool:
    """Whether a run of the partition has begun to make its day."""
    return any(
        event.step_key == "payments_parquet"
        for run in instance.get_runs(dg.RunsFilter(tags={"dagster/partition": partition}))
        for event in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_START)
    )


def span(instance: dg.DagsterInstance, run_id: str) -> tuple[float, float]:
    """From the log: a record's end time is that of the last report, and two monitors may report one death."""
    (start,) = instance.all_logs(run_id, of_type=dg.DagsterEventType.RUN_START)
    return start.timestamp, min(each.timestamp for each in instance.all_logs(run_id, of_type=ENDS))


def end_process_of(instance: dg.DagsterInstance, run_id: str) -> None:
    for entry in instance.all_logs(run_id):
        if found := re.search(r"Started process for run \(pid: (\d+)\)", entry.message):
            os.kill(int(found[1]), signal.SIGKILL)
            return
    pytest.fail("no process of the run")


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    folder = tmp_path_factory.mktemp("instance")
    home, outputs = dagster_home(folder / "home"), folder / "out"
    settings = home / "dagster.yaml"
    text = settings.read_text()
    for ours, quicker in {
        "default_limit: 2": "default_limit: 1",
        "poll_interval_seconds: 30": "poll_interval_seconds: 1",
    }.items():
        assert text.count(ours) == 1
        text = text.replace(ours, quicker)
    settings.write_text(text)
    killed_command(outputs, home)
    with (
        dagster_ui(folder, environment_for(home, **EVERY_SECOND)) as dev,
        dg.DagsterInstance.from_config(str(home)) as instance,
    ):
        yield lived(dev, instance, outputs)


def lived(dev: DagsterUi, instance: dg.DagsterInstance, outputs: Path) -> Day:
    wait_for("dagster dev", lambda: dev.query("{ version }"), dev)
    with lock_day(outputs, dt.date.fromisoformat(KILLED)):
        for each in DAYS:
            launched = dev.query(LAUNCH, day=each, config=run_config(outputs))["launchRun"]
            assert launched["__typename"] == "LaunchRunSuccess", launched
            # A pool holds from the second look at the queue on: the first one makes it known.
            wait_for("the first run to begin its day", lambda: begins_its_day(instance, KILLED), dev)
        (first,) = instance.get_runs(dg.RunsFilter(tags={"dagster/partition": KILLED}))
        end_process_of(instance, first.run_id)

    def all_records() -> list[dg.RunRecord]:
        found = instance.get_run_records(ascending=True)
        ended = all(record.dagster_run.is_finished for record in found)
        return list(found) if ended and len(found) == len(DAYS) + 2 else []

    records = wait_for("the end of all runs", all_records, dev)

    return Day(
        records={
            key: [record for record in records if record.dagster_run.tags["dagster/partition"] == key]
            for key in [*DAYS, str(DAY)]
        },
        logs={
            record.dagster_run.run_id: "\n".join(
                entry.message for entry in instance.all_logs(record.dagster_run.run_id)
            )
            for record in records
        },
        spans=sorted(
            span(instance, record.dagster_run.run_id)
            for record in records
            if record.dagster_run.tags["dagster/partition"] in DAYS
        ),
    )


def test_no_more_runs_generate_at_once_than_the_pool_holds(day):
    assert len(day.spans) == len(DAYS) + 1
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(day.spans))


def test_a_run_whose_process_is_killed_fails_and_is_started_once_more(day):
    killed, again = day.records[KILLED]
    assert killed.dagster_run.status == dg.DagsterRunStatus.FAILURE
    assert "was terminated by signal 9 (SIGKILL)" in day.logs[killed.dagster_run.run_id]
    assert again.dagster_run.is_success
    assert again.dagster_run.parent_run_id == killed.dagster_run.run_id
    assert all(len(day.records[key]) == 1 and day.records[key][0].dagster_run.is_success for key in DAYS[1:])


def test_a_run_whose_command_is_gone_is_ended_by_the_monitor(day):
    (lost,) = day.records[str(DAY)]
    assert lost.dagster_run.status == dg.DagsterRunStatus.FAILURE
    assert "exceeding maximum runtime" in day.logs[lost.dagster_run.run_id]
