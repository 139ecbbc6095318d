"""Wake-ups: sent after the commit, without anything secret, and lost without harm."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.db import connection, transaction

from approvals.actions import decisions
from approvals.actions.decisions import DecisionRequest
from approvals.models import Decision, OutboxEntry, User
from approvals.models.choices import Outcome
from approvals.records import wake_ups
from tests import factories
from tests.factories import actor

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
    decide("approved", alice, undo_seconds=10)
    assert wake_ups_sent() == []

    decide("approved", alice, undo_seconds=0)

    entry = OutboxEntry.objects.order_by("-created_at").first()
    assert wake_ups_sent() == [[str(entry.pk)]]


APPROVE = """
import sys, time, django
django.setup()
from approvals.actions import decisions
from approvals.actors import Actor
from approvals.models import ReviewTask, User
from approvals.models.choices import Outcome, Surface
review, alice = ReviewTask.objects.get(), User.objects.get(email="alice@example.com")
began = time.monotonic()
at_once = decisions.DecisionRequest(undo_seconds=0)
decisions.decide(review.pk, Outcome.APPROVED, by=Actor(alice, Surface.API), request=at_once)
print(time.monotonic() - began)
from approvals.records import wake_ups
for _ in range(int(sys.argv[1])):
    wake_ups.after_commit(wake_ups.DELIVER, review.pk)
print(time.monotonic() - began, flush=True)
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("broker", ["amqp://127.0.0.1:{port}//", "sqs://id:secret@"])
def test_a_broker_that_never_answers_delays_no_decision(broker: str, alice: User) -> None:
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

    alone, among_others = map(float, run.stdout.split())
    assert alone < 1
    assert among_others < 1  # none has waited for the broker
    assert '"event": "hint.lost"' in run.stderr
    assert OutboxEntry.objects.get().state == "waiting"


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
