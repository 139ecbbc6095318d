"""The demo's traffic: what people order, and how they behave towards the product's REST door."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from local import orders
from local.orders import CARDS, Shop, order

ROOT = Path(__file__).parents[2]


class Door(ThreadingHTTPServer):
    """Answers like `/api/v1/orders/` and `/api/v1/reviews/` and keeps what it was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Doorman)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.statuses: list[int] = []
        self.waiting = 0
        self.placed: list[dict[str, object]] = []
        self.tokens: set[str | None] = set()
        self.busy = threading.Event()


class Doorman(BaseHTTPRequestHandler):
    server: Door

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
def door() -> Iterator[Door]:
    with Door() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("kind", CARDS)
def test_same_kind_and_number_is_the_same_order(kind: str) -> None:
    assert order(kind, 7) == order(kind, 7)
    assert order(kind, 7)["order_id"] != order(kind, 8)["order_id"]
    assert json.loads(json.dumps(order(kind, 7))) == order(kind, 7)


def test_addresses_of_customers_are_plain() -> None:
    addresses = {order("paid", number)["customer"]["email"] for number in range(200)}

    assert all(address.isascii() and "'" not in address for address in addresses)
    assert {"zoe.vermeulen@example.com", "grace.oneill@example.com"} <= addresses


def test_order_is_tried_again_until_the_door_takes_it(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    door.statuses = [404, 503, 429, 500, 202]

    orders._place_until_accepted(Shop(door.url, "t"), order("paid", 1), "paid")

    assert len(door.placed) == 1


def test_refusal_is_an_answer(door: Door) -> None:
    door.statuses = [409]

    orders._place_until_accepted(Shop(door.url, "t"), order("paid", 1), "paid")

    assert door.placed == []


@pytest.mark.parametrize("waiting", [0, 40])
def test_full_desk_gets_no_new_reviews(
    door: Door, monkeypatch: pytest.MonkeyPatch, waiting: int
) -> None:
    class EnoughError(Exception):
        pass

    def pause(placed: int) -> float:
        if placed == 11:
            raise EnoughError
        return 0

    monkeypatch.setattr(orders, "_pause", pause)
    door.waiting = waiting

    with pytest.raises(EnoughError):
        orders.keep_ordering(Shop(door.url, "t"))

    cards = [placed["payment"]["card"] for placed in door.placed]  # type: ignore[index]
    assert len(cards) == 12
    assert ("card_fraud" in cards) is (waiting == 0)


def test_pace_is_human() -> None:
    assert orders._pause(0) < 1
    assert 5 <= orders._pause(20) <= 20
    assert 30 <= orders._pause(1000) <= 90


def test_process_orders_with_its_token_and_stops_at_once(door: Door) -> None:
    environment = os.environ | {"PUBLIC_URL": door.url, "DEMO_API_TOKEN": "secret"}
    command = [sys.executable, "-m", "local.orders"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) as process:
        assert door.busy.wait(20)
        process.send_signal(signal.SIGTERM)
        assert process.wait(2) == 0

    assert door.tokens == {"Bearer secret"}


def test_nobody_answering_is_waited_for_and_left_at_once() -> None:
    environment = os.environ | {"PUBLIC_URL": "http://127.0.0.1:9", "DEMO_API_TOKEN": "secret"}
    command = [sys.executable, "-m", "local.orders"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.terminate()
        assert process.wait(2) == 0


def test_missing_settings_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PUBLIC_URL", raising=False)
    monkeypatch.setattr(signal, "signal", lambda *_: None)

    assert orders.main() == 2
    assert "DEMO_API_TOKEN" in capsys.readouterr().err
