"""Executions end while nobody asks: their events come over a real queue, late, twice, in any order, or not."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from pytest_django import Settings

from approvals.actions import decisions
from approvals.actors import COMMAND_LINE
from approvals.models import (
    AuditEvent,
    ExecutionSnapshot,
    OrderExecution,
    ReviewQueue,
    ReviewTask,
    User,
)
from approvals.models.choices import Outcome
from approvals.orchestration import fulfillment
from approvals.polling import statuses
from approvals.records import audit_verification, execution_snapshots
from approvals.worker import loop, periodic
from tests.conditions import wait_until
from tests.factories import actor
from tests.fake_aws import ACCOUNT, FakeAws, Fault
from tests.polling.commands import run
from tests.waiting_reviews import AT_ONCE, deliver, take_in, token_of

pytestmark = pytest.mark.django_db(transaction=True)
Order = Callable[[str], OrderExecution]
ENDS = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")


@pytest.fixture
def events(aws: FakeAws, settings: Settings) -> str:
    """The queue that EventBridge puts status events on."""
    settings.AWS_REGION = "eu-west-1"
    settings.STATUS_EVENTS_QUEUE_URL = aws.create_queue("status-events", VisibilityTimeout="0")
    return str(settings.STATUS_EVENTS_QUEUE_URL)


def workflow(aws: FakeAws, held: ReviewQueue, settings: Settings, **options: Any) -> Order:
    """An order workflow whose executions wait for a review."""
    machine = aws.machine("orders", review_queue_url=held.sqs_url, **options)
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = machine

    def start(order_id: str) -> OrderExecution:
        order, _ = fulfillment.start_order_fulfillment({"order_id": order_id}, by=COMMAND_LINE)
        loop.sweep_once()
        order.refresh_from_db()
        return order

    return start


@pytest.fixture
def order(aws: FakeAws, held: ReviewQueue, events: str, settings: Settings) -> Order:
    """Starts an order whose execution waits for a review; its events come three times, in any order."""
    several: Any = {"status_copies": 3, "status_reorder": True}
    return workflow(aws, held, settings, status_queue_url=events, **several)


def poll(held: ReviewQueue) -> None:
    """Both queues, until nothing more comes; `poll_queue --once` waits a second for each."""
    take_in(held)
    while statuses.poll_once(wait_seconds=0):
        pass


def truth(aws: FakeAws) -> dict[str, str]:
    """By order: what its execution's status really is."""
    arns = OrderExecution.objects.values_list("order_id", "execution_arn")
    return {order_id: aws.execution(arn)["status"].lower() for order_id, arn in arns}


def known() -> dict[str, str]:
    return dict(OrderExecution.objects.values_list("order_id", "status"))


def reviews() -> dict[str, str]:
    return dict(ReviewTask.objects.values_list("reference", "status"))


def kinds() -> list[str]:
    return sorted(AuditEvent.objects.values_list("kind", flat=True))


def end(aws: FakeAws, started: OrderExecution, status: str) -> None:
    if status == "ABORTED":
        aws.abort(started.execution_arn)
    else:
        aws.end(started.execution_arn, status)


def test_executions_that_end_in_any_order_close_their_reviews_and_their_orders_say_so(
    aws: FakeAws, held: ReviewQueue, events: str, order: Order, ada: User
) -> None:
    started = {number: order(f"order-{number}") for number in range(6)}
    poll(held)
    loop.sweep_once()
    assert known() == truth(aws) == dict.fromkeys(known(), "running")

    for number, status in zip((3, 0, 2, 1), ENDS, strict=True):
        end(aws, started[number], status)
    expired = ReviewTask.objects.get(reference="order-4")
    aws.expire(token_of(aws, expired))
    before = aws.bodies(events)
    poll(held)
    loop.sweep_once()

    assert known() == truth(aws)
    assert set(known().values()) == {"running", "succeeded", "failed", "timed_out", "aborted"}
    closed = dict.fromkeys([f"order-{number}" for number in range(4)], "orphaned")
    assert reviews() == closed | {"order-4": "expired", "order-5": "pending"}
    proofs = AuditEvent.objects.filter(kind__in=["review.orphaned", "review.expired"])
    assert all(event.data["event_kind"] and event.data["event_at"] for event in proofs)

    before = kinds()
    aws.send(events, before)  # once more, long after
    poll(held)
    loop.sweep_once()
    assert kinds() == before
    assert list(audit_verification.Verification()) == []

    left = ReviewTask.objects.get(reference="order-5")
    left = decisions.decide(left.pk, Outcome.APPROVED, by=actor(ada, "api"), request=AT_ONCE)
    assert deliver(left).delivery == ("delivered", "acknowledged")
    poll(held)
    loop.sweep_once()
    assert known()["order-5"] == truth(aws)["order-5"] == "succeeded"


