"""Parts that are written in this process, one after another, put together to parts that a bucket takes."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from synth_assets.storage.errors import StorageError
from synth_assets.storage.multipart import Upload
from synth_assets.storage.open_part import OpenPart, SummedPart
from synth_assets.storage.place import Part

HERE = "here"
"""The receipt of a part that is in the spool, or was sent from it."""
SPOOL_BYTES = 16 * 2**20
"""How many bytes the first thousand parts have that are sent. The next thousand have twice as many, and so on: no
object has more than 10,000 parts."""


class Spool:
    """The `direct` parts of a day in a bucket. One part is sent while the next one is written.

    Attributes:
        rest: what was written and is not on its way yet, in a temporary file.
    """

    def __init__(self, begin: Callable[[], Upload]) -> None:
        self._begin = begin
        self._sender = ThreadPoolExecutor(1, thread_name_prefix="send")
        self._sent: list[Part] = []
        self._sending: Future[Part] | None = None
        self.rest = SummedPart(1, _temporary_file())

    @contextmanager
    def write(self, number: int) -> Iterator[OpenPart]:
        with _disk_space():
            yield (part := OpenPart(number, _Sink(self)))
        part.receipt = HERE

    def add(self, data: bytes) -> None:
        """Write at the end.

        Raises:
            OSError: the disk is full.
            StorageError: a part was refused each time.
        """
        self.rest.write(data)
        if self.rest.length >= SPOOL_BYTES * (1 + len(self._sent) // 1000):
            number = len(self.sent()) + 1
            self._sending = self._sender.submit(send_part, self._begin(), number, self.rest)
            self.rest = SummedPart(number + 1, _temporary_file())

    def sent(self) -> list[Part]:
        """The parts that were sent, all of which have arrived.

        Raises:
            StorageError: one was refused each time.
        """
        if self._sending:
            self._sent.append(self._sending.result())
            self._sending = None
        return self._sent

    def close(self) -> None:
        """Let go of what is here."""
        self._sender.shutdown()
        self.rest.sink.close()


class _Sink(io.RawIOBase):
    def __init__(self, spool: Spool) -> None:
        super().__init__()
        self._spool = spool

    def write(self, data: Any) -> int:
        self._spool.add(data)
        return len(data)

    def writable(self) -> bool:
        return True


def send_part(upload: Upload, number: int, body: SummedPart) -> Part:
    """Send a part that is all written, and let go of it.

    Raises:
        StorageError: it was refused each time.
    """
    with body.sink:
        return Part(number, body.length, body.crc32, upload.send(number, cast(BinaryIO, body.sink), body.crc32))


class UploadParts:
    """The `parts` of a day in a bucket, for any process on any machine: each is sent by who writes it.

    It is written to a temporary file first, so that memory does not grow with it and it can be sent again.
    """

    def __init__(self, upload: Upload) -> None:
        self.upload = upload

    @contextmanager
    def write(self, number: int) -> Iterator[SummedPart]:
        with _disk_space(), _temporary_file() as file:
            yield (part := SummedPart(number, file))
            part.receipt = send_part(self.upload, number, part).receipt


def _temporary_file() -> BinaryIO:
    return cast(BinaryIO, tempfile.TemporaryFile())


@contextmanager
def _disk_space() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"Cannot write to {tempfile.gettempdir()}: {error.strerror or error}. "
            f"Free space, or set TMPDIR to another folder."
        ) from error
