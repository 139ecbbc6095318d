"""The application that granian serves: it receives a request completely, then calls Django in a thread.

A client that sends slowly occupies a coroutine and the bytes that it has sent, and no thread; one that
reads slowly neither, because granian sends the responses, and ends one that reads nothing
(`config.slow_readers`). So threads only wait for the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote_to_bytes
from wsgiref.util import FileWrapper

import structlog

from config import (
    client_limits,
    downloads,
    live_events,
    probes,
    slow_readers,
    web_server_settings,
)
from config.bodies import Bodies, Body, RefusedError, Scope, discard
from config.viewers import Viewer
from config.wsgi import application as django

UNSENT = frozenset(
    {"content-length", "transfer-encoding", "connection"}
)  # of the message, not its meaning
RETRY = ("retry-after", "1")
CLOSE = ("connection", "close")
TEXT = [("content-type", "text/plain; charset=utf-8"), ("x-content-type-options", "nosniff")]
# Bytes of a file that are read into memory to be sent; granian sends a longer one piece by piece.
MOST_OF_A_FILE = 65_536
# Seconds after which a thread that computes lets another one run, 0.005 by default. A request waits so long after
# each of its statements for each request that computes beside it: under load that was most of a page's time.
SWITCH_INTERVAL = 0.001
LONG_WAIT = 1.0  # seconds for a request's turn, from which they are logged: Django's own times begin after them
Response = tuple[int, list[tuple[str, str]], bytes | Path]
Send = Callable[[tuple[int, list[tuple[str, str]]], Iterable[bytes], str], None]

log = structlog.get_logger(__name__)


#: The signal by which the master says that it is about to stop its workers.
STOPPING = signal.SIGUSR1


class Application:
    """RSGI in front, WSGI behind, 64 threads between."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(web_server_settings.THREADS, "request")
        self._probe_threads = ThreadPoolExecutor(2, "probe")  # they never wait for requests
        self._bodies = Bodies()
        self._clients = client_limits.ClientLimits(web_server_settings.CLIENT_REQUESTS)
        self._streams = live_events.Streams()
        self._downloads = downloads.Downloads()

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start what runs beside the requests in a worker process."""
        probes.serve(django)
        sys.setswitchinterval(SWITCH_INTERVAL)
        loop.call_soon(slow_readers.set_deadline)  # granian listens by then
        loop.add_signal_handler(STOPPING, self._stop)
        threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()

    def _stop(self) -> None:
        self._streams.end()
        self._clients.end()

    async def __rsgi__(self, scope: Scope, protocol: Any) -> None:
        """Answer one request."""
        body = Body()
        has_body = "content-length" in scope.headers or "transfer-encoding" in scope.headers
        try:
            refuse_unreadable(scope)
            if has_body:
                await self._bodies.receive(scope, protocol, body)
            environ = environment(scope, b"".join(body.chunks))
            body.chunks.clear()  # the environment has them, while it waits
            response = await self._answer(environ, protocol)
            if response is None:
                return
        except RefusedError as refused:
            log.info("web.refused", status=refused.status, why=str(refused), path=scope.path[:200])
            if has_body and body.counted is None:
                await discard(protocol)
            response = refused.status, [CLOSE, RETRY, *TEXT], f"{refused}\n".encode()
        finally:
            self._bodies.release(body)
        with contextlib.suppress(RuntimeError):  # RSGIProtocolClosed: the client has gone
            status, headers, content = response
            if isinstance(content, Path):
                protocol.response_file(status, headers, str(content))
            else:
                protocol.response_bytes(status, headers, content)

    async def _answer(self, environ: dict[str, Any], protocol: Any) -> Response | None:
        """Django's response; None if it has been sent: a stream of events, or a download. Raises RefusedError."""
        is_stream = environ["PATH_INFO"] == live_events.PATH and not self._streams.full
        environ |= {live_events.MARK: True} if is_stream else {}
        try:
            response = await self._call(environ, protocol)
        except downloads.TooManyError:
            raise RefusedError(503, "too many downloads") from None
        except downloads.EndedError:
            return None
        if is_stream and response is not None and response[0] == 200:
            return await self._stream(protocol, json.loads(cast("bytes", response[2])))
        return response

    async def _call(self, environ: dict[str, Any], protocol: Any) -> Response | None:
        """Call `answer` in a thread, when it is its client's turn; probes never wait for other requests."""
        loop = asyncio.get_running_loop()
        send = partial(self._downloads.send, loop, protocol)
        if environ["PATH_INFO"] in probes.PATHS:
            return await loop.run_in_executor(self._probe_threads, answer, environ, send)
        began, size = loop.time(), int(environ["CONTENT_LENGTH"] or 0)
        client = self._clients.name_of(environ)
        async with self._clients.turn(client, size, protocol.client_disconnect) as give_way:
            if (waited := loop.time() - began) > LONG_WAIT:
                log.info("web.waited", seconds=round(waited, 1), path=environ["PATH_INFO"][:200])
            environ[client_limits.GIVE_WAY] = give_way
            return await loop.run_in_executor(self._threads, answer, environ, send)

    async def _stream(self, protocol: Any, allowed: dict[str, Any]) -> Response | None:
        """Serve a stream as Django allows it; to who has enough, 204, after which a browser does not ask again."""
        if self._streams.has_enough(allowed["person"]):
            return 204, [], b""
        viewer = Viewer(**allowed["viewer"]) if allowed["viewer"] else None
        queues = frozenset(allowed["queues"])
        await self._streams.serve(protocol, allowed["person"], queues, viewer)
        return None


