"""A run killed at any moment leaves nothing that looks finished and is not, and the next run makes it good."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import pytest

from synth_assets.storage.layout import file_name, object_key
from synth_assets.storage.loopback import BUCKET
from synth_assets.verdict import judge_file
from tests.conftest import DAY, PROJECT_ROOT, make_plan, object_keys, write_day

PARENT = """
import os, sys
import dagster as dg
from synth_assets.definitions import defs
from synth_assets.resources import Contract, OutputFolder, TimedS3Resource

def say(word):
    os.write(1, f"{word}\\n".encode())

class SayingContract(Contract):
    def read(self):
        say("contract")
        return super().read()

class SayingFolder(OutputFolder):
    @property
    def folder(self):
        say("folder")
        return super().folder

class SayingS3(TimedS3Resource):
    def get_client(self):
        say("s3")
        return super().get_client()

def run():
    resources = {"contract": SayingContract(), "output_folder": SayingFolder(path=sys.argv[1]), "s3": SayingS3()}
    plant = dg.Definitions(
        assets=defs.assets, asset_checks=defs.asset_checks, jobs=defs.jobs, resources={**defs.resources, **resources}
    )
    with dg.DagsterInstance.ephemeral() as instance:
        result = plant.resolve_job_def("daily_payments").execute_in_process(
            run_config={"ops": {"payments_parquet": {"config": {"rows": 150_000, "chunk_size": 8_000}}}},
            partition_key=sys.argv[2], instance=instance, raise_on_error=False,
        )
        passed = all(each.passed for each in result.get_asset_check_evaluations())
        return result.success and passed

for _ in sys.stdin:
    child = os.fork()
    if child == 0:
        os._exit(0 if run() else 1)
    say(f"pid {child}")
    _, status = os.waitpid(child, 0)
    say(f"ended {os.waitstatus_to_exitcode(status)}")
"""
"""Imports everything once, and forks a run for every line that it is sent. A run says how far it is."""


class Runs:
    def __init__(self, folder: Path) -> None:
        self.parent = subprocess.Popen(
            [sys.executable, "-c", PARENT, folder, str(DAY)],
            cwd=PROJECT_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    def start(self) -> int:
        assert self.parent.stdin
        self.parent.stdin.write("\n")
        self.parent.stdin.flush()
        pid, self.said = 0, []
        while not pid:
            word = self._hear()
            pid = int(word.removeprefix("pid ")) if word.startswith("pid ") else 0
        return pid

    def _hear(self) -> str:
        assert self.parent.stdout
        word = self.parent.stdout.readline().strip()
        assert word, "the parent of the runs has ended"
        self.said.append((word, time.monotonic()))
        return word

    def wait_for(self, word: str) -> None:
        """Returns as soon as the run of `start` has said it; it may have done so before it was known by its id."""
        while not any(said.startswith(word) for said, _ in self.said):
            self._hear()

    def end(self) -> int:
        self.wait_for("ended ")
        return int(self.said[-1][0].removeprefix("ended "))

    def whole(self) -> dict[str, float]:
        """A run to its end: the seconds of its stages."""
        self.start()
        assert self.end() == 0
        times = {}
        for word, moment in self.said:
            times.setdefault(word.split()[0], []).append(moment)
        return {
            "start": times["folder"][0] - times["contract"][0],
            # The second look at the folder is the checks'.
            "file": times["folder"][1] - times["folder"][0],
            "check": times["s3"][0] - times["folder"][1],
            # The second client is that of the check of the object.
            "upload": times["s3"][1] - times["s3"][0],
        }


@pytest.fixture
def runs(aws, tmp_path) -> Iterator[Runs]:
    made = Runs(tmp_path / "out")
    yield made
    made.parent.stdin.close()
    made.parent.wait(30)


def moments() -> list[tuple[str, str, float]]:
    """Twelve of them: a stage, the word with which it begins, and how far into it."""
    rng = random.Random(20)
    return [
        *(("file", "folder", rng.uniform(0, 0.9)) for _ in range(4)),
        # The last row groups, the flush and the rename.
        *(("file", "folder", rng.uniform(0.9, 1.1)) for _ in range(3)),
        *(("check", "folder", rng.uniform(1.0, 2.0)) for _ in range(1)),
        *(("upload", "s3", rng.uniform(0.1, 1)) for _ in range(4)),
    ]


def stored() -> dict[str, bytes]:
    client = boto3.client("s3")
    return {key: client.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in object_keys(client)}


def test_a_run_killed_at_any_of_twelve_moments_leaves_whole_files_and_the_next_run_is_as_if_nothing_had_been(
    runs, schema, tmp_path
):
    folder = tmp_path / "out"
    folder.mkdir()
    client: Any = boto3.client("s3")
    old = write_day(tmp_path, schema, make_plan())
    new = folder / file_name(150_000, DAY)
    stages = runs.whole()
    whole = {old.name: old.read_bytes(), new.name: new.read_bytes()}
    for path in (old, new):
        assert [claim for claim in judge_file(schema, DAY, path) if not claim.passed] == []
    left = {"a partial file": 0, "the new file": 0, "the new object": 0}
    for stage, word, share in moments():
        # The day as another run has left it.
        for path in folder.iterdir():
            path.unlink()
        for key in object_keys(client):
            client.delete_object(Bucket=BUCKET, Key=key)
        (folder / old.name).write_bytes(whole[old.name])
        client.put_object(Bucket=BUCKET, Key=object_key(old.name, DAY), Body=whole[old.name])

        pid = runs.start()
        runs.wait_for(word)
        time.sleep(share * stages[stage])
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        ended = runs.end()
        assert ended in {-signal.SIGKILL, 0}

        files = {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}
        assert files
        assert files.items() <= whole.items()
        objects = stored()
        assert objects
        assert objects.items() <= {object_key(name, DAY): content for name, content in whole.items()}.items()
        left["a partial file"] += any(path.name.endswith(".partial") for path in folder.iterdir())
        left["the new file"] += new.name in files
        left["the new object"] += object_key(new.name, DAY) in objects

        runs.whole()
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == {new.name: whole[new.name]}
        assert stored() == {object_key(new.name, DAY): whole[new.name]}
        assert client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []
    # The moments were spread: runs died before, in and after each step. (Parts left behind are in test_faults, for
    # sure; here they depend on how fast the server is.)
    assert 1 <= left["a partial file"] < 12
    assert 1 <= left["the new file"] < 12
