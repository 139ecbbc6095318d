"""Requests of one client wait for each other, and never for those of another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from config import client_limits, live_events, probes, rsgi, web_server_settings
from tests.conditions import wait_until
from tests.config.running_requests import MOST, ONE, OTHER, Running
from tests.config.test_rsgi import Sender, scope


def send(
    running: Running, *requests: tuple[str, tuple[str, str]], then: Callable[[], object]
) -> list[Sender]:
    """Send requests (path, header) at once, call `then` while they run, and let them end."""
    senders = [Sender() for _ in requests]

    def watch() -> None:
        try:
            then()
        finally:
            running.may_end.set()

    async def at_once() -> None:
        application = rsgi.Application()
        asked = [
            asyncio.ensure_future(application.__rsgi__(scope(header, path=path), sender))
            for (path, header), sender in zip(requests, senders, strict=True)
        ]
        await asyncio.gather(asyncio.to_thread(watch), *asked)

    asyncio.run(at_once())
    return senders


def test_further_requests_of_a_client_wait_and_those_of_another_do_not(running: Running) -> None:
    requests = [*((f"/api/{number}", ONE) for number in range(5)), ("/api/other", OTHER)]

    senders = send(
        running,
        *requests,
        then=lambda: wait_until(
            lambda: sorted(running.under_way) == ["/api/0", "/api/1", "/api/other"],
            what="those that may run",
        ),
    )

    assert [sender.answers[0][0] for sender in senders] == [200] * 6
    assert sorted(running.under_way[3:]) == ["/api/2", "/api/3", "/api/4"]


def test_a_request_that_gives_way_lets_one_more_begin_and_only_one(running: Running) -> None:
    requests = [(f"/api/{number}", ONE) for number in range(5)]

    def give_way() -> None:
        wait_until(lambda: len(running.environs) == MOST, what="those that may run")
        for _ in range(2):
            client_limits.give_way(running.environs[0])
        wait_until(
            lambda: sorted(running.under_way) == ["/api/0", "/api/1", "/api/2"], what="one more"
        )

    send(running, *requests, then=give_way)

    assert len(running.under_way) == 5


def test_a_probe_never_waits_for_other_requests_of_its_client(running: Running) -> None:
    probe = min(probes.PATHS)
    requests = [*((f"/api/{number}", ONE) for number in range(3)), (probe, ONE)]

    send(
        running,
        *requests,
        then=lambda: wait_until(lambda: probe in running.under_way, what="the probe"),
    )


def gap(limits: client_limits.ClientLimits, requests: int) -> tuple[float, float]:
    """Of so many requests at once, how long the first turn was, and how long after it the second one began."""
    turns: list[tuple[float, float]] = []

    async def ask() -> None:
        loop = asyncio.get_running_loop()
        async with limits.turn("a"):
            began = loop.time()
            await asyncio.sleep(0.05)
            turns.append((began, loop.time()))

    async def all_at_once() -> None:
        await asyncio.gather(*(ask() for _ in range(requests)))

    asyncio.run(all_at_once())
    (first_began, first_ended), (second_began, _) = turns[:2]
    return first_ended - first_began, second_began - first_ended


@pytest.mark.parametrize(("requests", "pauses"), [(client_limits.CROWD + 1, True), (3, False)])
def test_the_turns_of_a_crowd_are_followed_by_pauses_as_long(requests: int, pauses: bool) -> None:
    turn, pause = gap(client_limits.ClientLimits(1), requests)

    assert (pause >= turn * 0.9) == pauses


def test_so_are_those_of_a_client_who_has_always_had_a_request_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_limits, "BUSY", 0.01)

    turn, pause = gap(client_limits.ClientLimits(1), 3)

    assert pause >= turn * 0.9


def test_a_pause_is_never_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_limits, "LONGEST_PAUSE", 0.0)

    turn, pause = gap(client_limits.ClientLimits(1), client_limits.CROWD + 1)

    assert pause < turn


def test_a_token_is_a_client_of_its_own_once_it_was_authenticated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_limits, "MOST_KNOWN", 2)
    limits = client_limits.ClientLimits(1)

    def environ(token: str) -> dict[str, Any]:
        bearer = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
        return {"PATH_INFO": "/api/v1/", "REMOTE_ADDR": "192.0.2.1", **bearer}

    async def clients() -> list[str]:
        found = []
        for token in ("a", "b", "c"):
            asked = environ(token)
            found.append(limits.name_of(asked))
            client_limits.authenticated(asked)
            await asyncio.sleep(0)  # the server's thread remembers it
        return [*found, *(limits.name_of(environ(token)) for token in ("a", "b", "c"))]

    first, then = ["address 192.0.2.1"] * 3, ["address 192.0.2.1", "token b", "token c"]
    assert asyncio.run(clients()) == first + then


def test_a_client_is_forgotten_when_its_requests_are_answered() -> None:
    limits = client_limits.ClientLimits(MOST)

    async def one_after_the_other() -> None:
        for name in ("a", "a", "b"):
            async with limits.turn(name):
                assert len(limits._clients) == 1

    asyncio.run(one_after_the_other())
    assert limits._clients == {}


def test_an_open_stream_is_no_request_of_its_client(
    monkeypatch: pytest.MonkeyPatch, running: Running
) -> None:
    monkeypatch.setattr(web_server_settings, "CLIENT_REQUESTS", 1)
    opened = asyncio.Event()

    async def stream(self: rsgi.Application, protocol: Any, allowed: dict[str, Any]) -> None:
        opened.set()
        await asyncio.sleep(30)

    monkeypatch.setattr(rsgi.Application, "_stream", stream)
    monkeypatch.setattr(
        rsgi, "answer", lambda environ, _: (200, [], b"{}")
    )  # of the stream, and of what comes after it

    async def beside_each_other() -> None:
        application, sender = rsgi.Application(), Sender()
        held = asyncio.ensure_future(
            application.__rsgi__(scope(ONE, path=live_events.PATH), Sender())
        )
        await opened.wait()
        await asyncio.wait_for(application.__rsgi__(scope(ONE, path="/api/"), sender), 10)
        assert sender.answers[0][0] == 200
        held.cancel()

    asyncio.run(beside_each_other())


def one(path: str = "/", **environ: str) -> str:
    head = {"REMOTE_ADDR": "192.0.2.1", "PATH_INFO": path, **environ}
    return client_limits.client_of(head) or client_limits.address_of(head)


@pytest.fixture
def proxied(settings: Settings) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    settings.SESSION_COOKIE_NAME = "s"


MINE = "m" * 32


@pytest.mark.parametrize(
    ("path", "environ", "client"),
    [
        ("/api/", {"HTTP_AUTHORIZATION": "Bearer a", "HTTP_COOKIE": f"s={MINE}"}, "token a"),
        ("/", {"HTTP_AUTHORIZATION": "Bearer a", "HTTP_COOKIE": f"s={MINE}"}, f"session {MINE}"),
        ("/", {"HTTP_COOKIE": f"csrf=a; s={MINE}"}, f"session {MINE}"),
        ("/", {"HTTP_COOKIE": f"xs={MINE}"}, "address 192.0.2.1"),
        ("/", {"HTTP_COOKIE": "s="}, "address 192.0.2.1"),
        ("/", {"HTTP_X_FORWARDED_FOR": "203.0.113.9, 198.51.100.7"}, "address 198.51.100.7"),
        ("/", {"HTTP_X_FORWARDED_FOR": "198.51.100.7:5000"}, "address 198.51.100.7"),
        ("/", {"HTTP_X_FORWARDED_FOR": "2001:db8::1"}, "address 2001:db8::/64"),
        ("/", {}, "address 192.0.2.1"),
    ],
)
@pytest.mark.usefixtures("proxied")
def test_a_client_is_a_token_a_session_or_the_address_that_our_proxy_reports(
    path: str, environ: dict[str, str], client: str
) -> None:
    assert one(path, **environ) == client


@pytest.mark.parametrize("spelt", ["Bearer  a", "bearer a", "BEARER    a", " Bearer a "])
def test_a_token_is_one_client_however_its_header_is_spelt(spelt: str) -> None:
    assert one("/api/", HTTP_AUTHORIZATION=spelt) == one("/api/", HTTP_AUTHORIZATION="Bearer a")


@pytest.mark.usefixtures("proxied")
def test_nobody_is_many_clients_by_other_spellings_of_a_session() -> None:
    spelt = [f"s={MINE}", *(f"s=x{n}; s={MINE}" for n in range(3)), f's="{MINE}"']
    spelt += [f's="{MINE[:at]}\\155{MINE[at + 1 :]}"' for at in range(5)]

    found = {one(HTTP_COOKIE=each, HTTP_AUTHORIZATION=f"x {each}") for each in spelt}

    assert found == {f"session {MINE}", "address 192.0.2.1"}


@pytest.mark.usefixtures("proxied")
def test_people_behind_a_proxy_with_basic_authentication_are_several_clients() -> None:
    gate = {"HTTP_AUTHORIZATION": "Basic c2hhcmVk"}

    assert one(HTTP_COOKIE=f"s={MINE}", **gate) != one(HTTP_COOKIE=f"s={'o' * 32}", **gate)


def test_without_a_limit_of_the_server_giving_way_does_nothing() -> None:
    client_limits.give_way({})
