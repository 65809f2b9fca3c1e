"""The local output folder: at most one current file per day, whole or absent.

Locks are flock's: they belong to an open file, so a killed run holds none.
"""

from __future__ import annotations

import datetime as dt
import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from synth_assets.storage.day_file import DayFile
from synth_assets.storage.errors import StorageError
from synth_assets.storage.layout import partial_prefix, rows_in_name

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
        raise StorageError(f"{path} is larger than {MAX_TEXT_BYTES:,} bytes. Name the schema's own file.")
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
    with _locked(folder / f"{partial_prefix(day)}lock"):
        yield


@contextmanager
def write_atomically(path: Path) -> Iterator[Path]:
    """Yield a path to write to; afterwards it is `path`, whole. Runs that write the same file take turns.

    Raises:
        StorageError: the folder cannot be made or written to, or the disk is full.
    """
    partial = path.with_name(f".{path.name}.partial")
    with _locked(path.with_name(f".{path.name}.lock")):
        try:
            yield partial
            with partial.open("rb") as written:
                os.fsync(written.fileno())
            os.replace(partial, path)
            _flush(path.parent)
        except OSError as error:
            raise _cannot_write(path.parent, error) from error
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    folder = path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = _lock(path)
    except OSError as error:
        if error.errno in (errno.EROFS, errno.EACCES):
            yield  # where nobody can write there is nobody to wait for
            return
        raise _cannot_write(folder, error) from error
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def _lock(path: Path) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        fcntl.flock(handle, fcntl.LOCK_EX)
        # Whoever held it before has removed it: then the lock is on a file that no other run can find.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        os.close(handle)


@contextmanager
def replace_day_file(path: Path, day: dt.date) -> Iterator[Path]:
    """Yield a path to write the day's new file to; afterwards it is `path`, the only one of its day in the folder.

    The file is flushed to disk before it gets its name. If the body fails, nothing of it stays and the day's
    previous file is untouched; what killed runs left behind is removed.

    Raises:
        StorageError: the folder cannot be made or written to, or the disk is full.
    """
    folder = path.parent
    partial = folder / f"{partial_prefix(day)}{secrets.token_hex(8)}.partial"
    try:
        with lock_day(folder, day):
            _remove_abandoned(folder, day)
            handle = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
            # This lock tells a file that is being written from one that a killed run left behind.
            fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError as error:
        raise _cannot_write(folder, error) from error
    try:
        yield partial
        os.fsync(handle)
        with lock_day(folder, day):
            os.replace(partial, path)
            for other in _finished_files(folder, day):
                if other.name != path.name:
                    other.unlink()
            _flush(folder)
    except OSError as error:
        raise _cannot_write(folder, error) from error
    finally:
        partial.unlink(missing_ok=True)
        os.close(handle)


def _finished_files(folder: Path, day: dt.date) -> list[Path]:
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if rows_in_name(path.name, day) is not None]


def _remove_abandoned(folder: Path, day: dt.date) -> None:
    for path in folder.glob(f"{partial_prefix(day)}*.partial"):
        try:
            handle = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            continue  # its run has just failed, and removed it
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
        except BlockingIOError:
            pass  # another run is writing it
        finally:
            os.close(handle)


def _flush(folder: Path) -> None:
    """Bring the folder's entries to disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _cannot_write(folder: Path, error: OSError) -> StorageError:
    reason = os.strerror(error.errno) if error.errno else " ".join(str(error).split())
    return StorageError(f"Cannot write to {folder}: {reason}. Free or choose an output folder that can be written to.")
