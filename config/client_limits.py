"""Limits how many requests of one client a worker process answers at a time; further ones wait their turn.

So a client that sends many at once waits for itself: the requests of others find a thread, a session of
the database and the interpreter free. What waits is a coroutine.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

#: The member of a request's environment that `give_way` calls.
GIVE_WAY = "countersign.give_way"


@dataclass(eq=False)
class _Client:
    turns: asyncio.Semaphore
    requests: int = 0


@dataclass(eq=False)
class _Turn:
    turns: asyncio.Semaphore
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    has_ended: bool = False

    def end(self) -> None:
        if not self.has_ended:
            self.has_ended = True
            self.turns.release()

    def give_way(self) -> None:
        """End it early, from any thread."""
        self.loop.call_soon_threadsafe(self.end)


class ClientLimits:
    """The clients of a worker process whose requests are being answered, or wait: `most` at a time of each."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._clients: dict[str, _Client] = {}

    @contextlib.asynccontextmanager
    async def turn(self, name: str) -> AsyncIterator[Callable[[], None]]:
        """Wait until fewer than `most` requests of this client are under way; the block is one of them.

        Yields what ends the turn before the block does: for a request that will only wait or send.
        """
        client = self._clients.setdefault(name, _Client(asyncio.Semaphore(self._most)))
        client.requests += 1
        try:
            await client.turns.acquire()
            turn = _Turn(client.turns)
            try:
                yield turn.give_way
            finally:
                turn.end()
        finally:
            client.requests -= 1
            if not client.requests:
                del self._clients[name]


def give_way(environ: Mapping[str, Any]) -> None:
    """Let the next request of the same client begin: this one will only wait, or send what it has."""
    end = environ.get(GIVE_WAY)  # None on a server that has no such limit
    if end is not None:
        end()


def client_of(environ: Mapping[str, Any]) -> str:
    """Who sends a request, as far as its head says: the token, else the session, else the address.

    Nothing is checked: somebody who invents tokens is several clients, each of which is refused.
    """
    if authorization := environ.get("HTTP_AUTHORIZATION"):
        return f"authorization {authorization}"
    for cookie in environ.get("HTTP_COOKIE", "").split(";"):
        name, _, value = cookie.strip().partition("=")
        if name == settings.SESSION_COOKIE_NAME:
            return f"session {value}"
    proxies = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    hops = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")
    seen = hops[-proxies].strip() if 0 < proxies <= len(hops) else ""
    return f"address {seen or environ['REMOTE_ADDR']}"
