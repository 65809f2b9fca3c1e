"""A file is whole or absent, and alone for its day."""

import datetime as dt
import os
import re
import resource
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synth_assets.storage.day_file import open_parquet
from synth_assets.storage.errors import StorageError
from synth_assets.storage.folder import find_day_file, lock_day, read_text, replace_day_file
from synth_assets.storage.layout import file_name, object_key, partial_prefix, rows_in_name
from synth_assets.storage.parquet import PROVENANCE_KEY
from synth_assets.storage.replaced import Replaced
from tests.conftest import DAY, HANG_SECONDS, PROJECT_ROOT, is_waited_for, wait_for

NEXT_DAY = DAY + dt.timedelta(days=1)


NO_FILE = f"There is no file of {DAY} in .*Materialize payments_parquet for this partition"


def put(folder: Path, rows: int, text: str, day: dt.date = DAY, on_replaced: Any = str) -> Path:
    """Put a file of the day into the folder, whose footer says `text` of its making."""
    path = folder / file_name(rows, day)
    with replace_day_file(path, day, on_replaced) as partial:
        pq.write_table(pa.table({}).replace_schema_metadata({PROVENANCE_KEY: text.encode()}), partial)
    return path


def made_of(path: Path) -> str:
    with open_parquet(path) as opened:
        return (opened.provenance or b"").decode()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_name_and_the_key_carry_rows_and_day():
    name = file_name(1_000_000, dt.date(2025, 5, 31))
    assert name == "payments_1000000_2025-05-31.parquet"
    assert object_key(name, dt.date(2025, 5, 31)) == f"payments/year=2025/month=05/{name}"
    assert rows_in_name(name, dt.date(2025, 5, 31)) == 1_000_000


@pytest.mark.parametrize(
    "name",
    [
        "payments_5_2026-01-16.parquet",
        "payments__2026-01-15.parquet",
        "payments_05_2026-01-15.parquet",
        "xpayments_5_2026-01-15.parquet",
        "payments_5_2026-01-15.parquet.bak",
        "payments_5_2026-01-15xparquet",
        "../payments_5_2026-01-15.parquet",
    ],
)
def test_other_names_are_no_file_of_the_day(name):
    assert rows_in_name(name, DAY) is None


def test_a_new_file_is_there_alone_and_readable_by_others(tmp_path):
    path = put(tmp_path / "deep" / "er", 5, "five")
    assert made_of(path) == "five"
    assert names(path.parent) == [path.name]
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


def test_another_row_count_replaces_the_days_file_and_no_other_days(tmp_path):
    put(tmp_path, 5, "five", NEXT_DAY)
    put(tmp_path, 5, "five")
    path = put(tmp_path, 6, "six")
    assert names(tmp_path) == sorted([file_name(5, NEXT_DAY), path.name])
    assert find_day_file(tmp_path, DAY).path == path


def test_what_is_replaced_is_told_but_the_same_file_again_is_not(tmp_path):
    told: list[Replaced] = []
    old = put(tmp_path, 5, "five", on_replaced=told.append)
    put(tmp_path, 5, "five", on_replaced=told.append)
    assert told == []
    size = old.stat().st_size
    put(tmp_path, 5, "another seed", on_replaced=told.append)
    assert told == [Replaced(str(old), 5, size)]
    size = old.stat().st_size
    put(tmp_path, 6, "six", on_replaced=told.append)
    assert told[1:] == [Replaced(str(old), 5, size)]
    assert str(told[1]) == f"{old} (5 rows, {size} bytes)"


OTHERS = {"a Parquet file": lambda path: pq.write_table(pa.table({"mine": [1]}), path)}
OTHERS["no Parquet file"] = lambda path: path.write_text("mine")


@pytest.mark.parametrize("rows", [5, 6], ids=["the same name", "another name"])
@pytest.mark.parametrize("write", OTHERS.values(), ids=OTHERS)
def test_a_file_that_only_looks_like_the_days_is_never_removed_and_the_body_does_not_run(tmp_path, rows, write):
    path = tmp_path / file_name(rows, DAY)
    write(path)
    content = path.read_bytes()
    with pytest.raises(StorageError, match=rf"{path} has the name .* synth-assets made it.*Move it away"):
        put(tmp_path, 5, "five")
    with pytest.raises(StorageError), replace_day_file(tmp_path / file_name(5, DAY), DAY):
        pytest.fail("the body must not run")
    assert (names(tmp_path), path.read_bytes()) == ([path.name], content)


def test_somebody_elses_file_that_comes_meanwhile_is_not_removed_either(tmp_path):
    old, path = put(tmp_path, 4, "four"), tmp_path / file_name(5, DAY)
    with pytest.raises(StorageError, match="Move it away"), replace_day_file(path, DAY) as partial:
        print(partial.write_text("new"), path.write_text("mine"))
    assert names(tmp_path) == [old.name, path.name]
    assert path.read_text() == "mine"


