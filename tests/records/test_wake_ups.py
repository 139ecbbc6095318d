"""Wake-ups: sent after the commit, without anything secret, and lost without harm."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
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
from concurrent.futures import ThreadPoolExecutor
from approvals.records import wake_ups
began = time.monotonic()
with ThreadPoolExecutor(40) as pool:
    list(pool.map(lambda _: wake_ups._send(wake_ups.DELIVER, str(review.pk), {}), range(int(sys.argv[1]))))
print(time.monotonic() - began)
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("broker", "others"),
    [
        ("amqp://127.0.0.1:{port}//", 40),
        ("sqs://id:secret@", 4),
    ],  # a client of SQS costs CPU to make
)
def test_a_broker_that_never_answers_delays_no_decision(
    broker: str, others: int, alice: User
) -> None:
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
            [sys.executable, "-c", APPROVE, str(others)],
            env=surroundings,
            capture_output=True,
            text=True,
            check=True,
        )
        hole.setblocking(False)
        hole.accept()[0].close()  # it did call

    alone, among_others = map(float, run.stdout.split())
    assert alone < 3
    assert among_others < 3
    assert '"event": "hint.lost"' in run.stderr
    assert OutboxEntry.objects.get().state == "waiting"
