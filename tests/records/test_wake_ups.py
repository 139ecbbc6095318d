"""Wake-ups: sent after the commit, without anything secret, and lost without harm."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from celery import current_app
from django.conf import settings
from django.db import connection, transaction

from approvals.actions import bulk_decisions, decisions
from approvals.actions.decisions import DecisionRequest
from approvals.models import Decision, OutboxEntry, User
from approvals.models.choices import Outcome
from approvals.records import wake_ups
from tests import factories
from tests.bulk import begun
from tests.factories import actor
from tests.order_executions import order_in, stop
from tests.starts import start

pytestmark = pytest.mark.django_db


def decide(outcome: str, by: User, **fields: Any) -> Decision:
    review, request = factories.review(), DecisionRequest(**fields)
    return decisions.decide(review.pk, Outcome(outcome), by=actor(by), request=request).decision


def wake_ups_sent() -> list[list[str]]:
    """Arguments of the tasks that lie in the test's own broker, which is empty afterwards."""
    assert wake_ups.flush(10)
    with current_app.connection() as broker, broker.SimpleQueue("countersign") as lying:
        return [lying.get(block=False).payload[0] for _ in range(len(lying))]


@pytest.mark.django_db(transaction=True)
def test_a_wake_up_is_sent_after_the_commit_holds_an_id_alone_and_waits_for_no_undo(
    alice: User,
) -> None:
    wake_ups_sent()
    with transaction.atomic():
        wake_ups.after_commit(wake_ups.DELIVER, alice.pk)
        transaction.set_rollback(True)
    decide("approved", alice, undo_seconds=1)
    assert wake_ups_sent() == []

    decide("approved", alice, undo_seconds=0)

    entry = OutboxEntry.objects.order_by("-created_at").first()
    assert wake_ups_sent() == [[str(entry.pk)]]


@pytest.mark.django_db(transaction=True)
def test_a_bulk_decision_wakes_a_worker_when_it_is_begun_tried_again_and_undone(
    alice: User,
) -> None:
    wake_ups_sent()
    job = begun([factories.review()], alice)
    assert wake_ups_sent() == [[str(job.pk)]]

    job.items.update(state="failed")
    bulk_decisions.retry(job.pk, by=actor(alice))
    bulk_decisions.undo(job.pk, by=actor(alice))

    assert wake_ups_sent() == [[str(job.pk)]] * 2


@pytest.mark.django_db(transaction=True)
def test_an_intervention_wakes_a_worker_for_its_call() -> None:
    wake_ups_sent()
    order_in("running")

    stop()

    assert wake_ups_sent() == [[str(OutboxEntry.objects.get().pk)]]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("starts")
def test_an_order_that_comes_again_wakes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wake_ups, "_starts", deque(maxlen=wake_ups.STARTS_A_SECOND))
    wake_ups_sent()

    for _ in range(2):
        start({"order_id": "7"})

    assert wake_ups_sent() == [[str(OutboxEntry.objects.get().pk)]]


