"""A request that waits for its client's turn holds little, and ends when nobody wants its response."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from config import bodies, client_limits, rsgi
from tests.config.running_requests import MOST, ONE, OTHER, Running
from tests.config.test_rsgi import Sender, scope

SIZE = 100
LENGTH = ("content-length", str(SIZE))
TURN_HAS_NOT_COME = b"the turn of this request has not come\n"


class Gone(Sender):
    """A client that has gone: the server tells whoever asks."""

    async def client_disconnect(self) -> None:
        return


def bodied() -> Sender:
    return Sender([b"x" * SIZE])


def send(
    running: Running,
    first: Sequence[Sender],
    then: Sequence[tuple[tuple[str, str], Sender]],
    meanwhile: Callable[[rsgi.Application], object] = lambda _: None,
) -> None:
    """Send the requests of the one client, then others while its first are under way; then let all end."""

    async def run() -> None:
        application = rsgi.Application()

        def asked(who: tuple[str, str], sender: Sender) -> asyncio.Future[None]:
            head = [who, LENGTH] if sender.chunks else [who]
            return asyncio.ensure_future(application.__rsgi__(scope(*head, path="/api/x"), sender))

        requests = [asked(ONE, sender) for sender in first]
        while len(running.under_way) < MOST:
            await asyncio.sleep(0.01)
        requests += [asked(who, sender) for who, sender in then]
        meanwhile(application)
        await asyncio.wait(requests[len(first) :], timeout=1)
        running.may_end.set()
        await asyncio.gather(*requests)

    asyncio.run(run())


def test_waiting_requests_of_one_client_leave_room_for_the_bodies_of_others(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "MOST_OF_SHORT_BODIES", 10 * SIZE)
    monkeypatch.setattr(client_limits, "MOST_WAITING", 3 * SIZE)
    greedy, other = [bodied() for _ in range(20)], bodied()

    send(running, greedy, [(OTHER, other)])

    assert other.answers[0][0] == 200
    statuses = [each.answers[0][0] for each in greedy]
    assert (statuses.count(200), statuses.count(503)) == (MOST + 3, 15)


def test_a_waiting_request_whose_client_has_gone_is_never_begun(running: Running) -> None:
    gone: list[Any] = [Gone() for _ in range(5)]

    send(running, [Sender(), Sender()], [(ONE, each) for each in gone])

    assert len(running.under_way) == MOST


def test_a_request_waits_so_long_and_is_refused_then(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_limits, "PATIENCE", 0.05)
    late = Sender()

    send(running, [Sender(), Sender()], [(ONE, late)])

    status, headers, body = late.answers[0]
    assert (status, body) == (503, TURN_HAS_NOT_COME)
    assert ("retry-after", "1") in headers
    assert len(running.under_way) == MOST


def test_a_process_that_stops_refuses_what_waits_and_answers_what_has_begun(
    running: Running,
) -> None:
    begun, late = [Sender(), Sender()], Sender()

    send(running, begun, [(ONE, late)], meanwhile=lambda application: application._stop())

    assert [each.answers[0][0] for each in begun] == [200, 200]
    assert late.answers[0][0] == 503


def test_the_turns_of_requests_that_were_refused_are_not_lost(running: Running) -> None:
    gone: list[Any] = [Gone() for _ in range(9)]
    last = Sender()

    send(running, [Sender(), Sender()], [*((ONE, each) for each in gone), (ONE, last)])

    assert last.answers[0][0] == 200


def test_a_long_wait_has_a_line_in_the_log(
    running: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(rsgi, "LONG_WAIT", 0.1)

    send(running, [Sender(), Sender()], [(ONE, Sender())])

    assert [line for line in caplog.messages if "web.waited" in line and "/api/x" in line]
