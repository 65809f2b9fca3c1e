"""A prefix of a bucket as a place of days: at most one current object for each, whole or absent."""

from __future__ import annotations

import datetime as dt
import logging
import mimetypes
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from synth_assets.storage.aws import explained, is_denied
from synth_assets.storage.bucket import Bucket, earlier_objects, list_day
from synth_assets.storage.day_object import DayObject
from synth_assets.storage.errors import StorageError
from synth_assets.storage.layout import day_lease_name, key_in, rows_in_name, side_lease_name
from synth_assets.storage.lease import hold_lease
from synth_assets.storage.multipart import clear_unfinished, in_rounds, with_checksum
from synth_assets.storage.replaced import Replaced
from synth_assets.storage.staged_object import StagedObject

LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class BucketPrefix:
    """A `Place` in a bucket. `log` is told who is waited for, and what could not be cleared."""

    bucket: Bucket
    prefix: str
    log: logging.Logger = LOGGER

    def find_day(self, day: dt.date) -> DayObject:
        folder = key_in(self.prefix, "")
        for _ in range(5):  # an object that goes while we look has been replaced: look again
            found = list_day(self.bucket, day, folder)
            if not found:
                break
            key = max(found, key=lambda each: each["LastModified"])["Key"]
            if head := self.bucket.head(key):
                return DayObject.of(self.bucket, key, day, rows_in_name(key.removeprefix(folder), day) or 0, head)
        raise StorageError(
            f"There is no object of {day} in {self.location('')}. Materialize payments_parquet for this partition."
        )

    @contextmanager
    def lock_day(self, day: dt.date) -> Iterator[None]:
        with ExitStack() as stack:
            try:
                stack.enter_context(hold_lease(self.bucket, self._key(day_lease_name(day)), self.log))
            except StorageError as error:
                # Who may only read works on one version of the object, whatever others do to it.
                if not (isinstance(error.__cause__, ClientError) and is_denied(error.__cause__)):
                    raise
            yield

    @contextmanager
    def replace_day(
        self, name: str, day: dt.date, metadata: Mapping[str, str], on_replaced: Callable[[Replaced], None]
    ) -> Iterator[StagedObject]:
        key = self._key(name)
        with hold_lease(self.bucket, self._key(day_lease_name(day)), self.log) as lease:
            earlier_objects(self.bucket, key, day)
            # Only who holds the lease clears: what others have sent so far is no part of a live upload.
            for warning in clear_unfinished(self.bucket, day, key_in(self.prefix, "")):
                self.log.warning(warning)
            staged = StagedObject(self.bucket, key, day, metadata, lease, on_replaced)
            try:
                yield staged
            finally:
                staged.abandon()

    @contextmanager
    def write(self, name: str) -> Iterator[Path]:
        key, kind = self._key(name), mimetypes.guess_type(name)[0] or "application/octet-stream"
        target = {**self.bucket.target, **self.bucket.encryption, "Key": key, "ContentType": kind}
        folder, _, alone = key.rpartition("/")

        def put(client: Any, named: dict[str, str]) -> None:
            with path.open("rb") as file:
                client.put_object(**target, **named, Body=file)

        with (
            tempfile.TemporaryDirectory() as here,
            hold_lease(self.bucket, key_in(folder, side_lease_name(alone)), self.log),
        ):
            path = Path(here, alone)
            yield path
            with explained(f"write {self.location(name)}"):
                in_rounds(lambda: with_checksum(self.bucket, put, {"ChecksumAlgorithm": "CRC32"}))

    @contextmanager
    def read(self, name: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory() as here:
            path = Path(here, Path(name).name)
            with explained(f"read {self.location(name)}"):
                owner = {"ExpectedBucketOwner": self.bucket.owner} if self.bucket.owner else None
                self.bucket.client.download_file(self.bucket.name, self._key(name), str(path), ExtraArgs=owner)
            yield path

    def exists(self, name: str) -> bool:
        return self.bucket.head(self._key(name)) is not None

    def location(self, name: str) -> str:
        return self.bucket.uri(self._key(name))

    def _key(self, name: str) -> str:
        return key_in(self.prefix, name)
