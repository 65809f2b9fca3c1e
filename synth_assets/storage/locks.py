"""Locks of files: the operating system's, which belong to an open file, so that a killed run holds none.

filelock finds the right kind: flock on Linux and macOS, LockFileEx on Windows.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock

from synth_assets.storage.errors import StorageError

RETRY_SECONDS = 0.02
"""How long a run that waits for a lock sleeps before it asks again."""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of this path until the body ends; wait while another does.

    Raises:
        StorageError: the folder cannot be made, or the disk is full.
    """
    folder = path.parent
    lock = lock_of(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        if error.errno in (errno.EROFS, errno.EACCES):
            yield  # where nobody can write there is nobody to wait for
            return
        raise cannot_write(folder, error) from error
    try:
        yield
    finally:
        release(lock)


def lock_of(path: Path) -> FileLock:
    """The lock of this path, which nobody holds yet."""
    # Not of one thread: what holds it may be ended by another.
    return FileLock(path, poll_interval=RETRY_SECONDS, thread_local=False)


def release(lock: FileLock) -> None:
    """Remove the lock's file and let go of it. Whoever waits finds that the file is gone, and makes it anew."""
    try:
        # Windows removes no file that is open: there, filelock does it once it has closed the file.
        with suppress(PermissionError):
            Path(lock.lock_file).unlink(missing_ok=True)
    finally:
        lock.release()


def cannot_write(folder: Path, error: OSError) -> StorageError:
    """What to say where nothing can be written to a folder."""
    reason = os.strerror(error.errno) if error.errno else " ".join(str(error).split())
    return StorageError(f"Cannot write to {folder}: {reason}. Free space, or choose an output folder you can write to.")
