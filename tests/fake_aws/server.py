"""The wire: HTTP/1.1 with keep-alive, AWS's JSON protocol, and `/_control` for the one who tests.

Written on plain sockets: http.server spends more on a header than the fake does on a call.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import re
import socketserver
import struct
import sys
import threading
import time
from socket import IPPROTO_TCP, SHUT_RDWR, SO_LINGER, SOL_SOCKET, TCP_NODELAY, socket
from typing import TYPE_CHECKING, Any

from tests.fake_aws.account import Account, Reply
from tests.fake_aws.errors import AwsError
from tests.fake_aws.world import Call

if TYPE_CHECKING:
    from tests.fake_aws.control import Control

_SERVICES = {"AWSStepFunctions": "states", "AmazonSQS": "sqs"}
_SCOPE = re.compile(r"Credential=[^/,]+/\d{8}/([^/,]+)/([^/,]+)/aws4_request")


class Server(socketserver.ThreadingTCPServer):
    """One thread for each connection, on this machine only."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(self, port: int, account: Account, control: Control) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.account, self.control = account, control
        self.numbers = itertools.count(1)
        self._open: set[socket] = set()
        self._opening = threading.Lock()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Show an error, unless it is a caller that went away."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)

    def opened(self, connection: socket) -> None:
        """Remember a connection until it is `closed`."""
        with self._opening:
            self._open.add(connection)

    def closed(self, connection: socket) -> None:
        """Forget a connection."""
        with self._opening:
            self._open.discard(connection)

    def hang_up(self) -> None:
        """End every connection that a caller keeps alive."""
        with self._opening:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(SHUT_RDWR)


class _Handler(socketserver.StreamRequestHandler):
    server: Server
    wbufsize = 0

    def setup(self) -> None:
        super().setup()
        self.server.opened(self.request)

    def finish(self) -> None:
        self.server.closed(self.request)
        super().finish()

    def handle(self) -> None:
        self.request.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        while head := self._head():
            body = self.rfile.read(int(head.get("content-length", 0)))
            if head[""].startswith("/_control"):
                reply = self._controlled(body)
            else:
                reply = self._served(head, body, time.time())
            if reply.lost:
                if reply.reset:
                    self.request.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
                return
            self._write(reply)

    def _head(self) -> dict[str, str]:
        """The headers by lower-case name, the path under the empty one; nothing at the end."""
        first = self.rfile.readline()
        if not first.strip():
            return {}
        head = {"": first.decode("latin-1").split(" ")[1]}
        while line := self.rfile.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            head[name.lower()] = value.strip()
        return head

    def _served(self, head: dict[str, str], body: bytes, received: float) -> Reply:
        account = self.server.account
        space, _, op = head.get("x-amz-target", "").partition(".")
        service = _SERVICES.get(space, "")
        request_id = account.world.uuid_for("request", next(self.server.numbers))
        try:
            region = _region(head, service)
            arguments = json.loads(body or b"{}")
        except AwsError as error:
            return _refusal(error, service, request_id)
        except ValueError:
            not_json = AwsError("SerializationException", "The body is not JSON.")
            return _refusal(not_json, service, request_id)
        digest = hashlib.sha256(body).hexdigest()
        return account.handle(Call(service, op, arguments, region, digest, received, request_id))

    def _controlled(self, body: bytes) -> Reply:
        """Do what the body asks, `{"verb": …, "arguments": {…}}` or a list of these, and say the result."""
        try:
            asked = json.loads(body)
            if isinstance(asked, list):
                answer = {"result": [self._verb(one) for one in asked]}
            else:
                answer = {"result": self._verb(asked)}
        except Exception as error:  # noqa: BLE001  (the test gets it as a message)
            return Reply(
                400, body=json.dumps({"error": f"{type(error).__name__}: {error}"}).encode()
            )
        return Reply(body=json.dumps(answer).encode())

    def _verb(self, asked: dict[str, Any]) -> Any:
        return self.server.control.do(
            asked["verb"], asked.get("positional", []), asked.get("arguments", {})
        )

    def _write(self, reply: Reply) -> None:
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "Content-Length": str(len(reply.body)),
            **reply.headers,
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = (
            f"HTTP/1.1 {reply.status} {'OK' if reply.status == 200 else 'Refused'}\r\n{lines}\r\n"
        )
        self.request.sendall(head.encode("latin-1") + reply.body)


def _region(head: dict[str, str], service: str) -> str:
    """The region the caller signed for. Raises AwsError as AWS does for a signature for another service."""
    if not service:
        raise AwsError("UnknownOperationException", "No such service or operation.")
    scope = _SCOPE.search(head.get("authorization", ""))
    if scope is None:
        raise AwsError("MissingAuthenticationTokenException", "Missing Authentication Token")
    if scope[2] != service:
        message = f"Credential should be scoped to correct service: '{service}'."
        raise AwsError("InvalidSignatureException", message)
    return scope[1]


def _refusal(error: AwsError, service: str, request_id: str) -> Reply:
    extra, body = error.wire(service)
    return Reply(error.status, {"x-amzn-RequestId": request_id, **extra}, body)
