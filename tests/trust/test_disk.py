"""A disk that is full or cannot be written to: one clear error, the old file intact, nothing left."""

from __future__ import annotations

import gc
import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from synth_assets.assets import s3_raw_payments
from tests.conftest import DAY, make_plan, object_keys, write_day
from tests.test_assets import LOCAL, errors, run


def mounted(*arguments: str | Path) -> bool:
    try:
        return subprocess.run(["mount", *arguments], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


@pytest.fixture
def disk(tmp_path) -> Iterator[Path]:
    """A disk of 8 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not mounted("-t", "tmpfs", "-o", "size=8m", "tmpfs", folder):
        pytest.skip("mounting a small disk is not permitted here: it needs root, and CAP_SYS_ADMIN in a container")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file, hidden ones too."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def held_open(folder: Path) -> list[str]:
    """Files in the folder that this process has open: a removed one still takes its space."""
    found = []
    for handle in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(os.readlink(handle))
    return [path for path in found if path.startswith(f"{folder}/")]


@pytest.mark.parametrize("chunk_size", [10_000, 200_000], ids=["between row groups", "in the only row group"])
def test_a_disk_that_fills_up_fails_the_run_with_one_clear_error_and_keeps_the_old_file(
    disk, instance, schema, chunk_size
):
    write_day(disk, schema, make_plan())
    before = contents(disk)
    result = run(instance, disk, LOCAL, rows=200_000, chunk_size=chunk_size)
    assert not result.success
    (error,) = errors(result)
    assert error.startswith(f"Cannot write to {disk}: ")
    assert "No space left on device" in error
    assert "Free space, or choose an output folder" in error
    assert len(error.splitlines()) == 1
    assert contents(disk) == before
    assert held_open(disk) == []
    # What fits is made.
    assert run(instance, disk, LOCAL, rows=2_000).success


def test_a_disk_without_a_byte_left_is_one_clear_error_and_keeps_the_old_file(disk, instance, schema):
    write_day(disk, schema, make_plan())
    with (disk / "filler").open("wb", buffering=0) as filler:
        while filler.write(bytes(2**20)) == 2**20:
            pass
    before = contents(disk)
    gc.disable()  # it would hide a file that is left open
    try:
        (error,) = errors(run(instance, disk, LOCAL))
        assert held_open(disk) == []
    finally:
        gc.enable()
    assert error.startswith(f"Cannot write to {disk}: ")
    assert "No space left on device. Free space, or choose" in error
    assert contents(disk) == before


@pytest.fixture
def read_only(disk, schema) -> Path:
    """The same disk with a day on it, now for reading alone."""
    write_day(disk, schema, make_plan())
    assert mounted("-o", "remount,ro", disk)
    return disk


def test_a_folder_that_cannot_be_written_to_is_one_clear_error_and_keeps_the_old_file(read_only, instance):
    before = contents(read_only)
    (error,) = errors(run(instance, read_only, LOCAL))
    assert error.startswith(f"Cannot write to {read_only}: Read-only file system. ")
    assert contents(read_only) == before


def test_a_day_in_a_folder_that_cannot_be_written_to_is_landed(aws, read_only, instance):
    result = run(instance, read_only, [s3_raw_payments])
    assert (result.success, errors(result)) == (True, [])
    assert object_keys() == [f"payments/year=2026/month=01/payments_1000_{DAY}.parquet"]
