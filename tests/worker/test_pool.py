"""The threads of a lane: a call without an answer holds up one of them, and undo windows end on time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from pytest_django import Settings

from approvals.actions import decisions, queues
from approvals.actors import COMMAND_LINE
from approvals.delivery import lanes
from approvals.models import OutboxEntry, ReviewQueue, ReviewTask, User
from approvals.models.choices import Outcome
from approvals.orchestration import fulfillment
from approvals.worker import loop
from approvals.worker.pool import THREADS
from tests.conditions import wait_until
from tests.factories import actor
from tests.fake_aws import FakeAws, Fault
from tests.waiting_reviews import AT_ONCE, take_in

pytestmark = pytest.mark.django_db(transaction=True)
Waiting = Callable[..., ReviewTask]
CALLBACKS = OutboxEntry.Lane.CALLBACKS


@contextmanager
def sweeping(*names: str) -> Iterator[None]:
    """The callbacks' lane, or those named, sent as the worker does."""
    stop = threading.Event()
    threads = [
        threading.Thread(target=loop.sweep_lane, args=(lane, stop))
        for lane in names or (CALLBACKS,)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def sending(lane: str = CALLBACKS) -> int:
    """How many entries of a lane are being sent."""
    return OutboxEntry.objects.filter(state=OutboxEntry.State.SENDING, lane=lane).count()


def settled(lane: str = CALLBACKS) -> int:
    """How many entries of a lane have been delivered."""
    return OutboxEntry.objects.filter(state=OutboxEntry.State.SETTLED, lane=lane).count()


def release(aws: FakeAws) -> None:
    """Let the calls that hang end without an answer, so that the pool can be closed."""
    aws.world.closing.set()


def test_a_call_that_aws_leaves_hanging_never_delays_the_others(
    aws: FakeAws, held: ReviewQueue, machine: str, ada: User
) -> None:
    arns = [aws.start(machine, f"order-{number}", {}) for number in range(21)]
    take_in(held)
    stuck = aws.tasks(arns[0])[-1]["token"]
    aws.plan("SendTask*", [Fault.STALLED], token=stuck, stall_seconds=90)
    first = ReviewTask.objects.get(execution_arn=arns[0])
    decisions.decide(first.pk, Outcome.APPROVED, by=actor(ada, "api"), request=AT_ONCE)
    with sweeping():
        wait_until(sending, seconds=60, what="the call that hangs")
        for review in ReviewTask.objects.pending():
            decisions.decide(review.pk, Outcome.APPROVED, by=actor(ada, "api"), request=AT_ONCE)
        wait_until(lambda: settled() == 20, seconds=60, what="twenty deliveries beside it")
        assert sending() == 1, "the call hangs still"
        release(aws)


def test_starts_that_aws_leaves_hanging_never_delay_an_answer(
    aws: FakeAws, held: ReviewQueue, waiting: Waiting, ada: User, settings: Settings
) -> None:
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = aws.machine("orders")
    executions = OutboxEntry.Lane.EXECUTIONS
    reviews = [waiting(f"order-{number}") for number in range(5)]
    aws.switch("StartExecution", Fault.STALLED, stall_seconds=90)
    for number in range(THREADS + 2):
        fulfillment.start_order_fulfillment({"order_id": str(number)}, by=COMMAND_LINE)
    with sweeping(*lanes.LANES):
        wait_until(lambda: sending(executions) == THREADS, seconds=60, what="starts that hang")
        for review in reviews:
            decisions.decide(review.pk, Outcome.APPROVED, by=actor(ada, "api"), request=AT_ONCE)
        wait_until(lambda: settled() == 5, seconds=60, what="the answers beside them")
        assert sending(executions) == THREADS, "the starts hang still"
        assert settled(executions) == 0
        release(aws)


def test_the_pool_wakes_for_the_end_of_an_undo_window(
    aws: FakeAws, held: ReviewQueue, waiting: Waiting, ada: User
) -> None:
    queues.save(held.slug, {"undo_seconds": 2}, by=COMMAND_LINE)
    review = waiting()
    with sweeping():
        decisions.decide(review.pk, Outcome.APPROVED, by=actor(ada))
        assert settled() == 0
        wait_until(lambda: settled() == 1, seconds=60, what="the delivery after its window")
    closed = aws.log.effect_of(aws.tasks(review.execution_arn)[-1]["token"])
    review.refresh_from_db()
    assert closed is not None
    assert review.decision is not None
    assert closed["at"] >= review.decision.undo_until.timestamp()
