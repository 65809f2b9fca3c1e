"""Two runs of one day at once: one whole file, one object that is the file, and no error that blames the user."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import pytest

from synth_assets.assets import s3_raw_payments
from synth_assets.definitions import defs
from synth_assets.resources import OutputFolder, TimedS3Resource, TimedSSMResource
from synth_assets.storage.errors import StorageError
from synth_assets.storage.folder import find_day_file, replace_day_file
from synth_assets.storage.layout import file_name, object_key, partial_prefix, rows_in_name
from synth_assets.storage.loopback import BUCKET
from tests.conftest import (
    DAY,
    HANG_SECONDS,
    PROJECT_ROOT,
    is_waited_for,
    judge_file,
    make_plan,
    object_keys,
    wait_for,
    write_day,
)
from tests.test_assets import ALL, errors, run


def assert_one_whole_file(folder: Path, schema, day: dt.date = DAY) -> Path:
    (name,) = [path.name for path in folder.iterdir() if path.suffix != ".html"]
    path = folder / name
    assert [claim for claim in judge_file(schema, path) if not claim.passed] == []
    assert find_day_file(folder, day).path == path
    return path


def assert_landed(path: Path) -> None:
    """The day's only object is the file."""
    assert object_keys() == [object_key(path.name, DAY)]
    assert boto3.client("s3").get_object(Bucket=BUCKET, Key=object_keys()[0])["Body"].read() == path.read_bytes()


def replace(folder: Path, schema, **settings: Any) -> Path:
    """What another run does to the folder: the day's file is made anew and put in the old one's place."""
    plan = make_plan(**settings)
    path = folder / file_name(plan.rows, plan.day)
    aside = folder.parent / f"{folder.name}-aside"
    aside.mkdir(exist_ok=True)
    content = write_day(aside, schema, plan).read_bytes()
    with replace_day_file(path, plan.day) as partial:
        partial.write_bytes(content)
    return path


# --- truly at once ---------------------------------------------------------------------------------------------

SETTINGS = {
    "equal": [{"rows": 30_000}, {"rows": 30_000}],
    "another seed": [{"rows": 30_000, "seed": 1}, {"rows": 30_000, "seed": 2}],
    "another row count": [{"rows": 30_000}, {"rows": 31_000}],
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_two_runs_in_one_process_leave_one_file_and_its_object(aws, tmp_path, schema, settings):
    together = threading.Barrier(2)

    def one(settings: dict[str, int]) -> list[str]:
        with dg.DagsterInstance.ephemeral() as instance:
            together.wait()
            result = run(instance, tmp_path / "out", ALL, chunk_size=5_000, **settings)
            return [] if result.success else errors(result) or [str(result.all_events[-1].message)]

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(one, settings)) == [[], []]
    assert_landed(assert_one_whole_file(tmp_path / "out", schema))


