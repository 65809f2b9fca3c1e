"""A run killed at any moment leaves nothing that looks finished and is not, and the next run makes it good."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from synth_assets.day import object_metadata
from synth_assets.storage.comparison import PART_BYTES
from synth_assets.storage.day_file import DayFile
from synth_assets.storage.layout import file_name, month_report_name, object_key, report_name
from synth_assets.storage.loopback import BUCKET
from tests.conftest import DAY, HANG_SECONDS, PROJECT_ROOT, judge_file, make_plan, object_keys, write_day

PARENT = """
import json, os, resource, signal, sys, threading
import dagster as dg
from synth_assets.definitions import defs
from synth_assets.resources import OutputFolder

FOLDER, DAY = sys.argv[1:]

def listen(deadly):
    seen, one = [], threading.Lock()

    def hook(event, args):
        in_folder = event in ("os.rename", "os.remove") and str(args[0]).startswith(FOLDER)
        if in_folder or event == "http.client.send":
            with one:
                seen.append(event)
                if len(seen) == deadly:
                    os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    return seen

def limit(bytes_):
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, bytes_))

def run():
    plant = dg.Definitions(
        assets=defs.assets, asset_checks=defs.asset_checks, jobs=defs.jobs,
        resources={**defs.resources, "output_folder": OutputFolder(path=FOLDER)},
    )
    with dg.DagsterInstance.ephemeral() as instance:
        result = plant.resolve_job_def("daily_payments").execute_in_process(
            run_config={"ops": {"payments_parquet": {"config": {"rows": 60_000, "chunk_size": 4_000}}}},
            partition_key=DAY, instance=instance, raise_on_error=False,
        )
        return result.success and all(each.passed for each in result.get_asset_check_evaluations())

for line in sys.stdin:
    moment = json.loads(line)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        seen = listen(moment.get("step"))
        if "bytes" in moment:
            limit(moment["bytes"])
        good = run()
        with open(writing, "w") as pipe:
            json.dump(seen, pipe)
        os._exit(0 if good else 1)
    os.close(writing)
    with open(reading) as pipe:
        seen = pipe.read()
    _, status = os.waitpid(child, 0)
    print(json.dumps([os.waitstatus_to_exitcode(status), json.loads(seen or "[]")]), flush=True)
"""
"""Imports everything once, and forks a run for every line that it is sent."""


class Runs:
    """Runs that replace the day of another run, one after the other, and end where they are told to."""

    def __init__(self, folder: Path) -> None:
        self.parent = subprocess.Popen(
            [sys.executable, "-c", PARENT, folder, str(DAY)],
            cwd=PROJECT_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    def __call__(self, **moment: int) -> tuple[int, list[str]]:
        """A run's exit code, and its steps: Python's audit events of files that it renamed or removed in the folder,
        and of what it sent.

        Before its step number `step`, counted from 1, it is killed; `bytes` is where the kernel ends it as soon as it
        writes beyond that place in a file. A run that is not ended tells its steps.
        """
        assert self.parent.stdin
        assert self.parent.stdout
        self.parent.stdin.write(json.dumps(moment) + "\n")
        self.parent.stdin.flush()
        code, steps = json.loads(self.parent.stdout.readline())
        return code, steps


@pytest.fixture
def runs(aws, tmp_path) -> Iterator[Runs]:
    made = Runs(tmp_path / "out")
    yield made
    made.parent.stdin.close()
    made.parent.wait(HANG_SECONDS)


def stored() -> dict[str, bytes]:
    client = boto3.client("s3")
    return {key: client.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in object_keys(client)}


def test_a_run_killed_at_any_moment_leaves_whole_files_and_the_next_run_is_as_if_nothing_had_been(
    runs, schema, tmp_path
):
    folder = tmp_path / "out"
    folder.mkdir()
    client: Any = boto3.client("s3")
    old = write_day(tmp_path, schema, make_plan())
    new = folder / file_name(60_000, DAY)
    whole, ours = {old.name: old.read_bytes()}, object_metadata(DayFile.at(old))

    def put_the_day_of_another_run() -> None:
        for path in folder.iterdir():
            path.unlink()
        for key in object_keys(client):
            client.delete_object(Bucket=BUCKET, Key=key)
        (folder / old.name).write_bytes(whole[old.name])
        client.put_object(Bucket=BUCKET, Key=object_key(old.name, DAY), Body=whole[old.name], Metadata=ours)

    put_the_day_of_another_run()
    code, steps = runs()
    assert code == 0
    made = (new.name, report_name(DAY), month_report_name(DAY))
    whole |= {name: (folder / name).read_bytes() for name in made}
    assert len(whole[new.name]) > PART_BYTES
    for path in (old, new):
        assert [claim for claim in judge_file(schema, path) if not claim.passed] == []
    sends = [number for number, step in enumerate(steps, 1) if step == "http.client.send"]
    size = len(whole[new.name])
    moments = [
        *({"bytes": place} for place in (size // 100, size // 2, size - 1)),
        *({"step": number} for number in range(1, len(steps) + 1) if number not in sends),
        *({"step": sends[len(sends) * share // 100]} for share in (0, 30, 70, 99)),
    ]
    left = set()
    for moment in moments:
        put_the_day_of_another_run()
        code, _ = runs(**moment)
        assert code == -(signal.SIGXFSZ if "bytes" in moment else signal.SIGKILL), moment

        files = {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}
        assert files
        assert files.items() <= whole.items()
        objects = stored()
        assert objects
        assert objects.items() <= {object_key(name, DAY): content for name, content in whole.items()}.items()
        partial = [path.stat().st_size for path in folder.glob(".payments_*.partial")]
        assert "bytes" not in moment or partial == [moment["bytes"]]
        left.add((bool(partial), new.name in files, object_key(new.name, DAY) in objects))

        assert runs()[0] == 0
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == {name: whole[name] for name in made}
        assert stored() == {object_key(new.name, DAY): whole[new.name]}
        assert client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []
    # Runs died before, in and after each step: with nothing but a lock's file, with a partial file, with the new file,
    # with its object too.
    assert left == {(False, False, False), (True, False, False), (False, True, False), (False, True, True)}
