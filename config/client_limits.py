"""Limits how many requests of one client a worker process answers at a time; further ones wait their turn.

So a client that sends many at once waits for itself: the requests of others find a thread, a session of
the database and the interpreter free. What waits is a coroutine. While a crowd of requests of one client is there,
or one after the other for long, each of its turns is followed by a pause: half of the time belongs to others.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.conf import settings

from config import client_addresses
from config.bodies import MOST_OF_A_BODY, RefusedError

#: The members of a request's environment that `give_way` and `authenticated` call.
GIVE_WAY, AUTHENTICATED = "countersign.give_way", "countersign.authenticated"
MOST_WAITING = MOST_OF_A_BODY  # bytes of the bodies of one client's requests that wait
CROWD = 8  # further requests of one client, more than a browser or a careful program sends at once
BUSY = 1.0  # seconds during which a client has always had a request here
LONGEST_PAUSE = 0.25  # seconds; a turn may have been long because it waited
MOST_KNOWN = 10_000  # tokens and sessions; the first are forgotten
PATIENCE = 20.0  # seconds that a request waits for its turn, less than proxies wait for a response
_TOKEN = re.compile(r"bearer +([\x21-\x7e]{1,200})", re.IGNORECASE)  # as the API reads it
SESSION_KEY = re.compile("[a-z0-9]{32}")  # as Django makes them; another one is none
Gone = Callable[[], Awaitable[Any]]


@dataclass(eq=False)
class _Client:
    turns: asyncio.Semaphore
    since: float = 0.0  # when it last had no request that waits or is under way
    requests: int = 0
    active: int = 0  # those of them that have not given way
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
        self.client.active -= 1
        others, now = self.client.active, self.loop.time()
        if others >= CROWD or (others and now - self.client.since > BUSY):
            pause = min(now - self.began, LONGEST_PAUSE)
            self.loop.call_later(pause, self.client.turns.release)
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
        self._known: dict[
            bytes, None
        ] = {}  # digests of the names that were authenticated, in their order
        self._over = asyncio.Event()

    def end(self) -> None:
        """Refuse what waits, and what would have to: the process is about to stop, and would cut it off."""
        self._over.set()

    def name_of(self, environ: dict[str, Any]) -> str:
        """Whose request this is: a token's or a session's that this process has authenticated, else the address's.

        The request is given what `authenticated` calls. So who invents tokens or sessions is one client.
        """
        own = client_of(environ)
        if not own:
            return address_of(environ)
        digest = hashlib.blake2b(own.encode(), digest_size=16).digest()
        if self._is_known(digest):
            return own
        loop = asyncio.get_running_loop()
        environ[AUTHENTICATED] = partial(loop.call_soon_threadsafe, self._remember, digest)
        return address_of(environ)

    def _is_known(self, digest: bytes) -> bool:
        return digest in self._known

    def _remember(self, digest: bytes) -> None:
        self._known[digest] = None
        if len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]

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
        if not client.active:
            client.since = asyncio.get_running_loop().time()
        client.requests += 1
        client.active += 1
        turn = None
        try:
            await self._wait(client, size, gone)
            turn = _Turn(client)
            yield turn.give_way
        finally:
            if turn is None:
                client.active -= 1
            else:
                turn.end()
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


def authenticated(environ: Mapping[str, Any]) -> None:
    """Tell the server that this request's token or session is valid: it is a client of its own from now on."""
    remember = environ.get(AUTHENTICATED)
    if remember is not None:
        remember()


def client_of(environ: Mapping[str, Any]) -> str:
    """Who sends a request by its head: in the API the token, on pages the session; empty if it names none.

    They are read as those read them that ask who somebody is, and not looked up.
    """
    if environ["PATH_INFO"].startswith("/api/"):
        token = _TOKEN.fullmatch(environ.get("HTTP_AUTHORIZATION", "").strip(" "))
        return f"token {token[1]}" if token else ""
    cookies = [each.strip().partition("=") for each in environ.get("HTTP_COOKIE", "").split(";")]
    session = {name: value for name, _, value in cookies}.get(settings.SESSION_COOKIE_NAME, "")
    return f"session {session}" if SESSION_KEY.fullmatch(session) else ""


def address_of(environ: Mapping[str, Any]) -> str:
    """The name of the client that is an address, as our own proxies report it."""
    proxies = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    return f"address {client_addresses.network(environ, proxies=proxies)}"
