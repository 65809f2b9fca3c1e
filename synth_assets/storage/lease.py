"""A lease: an object that says who works on a day in a bucket, so that another run waits.

The holder writes it again and again. Whoever waits takes it over once it has not changed for `LEASE_SECONDS` of their
own clock: no two clocks are compared. Every write names the version that it replaces, so of two that write, one fails.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from synth_assets.storage.aws import error_code, explained
from synth_assets.storage.bucket import NOT_THERE, Bucket
from synth_assets.storage.errors import StorageError

LEASE_SECONDS = 60.0
"""How long a lease that does not change is still its holder's."""
RENEWALS = 6
"""How often it is written anew in that time."""
POLLS = 30
"""How often whoever waits looks at it in that time."""

_CHANGED = {"PreconditionFailed", "412", "ConditionalRequestConflict", "409"}
_UNKNOWN = {"NotImplemented", "501", "InvalidRequest", "InvalidArgument"}


class _Seen(NamedTuple):
    """A lease as it was found: its version, its holder's secret, and who that is."""

    etag: str
    token: str
    holder: str


class Lease:
    """A lease that this process holds.

    Attributes:
        conditional: whether the server makes writes depend on what is there. Where it does not, nothing is held.
    """

    def __init__(self, bucket: Bucket, key: str) -> None:
        self.uri = bucket.uri(key)
        self.conditional = True
        # Servers without checksums may well have conditions.
        self._bucket, self._key, self._client = bucket, key, bucket.without_checksums()
        self._token = secrets.token_hex(16)
        self._etag = ""
        self._count = 0
        self._written = 0.0
        self._lost = False
        self._turn = threading.Lock()

    def take(self, log: logging.Logger) -> None:
        """Take it; wait while another holds it.

        Raises:
            StorageError: the bucket is missing or forbidden, or S3 cannot be reached.
        """
        seen, since = None, 0.0
        while not self._write(None):
            found = self._read()
            if found is None:
                continue
            if seen is None or found.etag != seen.etag:
                if seen is None or found.holder != seen.holder:
                    log.info(f"{self.uri} is held by {found.holder}: waiting for it")
                seen, since = found, time.monotonic()
            elif time.monotonic() - since >= LEASE_SECONDS and self._write(found.etag):
                log.warning(f"{self.uri} was not renewed by {found.holder} for {LEASE_SECONDS:.0f} s: taken over")
                return
            time.sleep(LEASE_SECONDS / POLLS)
        if self.conditional and self._write(None):
            self.conditional = False
        if not self.conditional:
            log.warning(
                f"{self._bucket.uri('')} has no conditional writes, so nothing keeps two runs of one day apart. "
                f"Do not start two at once."
            )

    def renew(self) -> None:
        """Write it anew, and so make sure that it is still held.

        Raises:
            StorageError: another has taken it, or S3 cannot be reached.
        """
        with self._turn:
            if self.conditional and (self._lost or not self._write(self._etag)):
                self._lost = True
                raise StorageError(
                    f"Another run has taken over {self.uri} meanwhile, so this one stops. Look at the other run; "
                    f"run this again if it failed."
                )

    def give_back(self) -> None:
        """Remove it, unless somebody else may hold it already."""
        with self._turn:
            fresh = time.monotonic() - self._written < LEASE_SECONDS / 2
            if not self._lost and (fresh or not self.conditional):
                with suppress(ClientError, BotoCoreError):  # it then ends by itself
                    self._client.delete_object(**self._bucket.target, Key=self._key)

    def keep(self, ended: threading.Event) -> None:
        """Renew it until the event is set or it is lost."""
        while not ended.wait(LEASE_SECONDS / RENEWALS) and not self._lost:
            # What S3 does not answer now, it may in time. The holder learns of a loss when it asks.
            with suppress(StorageError):
                self.renew()

    def _write(self, replaced: str | None) -> bool:
        """Write it in the place of that version, or where there is none; tell whether that was so."""
        condition: dict[str, Any] = {"IfNoneMatch": "*"} if replaced is None else {"IfMatch": replaced}
        holder = f"{socket.gethostname()}, process {os.getpid()}"
        body = json.dumps({"holder": holder, "token": self._token, "count": self._count + 1}).encode()
        started = time.monotonic()
        with explained(f"write {self.uri}"):
            try:
                answer = self._client.put_object(
                    **self._bucket.target, **condition, **self._bucket.arguments, Key=self._key, Body=body
                )
                etag = answer["ETag"]
            except ClientError as error:
                code = error_code(error)
                if code in _UNKNOWN:
                    self.conditional = False
                    return True
                if code not in _CHANGED | NOT_THERE:
                    raise
                # A try whose answer was lost may have been the one that changed it.
                found = self._read() if code in _CHANGED else None
                if found is None or found.token != self._token or (replaced is None and found.etag == self._etag):
                    return False
                etag = found.etag
        if etag != self._etag:
            self._etag, self._count, self._written = etag, self._count + 1, started
        return True

    def _read(self) -> _Seen | None:
        with explained(f"read {self.uri}"):
            try:
                answer = self._client.get_object(**self._bucket.target, Key=self._key)
                content = json.loads(answer["Body"].read())
                return _Seen(answer["ETag"], str(content["token"]), str(content["holder"]))
            except ClientError as error:
                if error_code(error) not in NOT_THERE:
                    raise
            except (KeyError, TypeError, ValueError):
                return _Seen(answer["ETag"], "", "somebody unknown")
        return None


@contextmanager
def hold_lease(bucket: Bucket, key: str, log: logging.Logger) -> Iterator[Lease]:
    """Hold the lease at a key until the body ends; wait while another does.

    Raises:
        StorageError: the bucket is missing or forbidden, or S3 cannot be reached.
    """
    lease = Lease(bucket, key)
    lease.take(log)
    ended = threading.Event()
    keeper = threading.Thread(target=lease.keep, args=(ended,), name="lease", daemon=True)
    keeper.start()
    try:
        yield lease
    finally:
        ended.set()
        keeper.join()
        lease.give_back()
