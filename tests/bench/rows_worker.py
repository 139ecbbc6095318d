"""Messages in and callbacks out: intake, delivery and their floors in boto3, and decision to call."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import psycopg

from tests.bench.harness import Bench, running
from tests.bench.processes import BenchError, Process
from tests.bench.rows import Group, Measured, Spec, interleaved, median, percentile
from tests.bench.rows_decision import decisions

THREADS, AT_ONCE = 4, 8
CALL_SECONDS = 0.05
DECISIONS_A_SECOND = 24
PATIENCE = 120.0  # seconds until a measurement must be over
WARM = 50  # messages or calls before the clock starts
WARM_SECONDS = 2.0  # for messages, which never end: all processes have started


def measure_intake(bench: Bench) -> dict[str, Measured]:
    """Messages a second from a queue that is always full; with one process, and with two."""

    def one() -> float:
        return _rate(bench, "deleted", lambda: [_poller(bench)])

    def two() -> float:
        return _rate(bench, "deleted", lambda: [_poller(bench), _poller(bench)])

    def floor() -> float:
        return _rate(bench, "deleted", lambda: [_boto3(bench, "intake", THREADS)])

    found = interleaved(bench.runs, {"one": one, "two": two, "floor": floor})
    single = median(found["one"])
    return {
        "intake, one process": Measured(single, median(found["floor"])),
        "intake, two processes": Measured(median(found["two"]), single),
    }


def measure_delivery(bench: Bench) -> dict[str, Measured]:
    """Callbacks a second that wait already, each call 50 ms long; with one process, and with two."""

    def one() -> float:
        return _rate(bench, "callbacks", lambda: [bench.start("sweeper")])

    def two() -> float:
        return _rate(bench, "callbacks", lambda: [bench.start("sweeper"), bench.start("sweeper")])

    def floor() -> float:
        return _rate(bench, "callbacks", lambda: [_boto3(bench, "delivery", AT_ONCE)])

    settle(bench)
    found = interleaved(bench.runs, {"one": one, "two": two, "floor": floor})
    settle(bench)
    single = median(found["one"])
    return {
        "delivery, one process": Measured(single, median(found["floor"])),
        "delivery, two processes": Measured(median(found["two"]), single),
    }


def _poller(bench: Bench) -> Process:
    return bench.start("poller", "--queue", "orders", "--threads", str(THREADS))


def _boto3(bench: Bench, what: str, threads: int) -> Process:
    """The same calls without a database: what boto3 alone can do."""
    command = ["python", "-m", "tests.bench.boto3_floor", what, str(threads)]
    return Process.start(command, bench.environment(bench.database), bench.log("boto3"))


def _rate(bench: Bench, counted: str, start: Callable[[], list[Process]]) -> float:
    """What the stub counts a second, once the first have come, until all callbacks or the time are over."""
    wanted = bench.effort.entries
    if counted == "callbacks":
        bench.database.refill(wanted + 2 * WARM, "due")
    bench.stub.request("POST", "/control", {"reset": True, "delay": CALL_SECONDS, "supply": 10**9})
    with running(*start()):
        _until(bench, counted, 1)
        time.sleep(0 if counted == "callbacks" else WARM_SECONDS)
        began = _until(bench, counted, WARM)
        if counted == "callbacks":
            ended = _until(bench, counted, began[counted] + wanted)
        else:
            time.sleep(bench.effort.seconds)
            ended = bench.stub.request("GET", "/state")
    bench.stub.request("POST", "/control", {"supply": 0, "delay": 0})
    return float((ended[counted] - began[counted]) / (ended["at"] - began["at"]))


def _until(bench: Bench, counted: str, count: int) -> dict[str, Any]:
    """The state of the stub once it has counted so many. Raises BenchError."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        state: dict[str, Any] = bench.stub.request("GET", "/state")
        if state[counted] >= count:
            return state
        time.sleep(0.02)
    raise BenchError(f"{state[counted]} of {count} {counted} in {PATIENCE:.0f} s")


def settle(bench: Bench) -> None:
    """Let nothing be due in outbox and executions: what an earlier measurement left is not this one's."""
    with psycopg.connect(bench.database.url, autocommit=True) as database:
        database.execute(
            "UPDATE approvals_executionsnapshot SET due_at = due_at + interval '1 day'"
            " WHERE due_at < now() + interval '1 hour'"
        )
        database.execute(
            "UPDATE approvals_outboxentry SET state = 'settled', detail = 'acknowledged',"
            " ended_at = now(), lease_until = NULL WHERE state IN ('waiting', 'sending')"
        )


def measure_latency(bench: Bench) -> dict[str, Measured]:
    """From a decision's time to its call, at 24 decisions a second, with the processes of docs/deploy.md."""
    count = int(DECISIONS_A_SECOND * bench.effort.seconds)
    settle(bench)
    bench.stub.request("POST", "/control", {"reset": True, "delay": CALL_SECONDS, "supply": 0})
    waits: list[list[float]] = []
    with contextlib.ExitStack() as stack:
        web = stack.enter_context(bench.web())
        stack.enter_context(running(bench.start("worker"), bench.start("sweeper")))
        _decide(bench, web, 2 * DECISIONS_A_SECOND)
        _until(bench, "callbacks", 2 * DECISIONS_A_SECOND)
        for _ in range(bench.runs):
            bench.stub.request("POST", "/control", {"reset": True})
            _decide(bench, web, count)
            _until(bench, "callbacks", count)
            waits.append([_wait(*call) for call in bench.stub.request("GET", "/calls")])
    bench.stub.request("POST", "/control", {"delay": 0})
    return {
        "decision to call, 24/s, p50": Measured(median(percentile(run, 50) for run in waits)),
        "decision to call, 24/s, p99": Measured(median(percentile(run, 99) for run in waits)),
    }


def _decide(bench: Bench, web: Process, count: int) -> None:
    requests = decisions(bench.database.tokens, bench.database.refill(count, "open"))
    plan = {"mode": "rate", "threads": 24, "rate": DECISIONS_A_SECOND, "requests": requests}
    bench.load({"port": web.port, **plan}).expect(201)


def _wait(arrived: float, output: str) -> float:
    """Milliseconds from the time in a decision's output to the arrival of its call."""
    decided = datetime.fromisoformat(json.loads(output)["decided_at"])
    return (arrived - decided.timestamp()) * 1000


GROUPS = (
    Group(
        "intake",
        (
            Spec("intake, one process", "/s", ">= 1,200", higher=True),
            Spec("intake, two processes", "/s", "ratio >= 1.6", higher=True),
        ),
        measure_intake,
    ),
    Group(
        "delivery",
        (
            Spec("delivery, one process", "/s", "ratio >= 0.8", higher=True),
            Spec("delivery, two processes", "/s", "ratio >= 1.6", higher=True),
        ),
        measure_delivery,
    ),
    Group(
        "latency",
        (
            Spec("decision to call, 24/s, p50", "ms", "<= 80"),
            Spec("decision to call, 24/s, p99", "ms", "<= 300"),
        ),
        measure_latency,
    ),
)