def test_an_old_event_says_nothing_about_an_execution_that_was_redriven(
    aws: FakeAws, held: ReviewQueue, events: str, order: Order
) -> None:
    started = order("order-1")
    take_in(held)
    aws.abort(started.execution_arn)
    late = aws.bodies(events)
    poll(held)
    loop.sweep_once()
    assert (known(), reviews()) == ({"order-1": "aborted"}, {"order-1": "orphaned"})

    aws.redrive(started.execution_arn)
    poll(held)
    loop.sweep_once()
    assert known() == {"order-1": "running"}

    aws.send(events, late)
    poll(held)
    loop.sweep_once()
    assert known() == truth(aws) == {"order-1": "running"}
    newest = ReviewTask.objects.latest("sent_at")
    assert (newest.redrive_count, newest.status) == (1, "pending")


NO_EVENTS = [
    "",
    "{broken",
    "null",
    "[]",
    '"text"',
    "{}",
    '{"source": "aws.states"}',
    '{"source": "aws.states", "detail": null}',
    '{"source": "aws.states", "detail": {"executionArn": null}}',
    '{"source": "aws.states", "detail": {"executionArn": 7}}',
    '{"source": "aws.states", "detail": {"executionArn": ["arn"]}}',
    json.dumps({"source": "aws.states", "detail": {"executionArn": "a" * 10_000}}),
    '{"source": "aws.states", "detail": {"executionArn": "\\u0000"}}',
    '{"source": "aws.states", "detail": {"executionArn": "\\ud800"}}',
    "[" * 5_000,
]


def test_what_is_no_event_leaves_the_queue_and_holds_up_nothing(
    aws: FakeAws, held: ReviewQueue, events: str, order: Order
) -> None:
    started = order("order-1")
    take_in(held)
    forged = {"source": "somebody", "detail": {"executionArn": started.execution_arn}}
    aws.send(events, [*NO_EVENTS, json.dumps(forged)], checked=False)
    aws.abort(started.execution_arn)

    run("poll_queue", "--once")
    loop.sweep_once()

    assert aws.queue_state(events)["messages"] == 0
    assert (known(), reviews()) == ({"order-1": "aborted"}, {"order-1": "orphaned"})


def test_events_of_executions_that_are_none_of_ours_cost_nothing(
    aws: FakeAws, held: ReviewQueue, events: str, order: Order
) -> None:
    order("order-1")
    other = aws.machine("others", status_queue_url=events)
    aws.end(aws.start(other, "not-ours"), "FAILED")
    text = aws.bodies(events)[-1]
    aws.send(events, [text.replace(ACCOUNT, "999999999999")])
    watched = ExecutionSnapshot.objects.count()

    poll(held)
    loop.sweep_once()

    assert aws.queue_state(events)["messages"] == 0
    assert ExecutionSnapshot.objects.count() == watched
    asked = {call["execution"] for call in aws.log.calls("DescribeExecution")}
    assert not any("not-ours" in arn for arn in asked)


def test_without_any_event_the_sweep_finds_out(
    aws: FakeAws, held: ReviewQueue, settings: Settings
) -> None:
    start = workflow(aws, held, settings)
    started = [start(f"order-{number}") for number in range(4)]
    take_in(held)
    for one, status in zip(started, ENDS, strict=True):
        end(aws, one, status)
    assert periodic.ask_after_executions() == 0  # it was asked a moment ago

    with connection.cursor() as cursor:  # ten minutes later: by moving the rows
        cursor.execute("UPDATE approvals_executionsnapshot SET due_at = now()")
    assert periodic.ask_after_executions() == 4

    assert known() == truth(aws)
    assert set(reviews().values()) == {"orphaned"}
    assert not ExecutionSnapshot.objects.filter(due_at__isnull=False).exists()


def test_the_poller_outlives_an_absent_queue_of_events_and_a_bug(
    aws: FakeAws, held: ReviewQueue, events: str, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = order("order-1")
    take_in(held)
    monkeypatch.setattr(statuses, "PAUSE", 0.05)
    monkeypatch.setattr(statuses, "WAIT_SECONDS", 1)
    hurry, bugs = execution_snapshots.hurry, iter([RuntimeError("a bug")])

    def buggy(arn: str) -> None:
        if bug := next(bugs, None):
            raise bug
        hurry(arn)

    monkeypatch.setattr(execution_snapshots, "hurry", buggy)
    aws.plan("ReceiveMessage", [Fault.ACCESS_DENIED, Fault.LOSE_REPLY_BEFORE_APPLY])
    due = ExecutionSnapshot.objects.filter(execution_arn=started.execution_arn, due_at__lte=Now())
    assert not due.exists()
    stop = threading.Event()
    reader = statuses.start(stop)
    assert reader is not None
    try:
        aws.abort(started.execution_arn)
        wait_until(due.exists, seconds=60, what="the event")
    finally:
        stop.set()
        reader.join()
    assert aws.unfired() == []