@pytest.mark.parametrize("settings", list(SETTINGS.values())[1:], ids=list(SETTINGS)[1:])
def test_two_command_lines_into_one_folder_leave_one_file_and_its_object(aws, tmp_path, schema, settings):
    def command(settings: dict[str, int]) -> subprocess.Popen[str]:
        options = [text for name, value in settings.items() for text in (f"--{name}", str(value))]
        return subprocess.Popen(
            [
                sys.executable,
                "-m",
                "synth_assets.cli",
                "--date",
                str(DAY),
                "--out",
                tmp_path / "out",
                "--s3",
                "yes",
                *options,
            ],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    both = [command(each) for each in settings]
    said = [each.communicate(timeout=HANG_SECONDS)[1] for each in both]
    assert [each.returncode for each in both] == [0, 0], said
    assert_landed(assert_one_whole_file(tmp_path / "out", schema))


def test_readers_find_one_whole_file_while_runs_replace_it(tmp_path, schema):
    folder = tmp_path / "out"
    replace(folder, schema, rows=500)
    made = {rows: write_day(tmp_path, schema, make_plan(rows=rows)).read_bytes() for rows in (500, 600, 700)}
    done = threading.Event()

    def write() -> None:
        try:
            for number in range(600):
                rows = (500, 600, 700)[number % 3]
                with replace_day_file(folder / file_name(rows, DAY), DAY) as partial:
                    partial.write_bytes(made[rows])
        finally:
            done.set()

    def read() -> set[str]:
        wrong = set()
        while not done.is_set():
            try:
                path = find_day_file(folder, DAY).path
            except (OSError, StorageError) as error:
                wrong.add(repr(error))
                continue
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                continue  # replaced since it was named
            if content != made[rows_in_name(path.name, DAY) or 0]:
                wrong.add(f"half of {path}")
        return wrong

    with ThreadPoolExecutor(2) as pool:
        reading = pool.submit(read)
        pool.submit(write).result()
        assert reading.result() == set()


# --- one run stopped at a point, while the other goes on ---------------------------------------------------------


class Meanwhile:
    """Something that another run does while this one stands at a point: once.

    This run goes on when the other has come to its end, or waits for this one to release the day.
    """

    def __init__(self, folder: Path, happens: Callable[[], Any]) -> None:
        self.lock = folder / f"{partial_prefix(DAY)}lock"
        self.pool = ThreadPoolExecutor(1)
        self.happens = happens
        self.other: Future[Any] | None = None

    def __call__(self, **_: Any) -> None:
        if self.other is None:
            self.other = self.pool.submit(self.happens)
            wait_for("the other run", lambda: self.other.done() or is_waited_for(self.lock))

    def end(self) -> None:
        """Fails where it never began, and as the other run does."""
        assert self.other
        self.other.result(HANG_SECONDS)
        self.pool.shutdown()


def interrupted(kind: type, method: str, happens: Callable[[], Any]) -> Any:
    """A resource with which something happens just before its method."""

    def with_interruption(self, *arguments: Any) -> Any:
        happens()
        return getattr(kind, method)(self, *arguments)

    return type(f"Interrupted{kind.__name__}", (kind,), {method: with_interruption})()


def upload(instance: dg.DagsterInstance, folder: Path, **resources: Any) -> dg.ExecuteInProcessResult:
    folders = {"output_folder": OutputFolder(path=str(folder))}
    plant = dg.Definitions(
        assets=defs.assets,
        asset_checks=defs.asset_checks,
        jobs=defs.jobs,
        resources={**(defs.resources or {}), **folders, **resources},
    )
    return plant.resolve_job_def("daily_payments").execute_in_process(
        partition_key=str(DAY), asset_selection=[s3_raw_payments.key], instance=instance, raise_on_error=False
    )


POINTS = {
    "before the file is measured": ("ssm", TimedSSMResource, "bucket"),
    "before the file is sent": ("s3", TimedS3Resource, "bucket"),
}
OTHERS = {"another row count": {"rows": 3_000}, "another seed": {"seed": 7}}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize(("name", "kind", "method"), POINTS.values(), ids=POINTS)
def test_an_upload_whose_file_is_replaced_meanwhile_succeeds(
    aws, instance, tmp_path, schema, name, kind, method, other
):
    folder = tmp_path / "out"
    old = replace(folder, schema, rows=2_000)
    before = old.read_bytes()
    meanwhile = Meanwhile(folder, lambda: replace(folder, schema, **{"rows": 2_000, **other}))
    result = upload(instance, folder, **{name: interrupted(kind, method, meanwhile)})
    meanwhile.end()
    assert (result.success, errors(result)) == (True, [])
    (key,) = object_keys()
    after = assert_one_whole_file(folder, schema)
    stored = boto3.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
    assert stored in (before, after.read_bytes())
    # The run that replaced the file uploads it in turn.
    assert upload(instance, folder).success
    assert_landed(after)


def test_of_two_uploads_of_one_day_neither_removes_the_others_last_object(aws, instance, tmp_path, schema):
    """The other run replaces the file and lands it after this one has sent its own, and before it tidies up."""
    folder = tmp_path / "out"
    replace(folder, schema, rows=2_000)

    def other() -> None:
        replace(folder, schema, rows=3_000)
        with dg.DagsterInstance.ephemeral() as its_own:
            assert upload(its_own, folder).success

    meanwhile = Meanwhile(folder, other)

    class S3(TimedS3Resource):
        def bucket(self, name: str) -> Any:
            bucket = super().bucket(name)
            bucket.client.meta.events.register("before-call.s3.ListObjectsV2", meanwhile)
            return bucket

    assert upload(instance, folder, s3=S3()).success
    meanwhile.end()
    assert_landed(assert_one_whole_file(folder, schema))


def test_a_file_replaced_between_its_upload_and_the_check_of_its_object_is_no_error(aws, instance, tmp_path, schema):
    """The other run has yet to land it: the object of this run is right, and there is nothing to fix."""
    folder = tmp_path / "out"
    replace(folder, schema, rows=2_000)
    asked = []

    def before_the_check() -> None:
        asked.append(1)
        if len(asked) == 2:
            replace(folder, schema, rows=2_000, seed=7)

    result = upload(instance, folder, ssm=interrupted(TimedSSMResource, "bucket", before_the_check))
    assert (result.success, len(asked)) == (True, 2)
    wrong = [each for each in result.get_asset_check_evaluations() if not each.passed]
    assert [each.description for each in wrong if each.severity == dg.AssetCheckSeverity.ERROR] == []