def refuse_unreadable(scope: Scope) -> None:
    """Raise RefusedError if a header has a value that granian does not show: one with a byte outside ASCII.

    `items` and `get` leave such a value out, as if an Idempotency-Key, an X-Forwarded-For or an If-Match had
    not been sent. A Cookie is no exception: without it its sender would be signed out, and could not
    sign in, with no word why. Of several lines of one name only a first one can be found.
    """
    shown: dict[str, str] = {}
    for name, value in scope.headers.items():
        shown.setdefault(name, value)
    for name in scope.headers.keys():  # noqa: SIM118  (no dictionary)
        if name not in shown or scope.headers[name] != shown[name]:
            advice = "; delete the cookies of this site" if name == "cookie" else ""
            raise RefusedError(400, f"the header {name} has characters outside ASCII{advice}")


def environment(scope: Scope, body: bytes) -> dict[str, Any]:
    """The WSGI environment of a request (PEP 3333).

    A header with an underscore is left out: its variable would be that of the header with a hyphen.
    Headers that come several times are joined as RFC 9110, 5.3 says, so that no reader sees only one.
    """
    server, _, port = scope.server.rpartition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope.path).decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": server.strip("[]"),
        "SERVER_PORT": port,
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "CONTENT_LENGTH": str(len(body)) if body else "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",  # a proxy ends TLS and says so in X-Forwarded-Proto
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.file_wrapper": FileWrapper,
        "wsgi.multithread": True,
        "wsgi.multiprocess": web_server_settings.WORKERS > 1,
        "wsgi.run_once": False,
    }
    for name, value in scope.headers.items():
        if "_" in name or name in UNSENT:
            continue
        key = "CONTENT_TYPE" if name == "content-type" else f"HTTP_{name.upper().replace('-', '_')}"
        separator = "; " if name == "cookie" else ","
        environ[key] = f"{environ[key]}{separator}{value}" if key in environ else value
    return environ


def answer(environ: dict[str, Any], send: Send | None = None) -> Response | None:
    """Django's response to a request, or None if it was too long to be held and `send` has sent it.

    The content of a long file is its path.

    It runs in a thread, which makes all of a long response: the sessions of the database belong to threads.
    """
    head: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> None:
        head[:] = [int(status[:3]), [(name.lower(), value) for name, value in headers]]

    chunks = django(environ, cast("Any", start_response))
    content: bytes | Path
    try:
        is_stream = isinstance(chunks, FileWrapper) or getattr(chunks, "streaming", False)
        if send and is_stream and "content-length" not in dict(head[1]):
            client_limits.give_way(environ)  # for as long as its client reads
            send((head[0], head[1]), chunks, getattr(chunks, "person", ""))
            return None
        content = _path_of_long_file(chunks) or b"".join(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close:
            close()
    return head[0], head[1], content


def _path_of_long_file(chunks: Iterable[bytes]) -> Path | None:
    """The path of the file that is the whole response, if there is one and it is long."""
    file = getattr(chunks, "filelike", None)
    if not isinstance(file, io.BufferedReader) or not isinstance(file.name, str) or file.tell():
        return None
    return Path(file.name) if os.fstat(file.fileno()).st_size > MOST_OF_A_FILE else None


def end_with(parent: int) -> None:
    """End this process once its parent has ended: granian's workers would go on without it."""
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


application = Application()
