"""Receives the bodies of requests: each has a deadline, and all together a limit.

At the limit the longest body that is still arriving is refused, and not the newest: so clients that send much
and stall make room for others. Short bodies have a limit of their own, which long ones cannot use up.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Any, Protocol

from config import web_server_settings

MIB = 2**20
# More than any view accepts: of a longer body the view sees this much and refuses it in its own words.
MOST_OF_A_BODY = 2 * MIB
SHORT = 65_536  # bytes of a body that is counted among the short ones
DISCARD_SECONDS = 1.0  # that the body of a refused request may still arrive
# Bytes that have arrived and are not answered, of a worker process.
MOST_OF_LONG_BODIES = 64 * MIB
MOST_OF_SHORT_BODIES = 16 * MIB


class Headers(Protocol):
    """Names in lower case and values; a name may come several times."""

    def __contains__(self, name: str) -> bool: ...
    def __getitem__(self, name: str) -> str: ...
    def get(self, name: str) -> str | None: ...
    def keys(self) -> list[str]: ...
    def items(self) -> list[tuple[str, str]]: ...


class Scope(Protocol):
    """The head of a request (RSGI specification, HTTP connection scope)."""

    http_version: str
    server: str
    client: str
    method: str
    path: str
    query_string: str
    headers: Headers


class RefusedError(Exception):
    """The request is refused before Django sees it, with this status."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(eq=False)
class Body:
    """What has arrived of a body."""

    chunks: list[bytes] = field(default_factory=list)
    size: int = 0
    counted: _Counted | None = None
    deadline: asyncio.Timeout | None = None
    gives_way: bool = False


@dataclass(eq=False)
class _Counted:
    """Bodies with a common limit."""

    held: int = 0  # bytes
    arriving: set[Body] = field(default_factory=set)


class Bodies:
    """The bodies of a worker process that are not answered."""

    def __init__(self) -> None:
        self._long, self._short = _Counted(), _Counted()

    async def receive(self, scope: Scope, protocol: Any, body: Body) -> None:
        """Collect the body. Raises RefusedError if it is late, broken, or too much with all others."""
        if "transfer-encoding" in scope.headers:
            # Django reads no body without a length; and what two servers could delimit differently is
            # refused, for granian does not show a Content-Length beside `chunked`.
            raise RefusedError(411, "the head does not say how long the body is")
        declared = scope.headers.get("content-length") or ""
        body.counted = self._short if _is_short(declared) else self._long
        body.counted.arriving.add(body)
        try:
            async with asyncio.timeout(web_server_settings.BODY_SECONDS) as body.deadline:
                async for chunk in protocol:
                    self._add(body, chunk)
                    if body.size > MOST_OF_A_BODY:
                        return
        except TimeoutError:
            if body.gives_way:
                raise RefusedError(503, "too many bodies") from None
            raise RefusedError(408, "the body did not arrive in time") from None
        except RuntimeError:  # granian's RSGIProtocolError and RSGIProtocolClosed
            raise RefusedError(400, "the body ended before its end") from None
        finally:
            body.counted.arriving.discard(body)
        if declared != str(body.size):
            raise RefusedError(400, "the body has another length than its head says")

    def release(self, body: Body) -> None:
        """Forget a body that is answered or refused."""
        if body.counted:
            body.counted.held -= body.size
        body.chunks.clear()
        body.size = 0

    def _add(self, body: Body, chunk: bytes) -> None:
        """Keep a chunk. Raises RefusedError if no longer body can make room for it."""
        counted = body.counted
        if counted is None or body.gives_way:
            raise RefusedError(503, "too many bodies")
        most = MOST_OF_SHORT_BODIES if counted is self._short else MOST_OF_LONG_BODIES
        while counted.held + len(chunk) > most:
            longest = max(counted.arriving, key=lambda other: other.size)
            if longest.size <= body.size + len(chunk):
                raise RefusedError(503, "too many bodies")
            self._end(longest)
        body.chunks.append(chunk)
        body.size += len(chunk)
        counted.held += len(chunk)

    def _end(self, body: Body) -> None:
        """Refuse a body that is arriving; its bytes are free at once."""
        if body.counted:
            body.counted.arriving.discard(body)
        self.release(body)
        body.gives_way = True
        if body.deadline:
            body.deadline.reschedule(asyncio.get_running_loop().time())


async def discard(protocol: Any) -> None:
    """Read a short body that nobody wants, for at most a second, and keep nothing.

    A connection that is closed before its bytes are read is reset, and a reset client does not see the response.
    """
    size = 0
    with contextlib.suppress(TimeoutError, RuntimeError):  # granian's errors are RuntimeErrors
        async with asyncio.timeout(DISCARD_SECONDS):
            async for chunk in protocol:
                size += len(chunk)
                if size > SHORT:
                    return


def _is_short(declared: str) -> bool:
    return len(declared) <= 5 and declared.isdecimal() and int(declared) <= SHORT
