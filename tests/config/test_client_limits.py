"""Requests of one client wait for each other, and never for those of another."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from config import client_limits, live_events, probes, rsgi, web_server_settings
from tests.conditions import wait_until
from tests.config.test_rsgi import Sender, scope

MOST = 2


class Running:
    """A Django whose requests last until they are told to end; it knows which are under way."""

    def __init__(self) -> None:
        self.under_way: list[str] = []
        self.environs: list[dict[str, Any]] = []
        self.may_end = threading.Event()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.under_way.append(environ["PATH_INFO"])
        self.environs.append(environ)
        self.may_end.wait(30)
        start_response("200 OK", [])
        return [b""]


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Running:
    found = Running()
    monkeypatch.setattr(rsgi, "django", found)
    monkeypatch.setattr(web_server_settings, "CLIENT_REQUESTS", MOST)
    return found


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


ONE, OTHER = ("authorization", "Bearer one"), ("authorization", "Bearer other")


def test_further_requests_of_a_client_wait_and_those_of_another_do_not(running: Running) -> None:
    requests = [*((f"/{number}", ONE) for number in range(5)), ("/other", OTHER)]

    senders = send(
        running,
        *requests,
        then=lambda: wait_until(
            lambda: sorted(running.under_way) == ["/0", "/1", "/other"], what="those that may run"
        ),
    )

    assert [sender.answers[0][0] for sender in senders] == [200] * 6
    assert sorted(running.under_way[3:]) == ["/2", "/3", "/4"]


def test_a_request_that_gives_way_lets_one_more_begin_and_only_one(running: Running) -> None:
    requests = [(f"/{number}", ONE) for number in range(5)]

    def give_way() -> None:
        wait_until(lambda: len(running.environs) == MOST, what="those that may run")
        for _ in range(2):
            client_limits.give_way(running.environs[0])
        wait_until(lambda: sorted(running.under_way) == ["/0", "/1", "/2"], what="one more")

    send(running, *requests, then=give_way)

    assert len(running.under_way) == 5


def test_a_probe_never_waits_for_other_requests_of_its_client(running: Running) -> None:
    probe = min(probes.PATHS)
    requests = [*((f"/{number}", ONE) for number in range(3)), (probe, ONE)]

    send(
        running,
        *requests,
        then=lambda: wait_until(lambda: probe in running.under_way, what="the probe"),
    )


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
        await asyncio.wait_for(application.__rsgi__(scope(ONE), sender), 10)
        assert sender.answers[0][0] == 200
        held.cancel()

    asyncio.run(beside_each_other())


@pytest.mark.parametrize(
    ("environ", "client"),
    [
        (
            {"HTTP_AUTHORIZATION": "Bearer a", "HTTP_COOKIE": "sessionid=b"},
            "authorization Bearer a",
        ),
        ({"HTTP_COOKIE": "csrftoken=a; sessionid=b"}, "session b"),
        ({"HTTP_COOKIE": "xsessionid=b"}, "address 192.0.2.1"),
        ({"HTTP_X_FORWARDED_FOR": "203.0.113.9, 198.51.100.7"}, "address 198.51.100.7"),
        ({}, "address 192.0.2.1"),
    ],
)
def test_a_client_is_a_token_else_a_session_else_the_address_that_our_proxy_reports(
    settings: Settings, environ: dict[str, str], client: str
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    settings.SESSION_COOKIE_NAME = "sessionid"

    assert client_limits.client_of({"REMOTE_ADDR": "192.0.2.1", **environ}) == client


def test_without_a_limit_of_the_server_giving_way_does_nothing() -> None:
    client_limits.give_way({})
