"""A proxy before a real server: it hands every request on as it is, unless a fault is set for it."""

from __future__ import annotations

import http.client
import io
import json
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from synth_assets.storage.loopback import ACCESS_KEY, REGION, SECRET_KEY
from tests.conftest import HANG_SECONDS

Fault = Callable[["Handler", bytes], None]
Headers = list[tuple[str, str]]


@dataclass
class Proxy:
    """What it leads to, what it is to do, and what it was asked."""

    target: str
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    """By "METHOD" or "METHOD?query", what to do with its next requests; the last one goes on for ever.

    The query is "part" (of an upload), "uploads" (to list or to begin them) or "uploadId" (to complete or abort one).
    """
    asked: list[str] = field(default_factory=list)
    handed_on: int = 0
    """Bytes of all requests and answers, without their headers."""
    closing: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    endpoint: str = ""

    def fault(self, what: str) -> Fault | None:
        with self.lock:
            self.asked.append(what)
            for name in (what, what.split("?")[0], "any"):
                if planned := self.faults.get(name):
                    return planned.pop(0) if len(planned) > 1 else planned[0]
        return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Any

    def any_method(self) -> None:
        proxy: Proxy = self.server.proxy
        query = urlsplit(self.path).query
        part = next((f"?{known}" for known in ("part", "uploads", "uploadId") if known in query), "")
        self.fault = proxy.fault(self.command + part)
        if self.fault is reset_in_mid_upload:
            self.rfile.read(int(self.headers.get("Content-Length", 0)) // 2)
            self.reset()
            return
        pause = SLOW_SECONDS if self.fault is slow else 0.0
        body = b""
        length = int(self.headers.get("Content-Length", 0))
        while len(body) < length:
            body += self.rfile.read(min(2**18, length - len(body)))
            proxy.closing.wait(pause)
        proxy.handed_on += length
        (self.fault or forward)(self, body)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = any_method

    def answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in {"transfer-encoding", "connection"}:
                self.send_header(name, value)
        if not any(name.lower() == "content-length" for name, _ in headers):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.server.proxy.handed_on += len(body)
            self.wfile.write(body)

    def reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()
        self.rfile, self.wfile = io.BytesIO(), io.BytesIO()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def proxy_before(target: str) -> Iterator[Proxy]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.proxy = proxy = Proxy(target)
    proxy.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield proxy
    finally:
        proxy.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


# --- the faults ------------------------------------------------------------------------------------------------

SLOW_SECONDS = 0.02


def forward(
    handler: Handler,
    body: bytes,
    headers: Headers | None = None,
    changed: Callable[[Headers], Headers] = lambda answered: answered,
) -> None:
    """Hand the request on, with other headers if they are given, and answer with the headers that `changed` makes."""
    address = urlsplit(handler.server.proxy.target)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=HANG_SECONDS)
    try:
        # The request is signed over its Host, so that stays; Expect was answered here.
        connection.putrequest(handler.command, handler.path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers or handler.headers.items():
            if name.lower() not in {"expect", "connection"}:
                connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        handler.answer(answer.status, changed(answer.getheaders()), answer.read())
    except OSError:
        handler.reset()
    finally:
        connection.close()


def never_answer(handler: Handler, body: bytes) -> None:
    handler.server.proxy.closing.wait(HANG_SECONDS)
    handler.close_connection = True


def reset_in_mid_upload(handler: Handler, body: bytes) -> None:
    """Done by the handler, which has not read the body yet."""


def slow(handler: Handler, body: bytes) -> None:
    """The handler has read the body slowly."""
    forward(handler, body)


def lose_the_answer(handler: Handler, body: bytes) -> None:
    """The server does what it is asked, and nobody hears of it."""
    handler.answer = lambda *_: handler.reset()  # type: ignore[method-assign]
    forward(handler, body)


def refusal(status: int, code: str, message: str = "Said by the test") -> Fault:
    def answer(handler: Handler, body: bytes) -> None:
        if "X-Amz-Target" in handler.headers:
            said = json.dumps({"__type": code, "message": message}).encode()
        else:
            said = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
        handler.answer(status, [("Content-Type", "application/xml")], said)

    return answer


SLOW_DOWN = refusal(503, "SlowDown", "Please reduce your request rate.")
INTERNAL = refusal(500, "InternalError")


# --- servers without checksums ---------------------------------------------------------------------------------

CHECKSUM_HEADER = re.compile(r"x-amz-(sdk-)?checksum-|x-amz-trailer", re.IGNORECASE)
NOT_IMPLEMENTED = refusal(501, "NotImplemented", "A header you provided implies functionality that is not implemented")


def refuse_checksums(handler: Handler, body: bytes) -> None:
    """A server that answers 501 to what it does not know."""
    asked = any(CHECKSUM_HEADER.match(name) for name in handler.headers)
    (NOT_IMPLEMENTED if asked else forward)(handler, body)


def drop_checksums(
    handler: Handler, body: bytes, changed: Callable[[Headers], Headers] = lambda answered: answered
) -> None:
    """A server that does not look at what it does not know. The request is signed anew without it."""
    body = re.sub(rb"<Checksum\w+>.*?</Checksum\w+>", b"", body)
    signed = _signed_anew(handler, body, _without_checksums(handler.headers.items()))
    forward(handler, body, signed, lambda answered: changed(_without_checksums(answered)))


def _signed_anew(handler: Handler, body: bytes, headers: Headers) -> Headers:
    """The request's headers with a signature of these."""
    anew = {"authorization", "host", "content-length", "x-amz-date", "x-amz-content-sha256"}
    kept = {name: value for name, value in headers if name.lower() not in anew}
    target = handler.server.proxy.target
    request = AWSRequest(handler.command, target + handler.path, kept, body)
    S3SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), "s3", REGION).add_auth(request)
    return [*request.headers.items(), ("Host", urlsplit(target).netloc), ("Content-Length", str(len(body)))]


# --- servers without conditional writes ------------------------------------------------------------------------


CONDITION = re.compile(r"if-(none-)?match$", re.IGNORECASE)


def drop_conditions(handler: Handler, body: bytes) -> None:
    """A server that does not look at conditions."""
    kept = [(name, value) for name, value in handler.headers.items() if not CONDITION.match(name)]
    forward(handler, body, _signed_anew(handler, body, kept))


def refuse_conditions(handler: Handler, body: bytes) -> None:
    """A server that answers 501 to them."""
    asked = any(CONDITION.match(name) for name in handler.headers)
    (NOT_IMPLEMENTED if asked else forward)(handler, body)


def drop_etags(handler: Handler, body: bytes) -> None:
    """As `drop_checksums`, and the ETag of an object is no MD5, as that of an encrypted object is not."""
    other = f'"{"0" * 32}"'

    def changed(answered: Headers) -> Headers:
        return [(name, other if name.lower() == "etag" else value) for name, value in answered]

    drop_checksums(handler, body, changed if handler.command == "HEAD" else lambda answered: answered)


def _without_checksums(headers: Iterable[tuple[str, str]]) -> Headers:
    return [(name, value) for name, value in headers if not CHECKSUM_HEADER.match(name)]
