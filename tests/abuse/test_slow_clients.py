"""Clients that send slowly, and orders that wait, keep nobody else waiting."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.abuse import served
from tests.abuse.served import Web
from tests.conditions import wait_until

HEAD = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
BODY = (
    b"POST /api/v1/webhooks/decision/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
)
LONG = 2 * 2**20
LONG_BODY = BODY.replace(b"1000", str(LONG).encode()) + b" " * (LONG - 100)
DEADLINE = 5  # seconds
AT_ONCE = 3.0  # seconds, on a machine that others use too; it was 20, or never
AWAITED = 4


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """The web process with short deadlines. Nothing starts the orders: it is as if AWS were silent."""
    deadlines = {"WEB_HEAD_SECONDS": str(DEADLINE), "WEB_BODY_SECONDS": str(DEADLINE)}
    with served.web(
        tmp_path_factory.mktemp("web"), ORDER_STARTS_AWAITED=str(AWAITED), **deadlines
    ) as made:
        assert made.page().status == 200  # what is compiled once is compiled
        yield made


@pytest.mark.parametrize("sent", [HEAD, BODY], ids=["heads", "bodies"])
def test_half_requests_keep_nobody_waiting_and_are_hung_up_on(web: Web, sent: bytes) -> None:
    with web.holding(sent, 100) as lines:
        page, live = web.page(), web.get("/healthz/live")
        held = not web.has_hung_up_on(lines[:1])

        assert (page.status, live.status) == (200, 200)
        assert page.seconds < AT_ONCE
        assert live.seconds < AT_ONCE
        assert held  # the attack was still under way
        wait_until(
            lambda: web.has_hung_up_on(lines), seconds=DEADLINE * 3, what="the end of the attack"
        )


@pytest.mark.campaign
def test_five_hundred_half_requests_of_each_kind_keep_nobody_waiting(web: Web) -> None:
    with web.holding(HEAD, 500), web.holding(BODY, 500):
        answers = [
            web.page(),
            web.get("/healthz/live"),
            web.get("/healthz/live", port=web.probe_port),
        ]

    assert [answer.status for answer in answers] == [200] * 3
    assert all(answer.seconds < AT_ONCE for answer in answers)


def test_long_bodies_that_stall_refuse_nobody_elses(web: Web) -> None:
    with web.holding(LONG_BODY, 40):  # 80 MiB
        orders = [web.order(number).status for number in range(1_000, 1_003)]
        long = web.request("POST", "/accounts/login/", body="x" * 500_000)

    assert orders == [202] * 3
    assert long.status == 403  # Django's: its form has no token


def test_a_body_that_trickles_has_the_same_deadline(web: Web) -> None:
    with web.holding(BODY, 1) as (line,):
        began = time.monotonic()
        while time.monotonic() < began + DEADLINE - 1:
            line.sendall(b" ")
            time.sleep(0.5)
        line.settimeout(DEADLINE)

        assert line.recv(100).startswith(b"HTTP/1.1 408 ")


def test_orders_wait_for_their_execution_only_while_few_wait(web: Web) -> None:
    with ThreadPoolExecutor(120) as people:
        answers = [people.submit(web.order, number) for number in range(120)]
        time.sleep(0.5)
        live = web.get("/healthz/live")
        page = web.page()

    found = [answer.result() for answer in answers]
    assert {answer.status for answer in found} == {202}
    assert len({json.loads(answer.body)["order_id"] for answer in found}) == 120
    # The four that wait are three seconds each; without a cap 120 waited in 64 threads.
    assert live.seconds < AT_ONCE
    assert page.seconds < AT_ONCE


def test_metrics_are_on_the_probe_port_alone(web: Web) -> None:
    assert web.get("/metrics").status == 404
    assert web.get("/metrics", headers={"Countersign.probe_port": "1"}).status == 404
    assert b"django_http_requests" in web.get("/metrics", port=web.probe_port).body
    for path in ("/", "/admin/", "/api/v1/queues/", "/healthz/live/../../"):
        assert web.get(path, port=web.probe_port).status == 404


def test_probes_are_answered_although_all_threads_are_busy(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with (
        served.web(tmp_path_factory.mktemp("busy"), ORDER_STARTS_AWAITED="1000") as web,
        ThreadPoolExecutor(64) as people,
    ):
        waiting = [people.submit(web.order, number) for number in range(64)]
        wait_until(
            lambda: web.page().seconds > 0.5, seconds=10, what="a pool without a free thread"
        )
        asked = [
            (path, port)
            for path in ("/healthz/live", "/healthz/ready")
            for port in (web.port, web.probe_port)
        ]
        probes = [web.get(path, port=port) for path, port in asked]

        assert [answer.status for answer in probes] == [200] * 4
        assert max(answer.seconds for answer in probes) < AT_ONCE
        assert {answer.result().status for answer in waiting} == {202}


# A busy machine may need longer than the server gives a worker: here only one that hangs is killed.
PATIENT = """
import runpy
from config import web_server_settings
web_server_settings.GRACE = 60
runpy.run_module("config.web", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize(
    "command",
    [
        ["-c", PATIENT],
        pytest.param(["-m", "gunicorn", "-c", "config/gunicorn.py"], marks=pytest.mark.campaign),
    ],
    ids=["granian", "gunicorn"],
)
def test_a_request_under_way_is_answered_before_the_process_ends(
    tmp_path_factory: pytest.TempPathFactory, command: list[str]
) -> None:
    with served.web(tmp_path_factory.mktemp("stopped"), command, WEB_CONCURRENCY="2") as web:
        with ThreadPoolExecutor(1) as people:
            waiting = people.submit(web.order, 1)  # three seconds
            wait_until(lambda: "order.accepted" in web.log.read_text(), seconds=30, what="an order")
            web.process.send_signal(signal.SIGTERM)
            answer = waiting.result()
        code = web.process.wait(90)

        assert answer.status == 202
        assert code == 0
        assert "refused to gracefully stop" not in web.log.read_text()
        assert all(json.loads(line) for line in web.log.read_text().splitlines())


@pytest.mark.campaign
def test_workers_end_with_their_master(tmp_path_factory: pytest.TempPathFactory) -> None:
    with served.web(tmp_path_factory.mktemp("killed")) as web:
        web.process.kill()
        web.process.wait()

        wait_until(lambda: not web.lives(), seconds=20, what="the end of the worker")


@pytest.mark.campaign
def test_a_worker_that_dies_is_replaced(tmp_path_factory: pytest.TempPathFactory) -> None:
    with served.web(tmp_path_factory.mktemp("replaced")) as web:
        (worker,) = web.workers()
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: web.workers() not in ([], [worker]), seconds=30, what="another worker")

        wait_until(web.lives, seconds=30, what="the other worker")
        assert web.page().status == 200


def test_a_second_service_is_refused_the_port_of_the_first(web: Web) -> None:
    done = web.second()

    assert done.returncode == 1
    assert done.stderr.startswith("PORT or PROBE_PORT cannot be listened on: ")
    assert done.stderr.count("\n") == 1
