"""A day under construction in a bucket: an upload in parts, which nobody sees until it is completed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from synth_assets.storage.aws import explained
from synth_assets.storage.bucket import Bucket, earlier_objects
from synth_assets.storage.checksum import combine_crc32
from synth_assets.storage.day_object import DayObject
from synth_assets.storage.errors import StorageError
from synth_assets.storage.layout import folder_of, report_name
from synth_assets.storage.lease import Lease
from synth_assets.storage.multipart import Upload, in_rounds, remove_objects, with_checksum
from synth_assets.storage.open_part import SummedPart
from synth_assets.storage.place import Part
from synth_assets.storage.replaced import Replaced
from synth_assets.storage.spool import HERE, Spool, UploadParts, send_part
from synth_assets.storage.sums import crc32_text


class StagedObject:
    """A `Staged` day in a bucket, of which the lease is held."""

    def __init__(
        self,
        bucket: Bucket,
        key: str,
        day: dt.date,
        metadata: Mapping[str, str],
        lease: Lease,
        on_replaced: Callable[[Replaced], None],
    ) -> None:
        self._bucket, self._key, self._day = bucket, key, day
        self._metadata, self._lease, self._on_replaced = metadata, lease, on_replaced
        self._upload: Upload | None = None
        self._spool = Spool(self._begun)
        self._sent: list[Part] = []
        self._appended = 0

    @property
    def parts(self) -> UploadParts:
        return UploadParts(self._begun())

    @property
    def direct(self) -> Spool:
        return self._spool

    def append(self, part: Part) -> None:
        if part.number != self._appended + 1:
            raise ValueError(f"part {part.number} comes after part {self._appended}")
        self._appended += 1
        if part.receipt != HERE:
            self._sent.append(part)

    def finish(self, tail: bytes) -> DayObject:
        self._spool.rest.write(tail)
        parts = [*self._sent, *self._spool.sent()]
        if self._upload is not None:
            parts.append(send_part(self._upload, len(parts) + 1, self._spool.rest))
        earlier = earlier_objects(self._bucket, self._key, self._day)
        origin = _provenance(DayObject.at(self._bucket, self._key)) if self._key in earlier else None
        self._lease.renew()
        # First: no report may outlive the day that it is of.
        remove_objects(self._bucket, [folder_of(self._key) + report_name(self._day)])
        made = self._put(self._spool.rest) if self._upload is None else self._complete(self._upload, parts)
        if origin is not None and origin == _provenance(made):
            del earlier[self._key]
        remove_objects(self._bucket, [other for other in earlier if other != self._key])
        for each in earlier.values():
            self._on_replaced(each)
        return made

    def abandon(self) -> None:
        """Give up what was sent, unless the day is finished."""
        self._spool.close()
        if self._upload is not None:
            self._upload.abort()

    def _begun(self) -> Upload:
        """The upload, begun with the first part that is sent: a small day needs none."""
        if self._upload is None:
            self._upload = Upload.begin(self._bucket, self._key, self._metadata)
        return self._upload

    def _complete(self, upload: Upload, parts: list[Part]) -> DayObject:
        crc32 = length = 0
        for part in parts:
            crc32, length = combine_crc32(crc32, part.crc32, part.length), length + part.length
        upload.complete(parts, crc32_text(crc32))
        self._upload = None
        return self._verified(length, crc32)

    def _put(self, body: SummedPart) -> DayObject:
        def put(client: Any, named: dict[str, str]) -> None:
            body.sink.seek(0)
            target = {**self._bucket.target, **self._bucket.encryption, "Key": self._key}
            client.put_object(**target, Body=body.sink, Metadata=self._metadata, **named)

        with explained(f"write {self._bucket.uri(self._key)}"):
            in_rounds(lambda: with_checksum(self._bucket, put, {"ChecksumCRC32": crc32_text(body.crc32)}))
        return self._verified(body.length, body.crc32)

    def _verified(self, length: int, crc32: int) -> DayObject:
        made = DayObject.at(self._bucket, self._key)
        if (made.size, made.crc32 or crc32_text(crc32)) != (length, crc32_text(crc32)):
            remove_objects(self._bucket, [self._key])
            raise StorageError(f"{made.location} was not stored as it was sent, so it was removed. Make the day again.")
        return made


def _provenance(day: DayObject) -> bytes | None:
    try:
        with day.open() as opened:
            return opened.provenance
    except StorageError:
        return None
