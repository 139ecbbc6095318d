"""Sends long responses while Django makes them, so that an export of any length needs little memory.

A download keeps the thread that makes it, for as long as its client reads. So few are sent at once, and one
whose client reads nothing for a while ends.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Iterator
from typing import Any

AT_ONCE = 4  # of a worker process
PATIENCE = 30.0  # seconds that a client may read nothing
PIECE = 65_536  # bytes that are sent at once


class TooManyError(Exception):
    """As many downloads as are allowed are being sent."""


class EndedError(Exception):
    """The client has gone, or has read nothing for too long."""


class Downloads:
    """The downloads of a worker process."""

    def __init__(self) -> None:
        self._free = threading.BoundedSemaphore(AT_ONCE)

    def send(
        self,
        loop: asyncio.AbstractEventLoop,
        protocol: Any,
        head: tuple[int, list[tuple[str, str]]],
        chunks: Iterable[bytes],
    ) -> None:
        """Send a response from a thread. Raises TooManyError, or EndedError if its client reads no more."""
        if not self._free.acquire(blocking=False):
            raise TooManyError
        try:
            transport = _in_loop(loop, _begin(protocol, head))
            for piece in _pieces(chunks):
                _in_loop(loop, transport.send_bytes(piece))
        finally:
            self._free.release()


async def _begin(protocol: Any, head: tuple[int, list[tuple[str, str]]]) -> Any:
    return protocol.response_stream(*head)


def _in_loop(loop: asyncio.AbstractEventLoop, awaited: Any) -> Any:
    async def run() -> Any:
        return await awaited

    try:
        return asyncio.run_coroutine_threadsafe(run(), loop).result(PATIENCE)
    except (TimeoutError, RuntimeError) as error:  # RuntimeError: granian's RSGIProtocolClosed
        raise EndedError from error


def _pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    waiting = bytearray()
    for chunk in chunks:
        waiting += chunk
        if len(waiting) >= PIECE:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)
