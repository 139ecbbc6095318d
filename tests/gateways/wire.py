"""A server of a few lines that answers HTTP requests as it is set up, or not at all, and counts them."""

from __future__ import annotations

import json
import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

SILENCE, HANG_UP, RESET = "silence", "hang up", "reset"


class Wire:
    """What was asked, and what is answered: SILENCE, HANG_UP, RESET, (status, JSON or text), or who says it."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.requests: list[bytes] = []
        self.over = threading.Event()
        self.url = ""


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        wire: Wire = self.server.wire  # type: ignore[attr-defined]
        while head := self._head():
            length = next(
                (int(h[15:]) for h in head if h.lower().startswith(b"content-length:")), 0
            )
            wire.requests.append(b"\n".join(head) + b"\n\n" + self.rfile.read(length))
            answer = wire.answer(wire.requests[-1]) if callable(wire.answer) else wire.answer
            if answer == SILENCE:
                wire.over.wait(30)
                return
            if answer == RESET:
                self.request.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
            if answer in (HANG_UP, RESET):
                return
            status, body = answer
            text = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.wfile.write(
                b"HTTP/1.1 %d X\r\nContent-Type: application/x-amz-json-1.0\r\nx-amzn-RequestId: req-7"
                b"\r\nContent-Length: %d\r\n\r\n%s" % (status, len(text), text)
            )

    def _head(self) -> list[bytes]:
        lines: list[bytes] = []
        while (line := self.rfile.readline().rstrip()) or not lines:
            if not line:
                return []
            lines.append(line)
        return lines


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@contextmanager
def answering(answer: Any) -> Iterator[Wire]:
    """A server on a free port of this machine."""
    wire = Wire(answer)
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.wire = wire  # type: ignore[attr-defined]
        wire.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield wire
        finally:
            wire.over.set()
            server.shutdown()
            thread.join()
