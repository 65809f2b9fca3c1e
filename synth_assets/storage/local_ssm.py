"""An SSM on loopback, as far as a bucket's name needs one: parameters that are put, read and deleted, in memory.

Its protocol is JSON over HTTP: https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from threading import Lock, Thread
from typing import Any

Document = dict[str, Any]
"""What is asked or answered, as JSON."""


class _Refused(Exception):
    """An error of SSM's: its code, and what it says."""


class _Parameters:
    """The operations of SSM, by their names. Their settings have SSM's own meanings."""

    def __init__(self, parameters: Mapping[str, str]) -> None:
        self._lock = Lock()
        self._by_name: dict[str, Document] = {}
        for name, value in parameters.items():
            self.put({"Name": name, "Value": value})

    @property
    def operations(self) -> dict[str, Callable[[Document], Document]]:
        return {
            "AmazonSSM.GetParameter": self.get,
            "AmazonSSM.PutParameter": self.put,
            "AmazonSSM.DeleteParameter": self.delete,
        }

    def get(self, asked: Document) -> Document:
        parameter = self._found(asked)
        if parameter["Type"] == "SecureString" and not asked.get("WithDecryption"):
            # What is secret in a real SSM is not shown by this one either.
            parameter = parameter | {"Value": base64.b64encode(b"encrypted").decode()}
        return {"Parameter": parameter}

    def put(self, asked: Document) -> Document:
        name = asked["Name"]
        with self._lock:
            version = self._by_name.get(name, {}).get("Version", 0) + 1
            if version > 1 and not asked.get("Overwrite"):
                raise _Refused("ParameterAlreadyExists", f"The parameter {name} exists, and Overwrite is not set.")
            kind = asked.get("Type", "String")
            self._by_name[name] = {"Name": name, "Type": kind, "Value": asked["Value"], "Version": version}
        return {"Version": version, "Tier": "Standard"}

    def delete(self, asked: Document) -> Document:
        self._found(asked)
        del self._by_name[asked["Name"]]
        return {}

    def _found(self, asked: Document) -> Document:
        name = asked["Name"]
        if name not in self._by_name:
            raise _Refused("ParameterNotFound", f"There is no parameter {name}.")
        return self._by_name[name]


@contextmanager
def local_ssm(parameters: Mapping[str, str]) -> Iterator[str]:
    """Serve SSM on a free port of 127.0.0.1, with `parameters` in it by name, until the body ends.

    It knows GetParameter, PutParameter and DeleteParameter. Any access key is right, and there is one region.

    Yields:
        Its endpoint, for AWS_ENDPOINT_URL_SSM.
    """
    operations = _Parameters(parameters).operations

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # which keeps the client's connection

        def do_POST(self) -> None:
            name = self.headers.get("X-Amz-Target", "")
            asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}")
            try:
                if name not in operations:
                    raise _Refused("UnknownOperationException", f"This SSM does not know {name or 'such a request'}.")
                self._answer(HTTPStatus.OK, operations[name](asked))
            except _Refused as error:
                code, message = error.args
                self._answer(HTTPStatus.BAD_REQUEST, {"__type": code, "message": message})

        def _answer(self, status: HTTPStatus, document: Document) -> None:
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: the terminal is the command's."""

    # Not HTTPServer, which looks its own name up before it listens.
    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True  # a client that keeps its connection does not keep the process
        serving = Thread(target=server.serve_forever, args=(0.05,), name="ssm", daemon=True)
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            serving.join()
