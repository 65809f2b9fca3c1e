"""What workers leave for each other while a day is judged, and what nobody needs afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from synth_assets.storage.aws import explained
from synth_assets.storage.bucket import Bucket
from synth_assets.storage.day_object import DayObject
from synth_assets.storage.errors import StorageError
from synth_assets.storage.layout import folder_of, key_in, scratch_prefix


class Scratch(Protocol):
    """Numbered pieces of bytes. It is handed to workers, who write and read them."""

    def write(self, number: int, content: bytes) -> None:
        """Keep a piece.

        Raises:
            StorageError: it cannot be written.
        """

    def read(self, number: int, start: int, stop: int) -> bytes:
        """The bytes `start` … `stop` - 1 of a piece.

        Raises:
            StorageError: it cannot be read.
        """


@dataclass(frozen=True)
class ScratchFolder:
    """A folder of this machine with a file for each piece."""

    folder: Path

    def write(self, number: int, content: bytes) -> None:
        with _explained(self.folder):
            self._file(number).write_bytes(content)

    def read(self, number: int, start: int, stop: int) -> bytes:
        with _explained(self.folder), self._file(number).open("rb") as file:
            file.seek(start)
            return file.read(stop - start)

    def _file(self, number: int) -> Path:
        return self.folder / str(number)


@dataclass(frozen=True)
class ScratchObjects:
    """Objects of a bucket whose keys begin with `prefix`, one for each piece."""

    bucket: Bucket
    prefix: str

    def write(self, number: int, content: bytes) -> None:
        with explained(f"write {self.bucket.uri(self._key(number))}"):
            self.bucket.client.put_object(
                **self.bucket.target, **self.bucket.arguments, Key=self._key(number), Body=content
            )

    def read(self, number: int, start: int, stop: int) -> bytes:
        if start == stop:
            return b""
        with explained(f"read {self.bucket.uri(self._key(number))}"):
            span = f"bytes={start}-{stop - 1}"
            answer = self.bucket.client.get_object(**self.bucket.target, Key=self._key(number), Range=span)
            return answer["Body"].read()

    def clear(self) -> None:
        """Remove all pieces, those of a killed run included."""
        with explained(f"clear {self.bucket.uri(self.prefix)}"):
            pages = self.bucket.client.get_paginator("list_objects_v2").paginate(
                **self.bucket.target, Prefix=self.prefix
            )
            for each in [each for page in pages for each in page.get("Contents", [])]:
                self.bucket.client.delete_object(**self.bucket.target, Key=each["Key"])

    def _key(self, number: int) -> str:
        return f"{self.prefix}{number}"


@contextmanager
def scratch_beside(day: DayObject) -> Iterator[ScratchObjects]:
    """Objects beside a day in a bucket, which are gone afterwards. The day must be locked.

    Raises:
        StorageError: the bucket's folder cannot be written to.
    """
    scratch = ScratchObjects(day.bucket, key_in(folder_of(day.key).removesuffix("/"), scratch_prefix(day.day)))
    scratch.clear()
    try:
        yield scratch
    finally:
        scratch.clear()


@contextmanager
def scratch_folder() -> Iterator[ScratchFolder]:
    """A folder for temporary files, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="synth-assets-") as folder:
        yield ScratchFolder(Path(folder))


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"Cannot keep temporary files in {folder}: {error.strerror}. Free space, or set TMPDIR to another folder."
        ) from error
