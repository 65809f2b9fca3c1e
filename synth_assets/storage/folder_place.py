"""A folder as a place of days: a day's parts are written beside its unfinished file, or straight into it."""

from __future__ import annotations

import datetime as dt
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from synth_assets.storage.day_file import DayFile
from synth_assets.storage.errors import StorageError
from synth_assets.storage.folder import find_day_file, lock_day, replace_day_file, write_atomically
from synth_assets.storage.locks import cannot_write
from synth_assets.storage.open_part import OpenPart
from synth_assets.storage.place import Part
from synth_assets.storage.replaced import Replaced


@dataclass(frozen=True)
class Folder:
    """A `Place` in the file system."""

    path: Path

    def find_day(self, day: dt.date) -> DayFile:
        return find_day_file(self.path, day)

    def lock_day(self, day: dt.date) -> AbstractContextManager[None]:
        return lock_day(self.path, day)

    @contextmanager
    def replace_day(
        self, name: str, day: dt.date, metadata: Mapping[str, str], on_replaced: Callable[[Replaced], None]
    ) -> Iterator[StagedFile]:
        with replace_day_file(self.path / name, day, on_replaced) as partial:
            yield StagedFile(partial, day)

    def write(self, name: str) -> AbstractContextManager[Path]:
        return write_atomically(self.path / name)

    @contextmanager
    def read(self, name: str) -> Iterator[Path]:
        yield self.path / name

    def exists(self, name: str) -> bool:
        return (self.path / name).exists()

    def location(self, name: str) -> str:
        return str(self.path / name)


@dataclass
class StagedFile:
    """A `Staged` day in a folder: an unfinished file that grows at its end."""

    path: Path
    day: dt.date
    _parts: int = field(default=0, init=False)

    @property
    def parts(self) -> SideParts:
        return SideParts(self.path)

    @property
    def direct(self) -> DirectParts:
        return DirectParts(self.path)

    def append(self, part: Part) -> None:
        if part.number != self._parts + 1:
            raise ValueError(f"part {part.number} comes after part {self._parts}")
        self._parts += 1
        side = Path(part.receipt)
        if side == self.path:
            return  # it was written in its place
        if side.stat().st_size != part.length:
            raise StorageError(f"{side} is not the part that was written. Make the day again.")
        with side.open("rb") as source, _open_end(self.path) as target:
            _copy(source, target, part.length)
        side.unlink()

    def finish(self, tail: bytes) -> DayFile:
        with _open_end(self.path) as file:
            file.write(tail)
        return DayFile.of(self.path, self.day, self.path.stat())


@dataclass(frozen=True)
class SideParts:
    """Parts as files beside the unfinished file, for other processes that see the folder."""

    path: Path

    @contextmanager
    def write(self, number: int) -> Iterator[OpenPart]:
        # A name of its own for each try: a worker that was given up may still be writing.
        side = self.path.with_name(f"{self.path.name}.{number}.{secrets.token_hex(4)}.part")
        try:
            with side.open("wb") as file:
                yield (part := OpenPart(number, file))
            part.receipt = str(side)
        except OSError as error:
            side.unlink(missing_ok=True)
            raise cannot_write(self.path.parent, error) from error
        except BaseException:
            side.unlink(missing_ok=True)
            raise


@dataclass(frozen=True)
class DirectParts:
    """Parts at the end of the unfinished file."""

    path: Path

    @contextmanager
    def write(self, number: int) -> Iterator[OpenPart]:
        with _open_end(self.path) as file:
            start = file.tell()
            try:
                yield (part := OpenPart(number, file))
            except BaseException:
                file.truncate(start)
                raise
        part.receipt = str(self.path)


@contextmanager
def _open_end(path: Path) -> Iterator[BinaryIO]:
    """The file, made where there is none, to be written to at its end.

    It is not opened for appending: the system copies no ranges into files that are.
    """
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666), "r+b") as file:
        file.seek(0, os.SEEK_END)
        yield file


def _copy(source: BinaryIO, target: BinaryIO, length: int) -> None:
    """Copy a whole file to the end of another: within the system where it can, which saves the way through Python."""
    target.flush()
    copied = 0
    try:
        while copied < length and hasattr(os, "copy_file_range"):
            done = os.copy_file_range(source.fileno(), target.fileno(), length - copied, copied, target.tell() + copied)
            if not done:
                break
            copied += done
    except OSError:
        pass  # other file systems, or none that can: what is missing goes the other way, which tells what is wrong
    source.seek(copied)
    target.seek(target.tell() + copied)
    shutil.copyfileobj(source, target, 2**20)
