"""The demo's order traffic: the orders, and how the client behaves towards the REST API."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from local import order_traffic
from local.order_traffic import CARDS, OrderClient, order
from tests.paths import ROOT

AT_ONCE = 4  # seconds; it waits up to 15 for a response and up to 90 between two orders


class FakeApi(ThreadingHTTPServer):
    """Responds like `/api/v1/orders/` and `/api/v1/reviews/` and keeps the orders and tokens it got."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), FakeApiHandler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.statuses: list[int] = []
        self.waiting = 0
        self.placed: list[dict[str, Any]] = []
        self.tokens: set[str | None] = set()
        self.busy = threading.Event()


class FakeApiHandler(BaseHTTPRequestHandler):
    server: FakeApi

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = self.server.statuses.pop(0) if self.server.statuses else 201
        if status < 300:
            self.server.placed.append(body)
            self.server.tokens.add(self.headers["Authorization"])
        if len(self.server.placed) >= 3:
            self.server.busy.set()
        self._answer(status, {"order_id": body["order_id"]})

    def do_GET(self) -> None:
        self._answer(200, {"results": [{}] * self.server.waiting})

    def _answer(self, status: int, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("kind", CARDS)
def test_the_same_kind_and_number_make_the_same_order(kind: str) -> None:
    assert order(kind, 7) == order(kind, 7)
    assert order(kind, 7)["order_id"] != order(kind, 8)["order_id"]
    assert json.loads(json.dumps(order(kind, 7))) == order(kind, 7)


def test_addresses_of_customers_are_plain() -> None:
    addresses = {order("paid", number)["customer"]["email"] for number in range(200)}

    assert all(address.isascii() and "'" not in address for address in addresses)
    assert {"zoe.vermeulen@example.com", "grace.oneill@example.com"} <= addresses


def test_an_order_is_sent_again_until_the_api_accepts_it(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    api.statuses = [404, 503, 429, 500, 202]

    order_traffic._place_until_accepted(OrderClient(api.url, "t"), order("paid", 1), "paid")

    assert len(api.placed) == 1


def test_a_refused_order_is_not_sent_again(api: FakeApi) -> None:
    api.statuses = [409]

    order_traffic._place_until_accepted(OrderClient(api.url, "t"), order("paid", 1), "paid")

    assert api.placed == []


@pytest.mark.parametrize("waiting", [0, 40])
def test_a_full_queue_gets_no_new_reviews(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, waiting: int
) -> None:
    class EnoughError(Exception):
        pass

    def pause(placed: int) -> float:
        if placed == 11:
            raise EnoughError
        return 0

    monkeypatch.setattr(order_traffic, "_pause", pause)
    api.waiting = waiting

    endless: Callable[[OrderClient], object] = order_traffic.keep_ordering
    with pytest.raises(EnoughError):
        endless(OrderClient(api.url, "t"))

    cards = [placed["payment"]["card"] for placed in api.placed]
    assert len(cards) == 12
    assert ("card_fraud" in cards) is (waiting == 0)


def test_the_pace_is_that_of_people() -> None:
    assert order_traffic._pause(0) < 1
    assert 5 <= order_traffic._pause(20) <= 20
    assert 30 <= order_traffic._pause(1000) <= 90


@contextmanager
def ordering(url: str) -> Iterator[subprocess.Popen[str]]:
    """The process that orders at `url`, with its log on standard error; it must end by SIGTERM."""
    environment = os.environ | {
        "PUBLIC_URL": url,
        "DEMO_API_TOKEN": "secret",
        "LOG_LEVEL": "DEBUG",
    }
    command = [sys.executable, "-m", "local.order_traffic"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
            process.terminate()
            assert process.wait(AT_ONCE) == 0
        finally:
            process.kill()


def test_the_process_orders_with_its_token_and_stops_at_once(api: FakeApi) -> None:
    with ordering(api.url):
        assert api.busy.wait(60)

    assert api.tokens == {"Bearer secret"}


def test_the_process_waits_for_a_service_that_does_not_answer_and_stops_at_once() -> None:
    with ordering("http://127.0.0.1:9") as process:
        for _ in range(3):
            assert "no answer yet" in process.stderr.readline()


def test_missing_settings_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PUBLIC_URL", raising=False)
    monkeypatch.setattr(signal, "signal", lambda *_: None)

    assert order_traffic.main() == 2
    assert "DEMO_API_TOKEN" in capsys.readouterr().err
