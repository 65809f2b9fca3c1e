"""A backfill through `dagster dev`, beside the same over empty assets, and with a run for each day."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import dagster as dg

from benchmarks import day, days_apart
from benchmarks.code_locations import CodeLocation, empty_location, project_location
from benchmarks.fresh import BIN, PROJECT_ROOT, Figures, run, say
from benchmarks.report import goal, table
from synth_assets.storage.loopback import loopback_aws

LAUNCH = """
mutation ($asked: LaunchBackfillParams!) {
  launched: launchPartitionBackfill(backfillParams: $asked) { ... on LaunchBackfillSuccess { backfillId } }
}
"""
SECONDS_A_DAY = 20


def report(folder: Path, rows: int, rounds: int, days: int) -> str:
    rows //= 20
    with loopback_aws(folder / "aws") as aws:
        day_a_run = {**aws.environment, "SYNTH_ASSETS_DAYS_A_RUN": "1"}
        found = {
            "a month a run": backfill(project_location(folder, rows, aws.environment), days),
            "the same over empty assets": backfill(empty_location(folder), days),
            "a day a run": backfill(project_location(folder, rows, day_a_run, "single"), days),
        }
        several, empty, single = found.values()
        apart = days_apart.measure(folder, rows, days, aws.environment)
    body = [
        [
            name,
            f"{each['seconds']:.1f}",
            f"{each['seconds'] / days:.2f}",
            f"{each['runs']}",
            f"{each['run']:.2f}",
            f"{each['history'] / days / 1e3:.0f}",
        ]
        for name, each in found.items()
    ]
    goals = [
        ("wall, against a day a run", several["seconds"] / single["seconds"], 0.5, "×"),
        ("wall, against empty assets", several["seconds"] / empty["seconds"], 2.5, "×"),
        ("history a day", several["history"] / days / 1e3, 120, " kB"),
        *apart,
    ]
    return f"""## Backfill of {days} days of {rows:,} payments

{table(["what", "wall s", "wall s a day", "runs", "mean run s", "kB of history a day"], body)}

{table(["measure", "found", "goal"], [_against(*each) for each in goals])}

Through the daemon of `dagster dev`, once each, from the first run's start to the last one's end; with all checks and
the upload."""


def _against(name: str, found: float, most: float, unit: str) -> list[str]:
    return [name, f"{found:.2f}{unit}", goal(f"at most {most:g}{unit}", found <= most)]


def backfill(location: CodeLocation, days: int) -> Figures:
    """Ask for the days, let `dagster dev` carry them out, and take the times from its history."""
    say(f"backfill: {location.module}, {days} days")
    # The daemon looks for backfills every 30 s, first at its start: so this one is asked for before it.
    asked = launch(location, days)
    history = kept(location)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = location.home / "dagster-dev.log"
    command = [str(BIN / "dagster"), "dev", "-m", location.module, "--host", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, cwd=PROJECT_ROOT, env=location.environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        runs = ended_runs(location, server, asked, days)
    finally:
        server.terminate()
        with suppress(subprocess.TimeoutExpired):
            server.wait(timeout=30)
        # It ends its servers by SIGINT, which what a shell has put into the background ignores.
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()
    if _days_of(runs) < days or any(record.dagster_run.status != dg.DagsterRunStatus.SUCCESS for record in runs):
        sys.exit(f"The backfill of {location.module} failed:\n{log.read_text()[-4_000:]}")
    times = [(record.start_time or 0.0, record.end_time or 0.0) for record in runs]
    return {
        "seconds": max(end for _, end in times) - min(start for start, _ in times),
        "run": sum(end - start for start, end in times) / len(times),
        "runs": len(times),
        "history": kept(location) - history,
    }


def _days_of(runs: list[dg.RunRecord]) -> int:
    """The days that the runs are of."""
    ends = [
        [record.dagster_run.tags[f"dagster/asset_partition_range_{end}"] for end in ("start", "end")] for record in runs
    ]
    return sum((dt.date.fromisoformat(last) - dt.date.fromisoformat(first)).days + 1 for first, last in ends)


def kept(location: CodeLocation) -> int:
    """Bytes of the location's history in SQLite and of what its runs have printed."""
    return sum(path.stat().st_size for path in (location.home / ".dagster").rglob("*") if path.is_file())


def launch(location: CodeLocation, days: int) -> str:
    """Ask for the backfill; its id."""
    asked = {
        "assetSelection": [{"path": [asset]} for asset in location.assets],
        "partitionNames": [str(day.DAY + dt.timedelta(days=number)) for number in range(days)],
        "runConfigData": location.run_config,
    }
    answer = location.home / "launched.json"
    command = [str(BIN / "dagster-graphql"), "-m", location.module, "-t", LAUNCH, "-v", json.dumps({"asked": asked})]
    run([*command, "-o", str(answer)], location.environment)
    return json.loads(answer.read_text())["data"]["launched"]["backfillId"]


def ended_runs(location: CodeLocation, server: subprocess.Popen[bytes], asked: str, days: int) -> list[dg.RunRecord]:
    """The backfill's ended runs: all of them, or those until the server or the time came to its end."""
    deadline = time.monotonic() + 60 + SECONDS_A_DAY * days
    ended: list[dg.RunRecord] = []
    with dg.DagsterInstance.from_config(str(location.home)) as instance:
        while _days_of(ended) < days and server.poll() is None and time.monotonic() < deadline:
            time.sleep(1)
            records = instance.get_run_records(dg.RunsFilter(tags={"dagster/backfill": asked}))
            ended = [record for record in records if record.dagster_run.is_finished]
    return ended