@pytest.mark.django_db(transaction=True)
def test_of_many_starts_in_a_second_ten_send_a_wake_up_and_decisions_go_on_to(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    clock = SimpleNamespace(monotonic=lambda: now, sleep=time.sleep)
    monkeypatch.setattr(wake_ups, "time", clock)
    monkeypatch.setattr(wake_ups, "_starts", deque(maxlen=wake_ups.STARTS_A_SECOND))
    wake_ups_sent()

    def sent_of(starts: int) -> int:
        for _ in range(starts):
            wake_ups.start_after_commit(alice.pk, order="A-1")
        return len(wake_ups_sent())

    assert [sent_of(1), sent_of(99), sent_of(5)] == [1, wake_ups.STARTS_A_SECOND - 1, 0]
    decide("approved", alice, undo_seconds=0)
    assert len(wake_ups_sent()) == 1

    now += 1.0
    assert sent_of(3) == 3


APPROVE = """
import socket, sys, threading, time, django
django.setup()
callers, connect = set(), socket.socket.connect
def recorded(self, address):
    callers.add(threading.current_thread().name)
    return connect(self, address)
socket.socket.connect = recorded
from approvals.actions import bulk_decisions, decisions
from approvals.actors import Actor
from approvals.models import ReviewTask, User
from approvals.models.choices import Outcome, Surface
from approvals.records import wake_ups
alice = User.objects.get(email="alice@example.com")
began = time.monotonic()
at_once = decisions.DecisionRequest(undo_seconds=0)
for review in ReviewTask.objects.all():
    decisions.decide(review.pk, Outcome.APPROVED, by=Actor(alice, Surface.API), request=at_once)
for _ in range(int(sys.argv[1])):
    wake_ups.after_commit(wake_ups.DELIVER, review.pk)
took = time.monotonic() - began
wake_ups.flush(1.0)  # the sender has called by then
print(took, *callers, flush=True)
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("broker", ["amqp://127.0.0.1:{port}//", "sqs://id:secret@"])
def test_a_broker_that_never_answers_delays_no_decision(broker: str, alice: User) -> None:
    count = 12
    for _ in range(count):
        factories.review()
    address = "postgres://{user}@{host}:{port}/{dbname}".format(
        **connection.get_connection_params()
    )
    with socket.create_server(("127.0.0.1", 0), backlog=50) as hole:
        port = hole.getsockname()[1]
        surroundings = os.environ | {
            "DATABASE_URL": address,
            "CELERY_BROKER_URL": broker.format(port=port),
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "CELERY_QUEUE_URL": f"http://127.0.0.1:{port}/1/countersign",
        }
        run = subprocess.run(
            [sys.executable, "-c", APPROVE, "40"],
            env=surroundings,
            capture_output=True,
            text=True,
            check=True,
        )
        hole.setblocking(False)
        hole.accept()[0].close()  # it did call

    # Each that waited for the broker would have taken as long as that is given to answer.
    took, *callers = run.stdout.split()
    assert float(took) < count * settings.CELERY_BROKER_CONNECTION_TIMEOUT
    assert callers == ["wake-ups"], "no thread that decides calls the broker"
    assert '"event": "hint.lost"' in run.stderr
    assert {entry.state for entry in OutboxEntry.objects.all()} == {"waiting"}
    assert OutboxEntry.objects.count() == count


def test_what_no_broker_takes_is_lost_with_a_line_of_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hold = threading.Event()
    monkeypatch.setattr(current_app, "send_task", lambda *_, **__: hold.wait(30))
    more = 6
    for number in range(wake_ups.MOST_WAITING + more):
        wake_ups._put((wake_ups.DELIVER, str(number), {"review": "r-1"}))

    assert not wake_ups.flush(0.1)
    hold.set()

    assert wake_ups.flush(30)
    lost = [line for line in caplog.messages if "hint.lost" in line]
    assert len(lost) in {more - 1, more}  # one may be under way
    assert all("Full" in line and "r-1" in line for line in lost)


class Requests:
    """Requests to SQS, with the first arguments of their calls; those of `refused` are not taken."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, settings: Any, *refused: str) -> None:
        self.made: list[list[str]] = []
        self.times: list[float] = []
        self.refused = refused
        settings.CELERY_BROKER_URL = "sqs://"
        monkeypatch.setattr(current_app, "producer_or_acquire", self._producer)

    @contextmanager
    def _producer(self) -> Iterator[Any]:
        yield SimpleNamespace(channel=self)

    def send_calls(self, calls: Sequence[tuple[str, Sequence[str]]]) -> dict[int, str]:
        """As that of config.wake_up_queue."""
        rows = [given[0] for _, given in calls]
        self.made.append(rows)
        self.times.append(time.monotonic())
        if "broken" in rows:
            raise OSError
        return {at: "InternalError" for at, row in enumerate(rows) if row in self.refused}


def put(sender: wake_ups.Sender, *rows: str) -> None:
    for row in rows:
        sender.put((wake_ups.DELIVER, row, {"review": f"r-{row}"}))


def test_sqs_gets_the_first_wake_up_at_once_and_those_that_follow_in_requests_of_ten(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(wake_ups, "TOGETHER", 0.5)
    requests, sender = Requests(monkeypatch, settings), wake_ups.new_sender()
    began = time.monotonic()
    put(sender, "first")
    assert sender.flush(10)
    put(sender, *map(str, range(13)))
    assert sender.flush(10)

    assert requests.made == [["first"], [*map(str, range(10))], ["10", "11", "12"]]
    assert requests.times[0] - began < 0.4
    assert requests.times[1] - requests.times[0] >= 0.5


def test_only_the_wake_ups_that_sqs_did_not_take_are_lost(
    monkeypatch: pytest.MonkeyPatch, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    requests, sender = Requests(monkeypatch, settings, "b"), wake_ups.new_sender()
    monkeypatch.setattr(wake_ups, "TOGETHER", 0.2)
    put(sender, "alone")
    assert sender.flush(10)
    put(sender, "a", "b", "c")
    assert sender.flush(10)
    put(sender, "broken", "too")
    assert sender.flush(10)

    assert requests.made == [["alone"], ["a", "b", "c"], ["broken", "too"]]
    lost = [line for line in caplog.messages if "hint.lost" in line]
    assert len(lost) == 3
    assert "r-b" in lost[0]
    assert "InternalError" in lost[0]
    assert "r-broken" in lost[1]
    assert "r-too" in lost[2]
    assert "OSError" in lost[2]


def test_a_forked_process_sends_its_own_and_none_of_its_parents(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hold, told = threading.Event(), tmp_path / "told"
    monkeypatch.setattr(current_app, "send_task", lambda *_, **__: hold.wait(30))
    wake_ups._put((wake_ups.DELIVER, "of the parent", {}))

    child = os.fork()
    if child == 0:
        monkeypatch.setattr(
            current_app, "send_task", lambda _, args, **__: told.write_text(str(args))
        )
        wake_ups._put((wake_ups.DELIVER, "of the child", {}))
        os._exit(0 if wake_ups.flush(10) else 1)
    _, status = os.waitpid(child, 0)
    hold.set()

    assert status == 0
    assert told.read_text() == "['of the child']"
    assert wake_ups.flush(10)
