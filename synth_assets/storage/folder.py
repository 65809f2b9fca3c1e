"""The local output folder: at most one current file per day, whole or absent."""

from __future__ import annotations

import datetime as dt
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import Timeout

from synth_assets.storage.day_file import DayFile, open_parquet
from synth_assets.storage.errors import StorageError
from synth_assets.storage.layout import partial_prefix, report_name, rows_in_name
from synth_assets.storage.locks import cannot_write, lock_of, locked, release
from synth_assets.storage.replaced import Replaced

MAX_TEXT_BYTES = 1_000_000


def read_text(path: Path) -> str:
    """A small UTF-8 file's text.

    Raises:
        StorageError: the file is missing, unreadable, not UTF-8, or larger than `MAX_TEXT_BYTES`.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_TEXT_BYTES + 1)
    except OSError as error:
        raise StorageError(f"Cannot read {path}: {error.strerror}. Put the file there, or name another one.") from error
    if len(content) > MAX_TEXT_BYTES:
        raise StorageError(f"{path} is larger than {MAX_TEXT_BYTES:,} bytes. Name the schema file itself.")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise StorageError(f"{path} is not UTF-8 text (byte {error.start}). Save it as UTF-8.") from error


def find_day_file(folder: Path, day: dt.date) -> DayFile:
    """The day's finished file. Should a crash have left two, the one written last.

    Raises:
        StorageError: there is none.
    """
    for _ in range(5):  # a file that goes while we look has been replaced: look again
        finished = []
        for path in _finished_files(folder, day):
            with suppress(FileNotFoundError):
                finished.append((path.stat(), path))
        if finished:
            written_last = max(finished, key=lambda found: found[0].st_mtime_ns)
            return DayFile.of(written_last[1], day, written_last[0])
    raise StorageError(f"There is no file of {day} in {folder}. Materialize payments_parquet for this partition.")


@contextmanager
def lock_day(folder: Path, day: dt.date) -> Iterator[None]:
    """Let no other run begin or finish the day's file, or send it, until the body ends; wait while another does.

    Raises:
        StorageError: the folder cannot be made, or the disk is full.
    """
    with locked(folder / f"{partial_prefix(day)}lock"):
        yield


@contextmanager
def lock_history(folder: Path) -> Iterator[None]:
    """Let no other command open the folder's Dagster history until the body ends; wait while another does.

    Raises:
        StorageError: the disk is full.
    """
    with locked(folder / ".dagster.lock"):
        yield


@contextmanager
def write_atomically(path: Path) -> Iterator[Path]:
    """Yield a path to write to; afterwards it is `path`, whole. Runs that write the same file take turns.

    Raises:
        StorageError: the folder cannot be made or written to, or the disk is full.
    """
    partial = path.with_name(f".{path.name}.partial")
    with locked(path.with_name(f".{path.name}.lock")):
        try:
            yield partial
            _flush_file(partial)
            os.replace(partial, path)
            _flush_folder(path.parent)
        except OSError as error:
            raise cannot_write(path.parent, error) from error
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def replace_day_file(
    path: Path, day: dt.date, on_replaced: Callable[[Replaced], None] = lambda _: None
) -> Iterator[Path]:
    """Yield a path to write the day's new file to; afterwards it is `path`, the only one of its day in the folder.

    The file is flushed to disk before it gets its name. If the body fails, nothing of it stays and the day's
    previous file is untouched; what killed runs left behind is removed. `on_replaced` is told of each earlier file
    of the day that has gone, unless the new one has its name and was made from the same inputs: that is the same file.

    Raises:
        StorageError: the folder cannot be made or written to, the disk is full, or a file has the name of one of this
            day but no footer of ours.
    """
    folder = path.parent
    partial = folder / f"{partial_prefix(day)}{secrets.token_hex(8)}.partial"
    # This lock tells a file that is being written from one that a killed run left behind.
    written = lock_of(_lock_beside(partial))
    try:
        with lock_day(folder, day):
            _earlier_files(folder, day)
            _remove_abandoned(folder, day)
            written.acquire()
    except OSError as error:
        raise cannot_write(folder, error) from error
    try:
        yield partial
        _flush_file(partial)
        with lock_day(folder, day):
            _replace(partial, path, day, on_replaced)
    except OSError as error:
        raise cannot_write(folder, error) from error
    finally:
        _remove_unfinished(partial)
        release(written)


def _lock_beside(partial: Path) -> Path:
    return partial.with_name(f"{partial.name}.lock")


def _replace(partial: Path, path: Path, day: dt.date, on_replaced: Callable[[Replaced], None]) -> None:
    earlier = _earlier_files(path.parent, day)
    if path in earlier and earlier[path] == _provenance(partial):
        del earlier[path]
    replaced = [Replaced(str(each), rows_in_name(each.name, day) or 0, each.stat().st_size) for each in earlier]
    path.with_name(report_name(day)).unlink(missing_ok=True)  # first: no report may outlive the file that it is of
    os.replace(partial, path)
    for other in earlier.keys() - {path}:
        other.unlink()
    _flush_folder(path.parent)
    for each in replaced:
        on_replaced(each)


def _earlier_files(folder: Path, day: dt.date) -> dict[Path, bytes]:
    """The day's finished files, and what their footers say of their making.

    Raises:
        StorageError: a file has the name of one, but no footer of ours: it is somebody else's, and not to be removed.
    """
    earlier = {}
    for path in _finished_files(folder, day):
        provenance = _provenance(path)
        if provenance is None:
            raise StorageError(
                f"{path} has the name of a file of {day}, but no footer that says that synth-assets made it, so it is "
                f"not replaced. Move it away or delete it, or choose another output folder."
            )
        earlier[path] = provenance
    return earlier


def _provenance(path: Path) -> bytes | None:
    try:
        with open_parquet(path) as opened:
            return opened.provenance
    except StorageError:
        return None


def _finished_files(folder: Path, day: dt.date) -> list[Path]:
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if rows_in_name(path.name, day) is not None]


def _remove_abandoned(folder: Path, day: dt.date) -> None:
    unfinished = list(folder.glob(f"{partial_prefix(day)}*.partial"))
    # A run may have died before its file was there, or once it had its name.
    locks = {*folder.glob(f"{partial_prefix(day)}*.partial.lock"), *map(_lock_beside, unfinished)}
    for path in locks:
        lock = lock_of(path)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            continue  # another run is writing it
        _remove_unfinished(path.with_suffix(""))
        release(lock)


def _remove_unfinished(partial: Path) -> None:
    """Remove an unfinished file, and the parts beside it that were to be appended."""
    for part in partial.parent.glob(f"{partial.name}.*.part"):
        part.unlink(missing_ok=True)
    partial.unlink(missing_ok=True)


def _flush_file(path: Path) -> None:
    """Bring the file's content to disk."""
    with path.open("rb+") as written:  # Windows flushes only what may be written to
        os.fsync(written.fileno())


def _flush_folder(folder: Path) -> None:
    """Bring the folder's entries to disk, where the system can: Windows opens no folders."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
