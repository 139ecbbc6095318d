"""Limits how many requests of one client a worker process answers at a time; further ones wait their turn.

So a client that sends many at once waits for itself: the requests of others find a thread, a session of
the database and the interpreter free. What waits is a coroutine. While a crowd of requests of one client is there,
each of its turns is followed by a pause of the same length: half of the time belongs to others.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from config import client_addresses
from config.bodies import MOST_OF_A_BODY, RefusedError

#: The member of a request's environment that `give_way` calls.
GIVE_WAY = "countersign.give_way"
MOST_WAITING = MOST_OF_A_BODY  # bytes of the bodies of one client's requests that wait
CROWD = 8  # requests of one client that are there, more than a browser or a careful program sends at once
PATIENCE = 20.0  # seconds that a request waits for its turn, less than proxies wait for a response
_TOKEN = re.compile(r"bearer +([\x21-\x7e]{1,200})", re.IGNORECASE)  # as the API reads it
_SESSION = re.compile("[a-z0-9]{32}")  # as Django makes its keys; another one is none
Gone = Callable[[], Awaitable[Any]]


@dataclass(eq=False)
class _Client:
    turns: asyncio.Semaphore
    requests: int = 0
    waiting: int = 0  # bytes of bodies


@dataclass(eq=False)
class _Turn:
    client: _Client
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    has_ended: bool = False

    def __post_init__(self) -> None:
        self.began = self.loop.time()

    def end(self) -> None:
        if self.has_ended:
            return
        self.has_ended = True
        if self.client.requests > CROWD:
            self.loop.call_later(self.loop.time() - self.began, self.client.turns.release)
        else:
            self.client.turns.release()

    def give_way(self) -> None:
        """End it early, from any thread."""
        self.loop.call_soon_threadsafe(self.end)


class ClientLimits:
    """The clients of a worker process whose requests are being answered, or wait: `most` at a time of each."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._clients: dict[str, _Client] = {}
        self._over = asyncio.Event()

    def end(self) -> None:
        """Refuse what waits, and what would have to: the process is about to stop, and would cut it off."""
        self._over.set()

    @contextlib.asynccontextmanager
    async def turn(
        self, name: str, size: int = 0, gone: Gone | None = None
    ) -> AsyncIterator[Callable[[], None]]:
        """Wait until fewer than `most` requests of this client are under way; the block is one of them.

        Yields what ends the turn before the block does: for a request that will only wait or send. `size` are
        the bytes of its body, `gone` returns once its client has gone. Raises RefusedError after PATIENCE, or
        if its client holds too much already, has gone, or the process stops: the request has not begun.
        """
        client = self._clients.setdefault(name, _Client(asyncio.Semaphore(self._most)))
        client.requests += 1
        try:
            await self._wait(client, size, gone)
            turn = _Turn(client)
            try:
                yield turn.give_way
            finally:
                turn.end()
        finally:
            client.requests -= 1
            if not client.requests:
                del self._clients[name]

    async def _wait(self, client: _Client, size: int, gone: Gone | None) -> None:
        if not client.turns.locked():
            await client.turns.acquire()  # at once
            return
        if client.waiting + size > MOST_WAITING:
            raise RefusedError(503, "too many requests of this client are waiting")
        client.waiting += size
        ours = asyncio.ensure_future(client.turns.acquire())
        ends = [asyncio.ensure_future(each()) for each in (self._over.wait, gone) if each]
        has_come = False
        try:
            await asyncio.wait([ours, *ends], timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
            has_come = ours.done() and not any(each.done() for each in ends)
        finally:
            client.waiting -= size
            for each in ends:
                each.cancel()
            if not has_come and not ours.cancel():  # it came too late
                client.turns.release()
        if not has_come:
            raise RefusedError(503, "the turn of this request has not come")


def give_way(environ: Mapping[str, Any]) -> None:
    """Let the next request of the same client begin: this one will only wait, or send what it has."""
    end = environ.get(GIVE_WAY)  # None on a server that has no such limit
    if end is not None:
        end()


def client_of(environ: Mapping[str, Any]) -> str:
    """Who sends a request, as far as its head says: in the API the token, on pages the session, else the address.

    They are read as those read them that ask who somebody is, and not looked up: who invents tokens or
    sessions is several clients, each of which is refused after one statement.
    """
    if environ["PATH_INFO"].startswith("/api/"):
        token = _TOKEN.fullmatch(environ.get("HTTP_AUTHORIZATION", "").strip(" "))
        if token:
            return f"token {token[1]}"
    else:
        cookies = [
            each.strip().partition("=") for each in environ.get("HTTP_COOKIE", "").split(";")
        ]
        session = {name: value for name, _, value in cookies}.get(settings.SESSION_COOKIE_NAME, "")
        if _SESSION.fullmatch(session):
            return f"session {session}"
    proxies = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    return f"address {client_addresses.network(environ, proxies=proxies)}"
