"""The whole command with all checks and the upload, beside the engine and the same command over empty assets."""

from __future__ import annotations

import datetime as dt
import json
import time
from functools import partial
from pathlib import Path

import boto3
import dagster as dg

from benchmarks import day
from benchmarks.code_locations import CodeLocation, empty_location, project_location
from benchmarks.fresh import BIN, Figures, fresh, in_turns, timed
from benchmarks.report import goal, middle, spread, table
from synth_assets.day import object_metadata
from synth_assets.storage.aws import AwsConnection
from synth_assets.storage.bucket import Bucket
from synth_assets.storage.day_file import DayFile
from synth_assets.storage.layout import file_name, object_key
from synth_assets.storage.loopback import BUCKET, loopback_aws
from synth_assets.storage.s3 import upload_day
from synth_assets.workers import default_workers

ASSETS = ("transaction_schema", "payments_parquet", "s3_raw_payments", "label_events", "incidents", "world_tables")
"""Their steps; every other step is of checks."""

EMPTY = "the same command, empty assets"


def report(folder: Path, rows: int, rounds: int, days: int) -> str:
    rows //= 2
    workers = fresh(default_workers)
    with loopback_aws(folder / "aws") as aws:
        project, empty = project_location(folder, rows, aws.environment), empty_location(folder)

        def upload(how: str, number: int) -> Figures:
            made = folder / "project" / "outputs" / file_name(rows, partition(number))
            return fresh(send, project.environment, how=how, path=made, partition=partition(number))

        # The first run of each sets up its history.
        in_turns("command, warm-up", 1, {"project": lambda _: materialize(project, -1)})
        in_turns("command, warm-up", 1, {"empty assets": lambda _: materialize(empty, -1)})
        found = in_turns(
            "command",
            rounds,
            {
                "whole command": partial(materialize, project),
                "engine alone": lambda _: fresh(
                    day.engine, path=folder / "payments.parquet", rows=rows, workers=workers
                ),
                EMPTY: partial(materialize, empty),
                "landing": partial(upload, "upload_day"),
                "plain upload_file": partial(upload, "upload_file"),
            },
        )
    seconds = {name: middle(each) for name, each in found.items()}
    steps = [each["steps"] for each in found["whole command"]]
    checks = [{"seconds": sum(took for name, took in each.items() if name not in ASSETS)} for each in steps]
    fixed = (seconds["whole command"] - seconds["engine alone"]) / seconds[EMPTY]
    whole, engine, empty = (middle(found[name], "processor") for name in ("whole command", "engine alone", EMPTY))
    beside, peak = (whole - empty) / engine, middle(found["whole command"], "peak")
    speed = seconds["plain upload_file"] / seconds["landing"]
    share = middle(checks) / middle(steps, "payments_parquet")
    notes = {
        "whole command": [
            f"engine + {fixed:.2f}× empty; of processor time, empty + {beside:.2f}× engine",
            "; ".join(
                [
                    goal("at most engine + 1.6× empty", fixed <= 1.6),
                    goal("of processor time, at most empty + 2.3× engine", beside <= 2.3),
                    goal("at most 420 MB", peak <= 420e6),
                ]
            ),
        ],
        "landing": [f"{speed:.0%} of plain upload_file's speed", goal("at least 90 %", speed >= 0.9)],
    }
    body = [
        *(
            [name, f"{seconds[name]:.2f}", spread(each), *_used(each), *notes.get(name, ["", ""])]
            for name, each in found.items()
        ),
        *([f"step {name}", f"{middle(steps, name):.2f}", spread(steps, name), "", "", "", ""] for name in steps[0]),
        [
            "all check steps",
            f"{middle(checks):.2f}",
            spread(checks),
            "",
            "",
            f"{share:.0%} of step payments_parquet",
            goal("at most half of it", share <= 0.5),
        ],
    ]
    return f"""## The whole command, {rows:,} rows

{table(["what", "median s", "min–max s", "processor s", "peak MB", "ratio", "goal"], body)}

`dagster asset materialize --select '*' --partition D` with all 13 checks and the upload to SeaweedFS on
loopback; then the same over three empty assets with as many checks, same executor and partitions. The engine's time is
taken after its imports, its memory with them. Steps: of the whole
command's runs, by their event log. Landing: what the upload adds to upload_file (it looks first, verifies afterwards
and removes older objects), with the same checksum, which is at hand in both."""


def _used(figures: list[Figures]) -> list[str]:
    if "processor" not in figures[0]:
        return ["", ""]
    return [f"{middle(figures, 'processor'):.1f}", f"{middle(figures, 'peak') / 1e6:.0f}"]


def partition(number: int) -> dt.date:
    return day.DAY + dt.timedelta(days=number)


def materialize(location: CodeLocation, number: int) -> Figures:
    """A day of the location by Dagster's own command: its wall, and its steps' by the event log."""
    config = json.dumps(location.run_config)
    command = [str(BIN / "dagster"), "asset", "materialize", "-m", location.module, "--select", "*"]
    command += ["--partition", str(partition(number)), "--config-json", config]
    figures: Figures = fresh(timed, location.environment, command=command)
    with dg.DagsterInstance.from_config(str(location.home)) as instance:
        (last,) = instance.get_runs(limit=1)
        steps = instance.get_run_step_stats(last.run_id)
    # In the order of their execution.
    times = sorted((step.start_time or 0.0, step.end_time or 0.0, step.step_key) for step in steps)
    return figures | {"steps": {name: end - start for start, end, name in times}}


def send(how: str, path: str, partition: str) -> Figures:
    """Send a file that is not there yet, as the asset does or by upload_file alone, with the checksum at hand."""
    date = dt.date.fromisoformat(partition)
    file = DayFile.at(Path(path))
    crc32, metadata = file.checksums.crc32, object_metadata(file)
    client = boto3.client("s3")
    key = object_key(file.path.name, date)
    client.delete_object(Bucket=BUCKET, Key=key)
    started = time.perf_counter()
    if how == "upload_day":
        upload_day(Bucket(AwsConnection(), BUCKET), file, metadata)
    else:
        client.upload_file(path, BUCKET, key, ExtraArgs={"ChecksumCRC32": crc32, "Metadata": metadata})
    return {"seconds": time.perf_counter() - started}
