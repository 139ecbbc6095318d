"""Bodies that stall make room for others, and short ones are received whatever long ones do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from config import bodies
from config.bodies import Bodies, Body, RefusedError

LONG = 100_000


class Client:
    """A client that declares a length, sends some chunks, and then stalls until it is told to go on."""

    def __init__(self, length: int, *chunks: bytes) -> None:
        self.chunks = chunks
        self.goes_on = asyncio.Event()
        headers = {"content-length": str(length)}
        self.scope: Any = SimpleNamespace(headers=headers)
        self.body = Body()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            yield chunk
        if sum(map(len, self.chunks)) < int(self.scope.headers["content-length"]):
            await self.goes_on.wait()

    def sends(self, to: Bodies) -> asyncio.Task[None]:
        return asyncio.create_task(to.receive(self.scope, self, self.body))


async def stalled(to: Bodies, count: int, size: int, declared: int) -> list[asyncio.Task[None]]:
    tasks = [Client(declared, b"x" * size).sends(to) for _ in range(count)]
    await asyncio.sleep(0.01)
    return tasks


def statuses(tasks: list[asyncio.Task[None]]) -> list[int]:
    """The statuses by which these were refused; the others still arrive."""
    errors = [task.exception() for task in tasks if task.done()]
    return [error.status for error in errors if isinstance(error, RefusedError)]


def end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()


def test_short_bodies_are_received_although_long_ones_use_up_their_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bodies, "MOST_OF_LONG_BODIES", 3 * LONG)

    async def run() -> None:
        held = Bodies()
        slow = await stalled(held, 3, LONG, LONG + 1)
        await Client(5, b"hello").sends(held)
        assert statuses(slow) == []
        end(slow)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("declared", "limit"),
    [(LONG, "MOST_OF_LONG_BODIES"), (bodies.SHORT, "MOST_OF_SHORT_BODIES")],
)
def test_at_the_limit_the_longest_stalled_body_makes_room(
    monkeypatch: pytest.MonkeyPatch, declared: int, limit: str
) -> None:
    monkeypatch.setattr(bodies, limit, 3 * (declared - 1))

    async def run() -> None:
        held = Bodies()
        slow = await stalled(held, 3, declared - 1, declared)
        newcomer = Client(declared, *[b"y" * (declared // 4)] * 2)
        task = newcomer.sends(held)
        await asyncio.sleep(0.01)
        assert statuses(slow) == [503]
        assert newcomer.body.size == declared // 4 * 2
        end([*slow, task])

    asyncio.run(run())


def test_a_body_longer_than_those_that_stall_is_refused_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bodies, "MOST_OF_LONG_BODIES", 3 * LONG)

    async def run() -> None:
        held = Bodies()
        slow = await stalled(held, 3, LONG, LONG + 1)
        newcomer = await stalled(held, 1, LONG + 1, LONG + 2)
        assert (statuses(slow), statuses(newcomer)) == ([], [503])
        end(slow)

    asyncio.run(run())


def test_what_has_arrived_whole_is_not_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MOST_OF_LONG_BODIES", LONG)

    async def run() -> None:
        held = Bodies()
        whole = Client(LONG, b"x" * LONG)
        await whole.sends(held)
        late = Client(LONG, b"y" * 10)
        with pytest.raises(RefusedError):
            await late.sends(held)
        assert whole.body.size == LONG
        held.release(whole.body)
        held.release(whole.body)  # a second time changes nothing
        await Client(LONG, b"z" * LONG).sends(held)

    asyncio.run(run())


@pytest.mark.parametrize("chunks", [[b"x" * 40_000] * 9, [b"x"]], ids=["long", "stalled"])
def test_a_body_that_nobody_wants_is_read_for_a_moment_and_no_longer(
    monkeypatch: pytest.MonkeyPatch, chunks: list[bytes]
) -> None:
    monkeypatch.setattr(bodies, "DISCARD_SECONDS", 0.05)
    client = Client(LONG * 10, *chunks)

    asyncio.run(asyncio.wait_for(bodies.discard(client), 5))

    assert not client.body.chunks