def test_a_failing_body_leaves_the_previous_file_and_nothing_else(tmp_path):
    path = put(tmp_path, 5, "five")
    with pytest.raises(ZeroDivisionError), replace_day_file(path, DAY) as partial:
        print(partial.write_text("half") // 0)
    assert names(tmp_path) == [path.name]
    assert made_of(path) == "five"


def test_an_unfinished_file_is_hidden_and_never_current(tmp_path):
    with replace_day_file(tmp_path / file_name(5, DAY), DAY) as partial:
        partial.write_text("half")
        assert partial.name.startswith(".")
        with pytest.raises(StorageError, match=NO_FILE):
            find_day_file(tmp_path, DAY)


def test_no_folder_means_no_file(tmp_path):
    with pytest.raises(StorageError, match=NO_FILE):
        find_day_file(tmp_path / "none", DAY)


KILLED = """
import os, signal, sys
from pathlib import Path
from synth_assets.storage.folder import replace_day_file
from tests.conftest import DAY
with replace_day_file(Path(sys.argv[1]), DAY) as partial:
    partial.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_run_left_is_removed_by_the_next_one(tmp_path):
    path = put(tmp_path, 5, "five")
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path)], cwd=PROJECT_ROOT)
    assert killed.returncode == -signal.SIGKILL
    assert made_of(path) == "five"
    # Beside its unfinished file stands the file of its lock.
    assert len(names(tmp_path)) == 3
    put(tmp_path, 5, "again")
    assert names(tmp_path) == [path.name]
    assert made_of(path) == "again"


def test_what_another_run_is_writing_is_left_alone(tmp_path):
    other = tmp_path / file_name(6, DAY)
    with replace_day_file(other, DAY) as unfinished:
        unfinished.write_text("six")
        put(tmp_path, 5, "five")
        assert unfinished.read_text() == "six"
    assert names(tmp_path) == [other.name]


def test_runs_that_end_together_leave_one_whole_file(tmp_path):
    with ThreadPoolExecutor(8) as runs:
        list(runs.map(lambda rows: put(tmp_path, rows, str(rows)), [*range(1, 60), *range(1, 60)]))
    (name,) = names(tmp_path)
    assert made_of(tmp_path / name) == str(rows_in_name(name, DAY))


def test_nobody_begins_or_ends_a_day_that_another_run_holds(tmp_path):
    """And other days go on. Held in a thread: a lock tells open files apart, not processes."""
    with ThreadPoolExecutor(2) as runs:
        with lock_day(tmp_path, DAY):
            waiting = runs.submit(put, tmp_path, 5, "five")
            runs.submit(put, tmp_path, 5, "other", NEXT_DAY).result(HANG_SECONDS)
            lock = tmp_path / f"{partial_prefix(DAY)}lock"
            wait_for("the run that must wait", lambda: waiting.done() or is_waited_for(lock))
            assert not waiting.done()
            assert not [name for name in names(tmp_path) if rows_in_name(name, DAY)]
        assert made_of(waiting.result(HANG_SECONDS)) == "five"
    assert names(tmp_path) == sorted([file_name(5, DAY), file_name(5, NEXT_DAY)])


def test_a_folder_below_a_file_gives_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    folder = tmp_path / "file" / "outputs"
    with (
        pytest.raises(StorageError, match=re.escape(f"Cannot write to {folder}: ")),
        replace_day_file(folder / "x", DAY),
    ):
        pytest.fail("the body must not run")


def test_a_full_disk_gives_one_clear_error_and_leaves_nothing(tmp_path):
    path = put(tmp_path, 5, "five")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, limits[1]))
        with (
            pytest.raises(StorageError, match=r"Cannot write to .*File too large"),
            replace_day_file(path, DAY) as partial,
        ):
            partial.write_text("x" * 2_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert names(tmp_path) == [path.name]
    assert made_of(path) == "five"


def test_text_is_read_within_bounds(tmp_path):
    path = tmp_path / "schema.yaml"
    path.write_text("a: é")
    assert read_text(path) == "a: é"
    path.write_bytes(b"a: \xff")
    with pytest.raises(StorageError, match="not UTF-8"):
        read_text(path)
    path.write_bytes(b"x" * 1_000_001)
    with pytest.raises(StorageError, match="larger than"):
        read_text(path)
    with pytest.raises(StorageError, match="No such file"):
        read_text(tmp_path / "none.yaml")
    with pytest.raises(StorageError, match="Is a directory"):
        read_text(tmp_path)
