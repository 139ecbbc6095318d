"""Sends long responses while Django makes them, so that an export of any length needs little memory.

granian takes all that is written to its stream at once, however slowly its client reads. So a response goes
through a pipe that granian reads as a file: only when its client has read what came before. A download keeps
the thread that makes it, for as long as its client reads. So few are sent at once, and one whose client reads
nothing for a while ends: the kernel ends its connection first (`config.slow_readers`), so that what is
cut off does not look whole.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import fcntl
import os
import select
import termios
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

AT_ONCE = 4  # of a worker process
MOST_OF_A_PERSON = 2  # so that one who reads slowly leaves some to the others
PATIENCE = 60.0  # seconds that a client may read nothing; more than READ_SECONDS
OPENING = 5.0  # seconds within which granian reads the first bytes, unless its client has gone
PIECE = 65_536  # bytes that are written at once, and that a pipe holds


class TooManyError(Exception):
    """As many downloads as are allowed are being sent, to all or to this person."""


class EndedError(Exception):
    """The client has gone, or has read nothing for too long."""


class Downloads:
    """The downloads of a worker process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._people: Counter[str] = Counter()  # whose downloads are being sent

    def send(
        self,
        loop: asyncio.AbstractEventLoop,
        protocol: Any,
        head: tuple[int, list[tuple[str, str]]],
        chunks: Iterable[bytes],
        person: str = "",
    ) -> None:
        """Send a response from a thread. Raises TooManyError, or EndedError if its client reads no more.

        `person` is who downloads it; empty is nobody in particular.
        """
        with self._place_of(person):
            _send(loop, protocol, head, chunks)

    @contextlib.contextmanager
    def _place_of(self, person: str) -> Iterator[None]:
        with self._lock:
            enough = person and self._people[person] >= MOST_OF_A_PERSON
            if enough or self._people.total() >= AT_ONCE:
                raise TooManyError
            self._people[person] += 1
        try:
            yield
        finally:
            with self._lock:
                self._people[person] -= 1
                self._people += Counter()  # forgets who has none


def _send(
    loop: asyncio.AbstractEventLoop,
    protocol: Any,
    head: tuple[int, list[tuple[str, str]]],
    chunks: Iterable[bytes],
) -> None:
    pieces = _pieces(chunks)
    first = next(pieces, b"")
    if not first:  # of a pipe without bytes nothing shows whether it has been opened
        _in_loop(loop, _send_nothing(protocol, head))
        return
    reading, writing = os.pipe()
    try:
        os.set_blocking(writing, False)
        _in_loop(loop, _begin(protocol, head, f"/dev/fd/{reading}"))
        _write(writing, first)
        _await_opened(reading)
        os.close(reading)
        reading = -1
        for piece in pieces:
            _write(writing, piece)
    finally:
        os.close(writing)
        if reading >= 0:
            os.close(reading)


async def _begin(protocol: Any, head: tuple[int, list[tuple[str, str]]], path: str) -> None:
    protocol.response_file(*head, path)


async def _send_nothing(protocol: Any, head: tuple[int, list[tuple[str, str]]]) -> None:
    protocol.response_bytes(*head, b"")


def _in_loop(loop: asyncio.AbstractEventLoop, awaited: Any) -> None:
    try:
        asyncio.run_coroutine_threadsafe(awaited, loop).result(PATIENCE)
    except (TimeoutError, RuntimeError) as error:  # RuntimeError: granian's RSGIProtocolClosed
        raise EndedError from error


def _write(writing: int, piece: bytes) -> None:
    """Write to the pipe as its other end is read. Raises EndedError."""
    left = memoryview(piece)
    writable = select.poll()
    writable.register(writing, select.POLLOUT)
    while left:
        if not writable.poll(PATIENCE * 1_000):
            raise EndedError
        try:
            left = left[os.write(writing, left) :]
        except BlockingIOError:
            # poll(2) reports room for a few bytes; a write of more than PIPE_BUF may still find none.
            time.sleep(0.005)
        except BrokenPipeError as error:
            raise EndedError from error


def _await_opened(reading: int) -> None:
    """Wait until granian has read the first bytes, and so has the pipe open itself. Raises EndedError."""
    until = time.monotonic() + OPENING
    waiting = array.array("i", [1])
    while fcntl.ioctl(reading, termios.FIONREAD, waiting) == 0 and waiting[0]:
        if time.monotonic() > until:
            raise EndedError
        time.sleep(0.002)


def _pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    waiting = bytearray()
    for chunk in chunks:
        waiting += chunk
        if len(waiting) >= PIECE:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)
