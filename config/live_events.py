"""Server-sent events: a page holds a stream open, and is told when reviews of its queues have changed.

A stream costs a coroutine and no thread. Each worker process has one session of the database, which listens
for the hints of `approvals.records.live_hints` while a stream is open. A stream carries ids of queues that
its person may see, and of the page of a review who else has it open (config.viewers). It ends after a few
minutes, and the browser's next one is judged anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass
from typing import Protocol

import psycopg
import structlog

from config import settings
from config.viewers import Viewer, Viewers

PATH = "/live/"
#: The member of a request's environment by which Django learns that a stream can be opened.
MARK = "countersign.streams"
KEEP_ALIVE = 15.0  # seconds; a client that has gone is noticed by it
LONGEST = 300.0  # seconds of a stream
MOST = 1_000  # streams of a worker process; further pages ask now and then
MOST_OF_A_PERSON = MOST // 3  # so that one who opens them all leaves some to the others
VIEWERS_CHANNEL = f"{settings.LIVE_CHANNEL}_viewers"
PAUSE = 0.5  # seconds in which changes of who looks at a review are put together
RECONNECT = 2.0  # seconds after which a lost session of the database is opened again
HEADERS = [
    ("content-type", "text/event-stream"),
    ("cache-control", "no-store"),
    ("x-accel-buffering", "no"),  # nginx would keep the events back
]

log = structlog.get_logger(__name__)


class Transport(Protocol):
    """What `response_stream` of a request returns (RSGI specification)."""

    async def send_str(self, data: str) -> None: ...


class Exchange(Protocol):
    """A request whose response is still to be sent (RSGI specification)."""

    def response_stream(self, status: int, headers: list[tuple[str, str]]) -> Transport: ...
    async def client_disconnect(self) -> None: ...


@dataclass
class Stream:
    """The queues whose changes a stream tells of, and whose page of a review it belongs to, if it is one."""

    person: str
    queues: frozenset[str]
    viewer: Viewer | None
    others: str = ""  # who else looks at the review, as it was told last


class Streams:
    """The open streams of a worker process, and the task that hears of changes for all of them."""

    def __init__(self) -> None:
        self._open: dict[asyncio.Queue[str], Stream] = {}
        self._viewers = Viewers()
        self._over = asyncio.Event()
        self._listener: asyncio.Task[None] | None = None

    @property
    def full(self) -> bool:
        """Whether no further stream is taken."""
        return len(self._open) >= MOST

    def has_enough(self, person: str) -> bool:
        """Whether a person has as many streams as one may have."""
        return sum(each.person == person for each in self._open.values()) >= MOST_OF_A_PERSON

    def end(self) -> None:
        """End all streams: the process is about to stop, and would wait for them."""
        self._over.set()

    async def serve(
        self,
        exchange: Exchange,
        person: str,
        queues: frozenset[str],
        viewer: Viewer | None = None,
    ) -> None:
        """Send the names of these queues when they change, until the client goes or the time is over."""
        hints: asyncio.Queue[str] = asyncio.Queue(64)
        self._open[hints] = Stream(person, queues, viewer)
        if viewer is not None:
            self._viewers.enter(viewer)
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen())
        sending = asyncio.create_task(self._send(exchange.response_stream(200, HEADERS), hints))
        gone = asyncio.ensure_future(exchange.client_disconnect())
        over = asyncio.create_task(self._over.wait())
        try:
            # At different times, so that a restarted server is not asked by all pages in one moment.
            longest = LONGEST * random.uniform(0.8, 1.0)  # noqa: S311
            ends = [sending, gone, over]
            await asyncio.wait(ends, timeout=longest, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in (gone, over, sending):
                waiting.cancel()
            with contextlib.suppress(asyncio.CancelledError, RuntimeError):  # RSGIProtocolClosed
                await sending
            del self._open[hints]
            if viewer is not None:
                self._viewers.leave(viewer)
            if not self._open and self._listener is not None:
                self._listener.cancel()
                self._listener = None

    async def _send(self, transport: Transport, hints: asyncio.Queue[str]) -> None:
        await transport.send_str(f"retry: {random.randrange(1_000, 5_000)}\n\n")  # noqa: S311
        while True:
            try:
                async with asyncio.timeout(KEEP_ALIVE):
                    event = await hints.get()
            except TimeoutError:
                await transport.send_str(": nothing new\n\n")
            else:
                await transport.send_str(event)

    async def _listen(self) -> None:
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    settings.LISTEN_DATABASE_URL, autocommit=True, connect_timeout=5
                ) as session:
                    await session.execute(f"LISTEN {settings.LIVE_CHANNEL}")
                    await session.execute(f"LISTEN {VIEWERS_CHANNEL}")
                    while True:
                        await self._hear(session)
            except (psycopg.Error, OSError) as error:
                log.warning("live_events.database", error=type(error).__name__)
            await asyncio.sleep(RECONNECT)

    async def _hear(self, session: psycopg.AsyncConnection) -> None:
        """Pass on what the database tells in the next moments; then tell who looks at which review."""
        async for notice in session.notifies(timeout=PAUSE):
            if notice.channel == VIEWERS_CHANNEL:
                self._viewers.hear(notice.payload)
            else:
                self._pass_on(notice.payload)
        announcements = list(self._viewers.announcements())
        if announcements:
            await session.execute(
                "SELECT pg_notify(%s, text) FROM unnest(%s::text[]) AS text",
                [VIEWERS_CHANNEL, announcements],
            )
        self._tell_viewers()

    def _pass_on(self, queue: str) -> None:
        for hints, stream in self._open.items():
            if queue in stream.queues:
                _put(hints, f"event: changed\ndata: {queue}\n\n")

    def _tell_viewers(self) -> None:
        for hints, stream in self._open.items():
            if stream.viewer is None:
                continue
            others = self._viewers.others(stream.viewer)
            if others != stream.others:
                stream.others = others
                _put(hints, f"event: viewers\ndata: {others}\n\n")


def _put(hints: asyncio.Queue[str], event: str) -> None:
    with contextlib.suppress(asyncio.QueueFull):  # it has hints enough to look again
        hints.put_nowait(event)
