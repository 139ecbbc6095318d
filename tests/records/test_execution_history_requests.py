"""Cached execution histories: when a page wants a newer one, and which worker reads it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from approvals.models import ExecutionHistory, OrderExecution, Workflow
from approvals.records import database_time, execution_history

pytestmark = pytest.mark.django_db
ARN = "arn:aws:states:eu-west-3:123456789012:execution:orders:order-1"
SUCCEEDED = [{"kind": "ExecutionSucceeded"}]


def order(status: str = "running", arn: str = ARN) -> OrderExecution:
    return OrderExecution(order_id="1", execution_arn=arn, status=status)


def wanted(of: OrderExecution) -> bool:
    return execution_history.is_wanted(of, execution_history.of(of), database_time.now())


def stored(**columns: object) -> None:
    """A history that was read a minute ago, with these columns."""
    values = {"read_at": Now() - timedelta(minutes=1)} | columns
    ExecutionHistory.objects.update_or_create(execution_arn=ARN, defaults=values)


def test_an_order_without_an_execution_has_no_history_and_wants_none() -> None:
    assert execution_history.of(order(arn="")) is None
    assert not wanted(order(arn=""))


def test_what_was_never_read_is_wanted() -> None:
    assert wanted(order())

    execution_history.request(order())

    assert wanted(order())


def test_of_an_order_under_way_a_newer_one_is_wanted_after_five_seconds() -> None:
    stored()
    assert wanted(order())

    stored(read_at=Now())
    assert not wanted(order())


def test_a_complete_one_is_wanted_no_more_unless_the_order_ended_after_it() -> None:
    stored(events=SUCCEEDED)
    ended = order("succeeded")
    assert not wanted(ended)

    ended.ended_at = database_time.now()

    assert wanted(ended)


def test_of_an_execution_that_is_gone_nothing_more_is_wanted() -> None:
    execution_history.request(order())
    execution_history.store_problem(ExecutionHistory.objects.get(), execution_history.GONE)
    ExecutionHistory.objects.update(taken_until=None)

    assert not wanted(order())


def test_one_worker_takes_a_requested_one_and_the_reading_answers_the_request() -> None:
    execution_history.request(order())
    assert execution_history.requested(limit=9) == [ARN]

    taken = execution_history.take(ARN)

    assert taken is not None
    assert execution_history.take(ARN) is None
    assert execution_history.requested(limit=9) == []
    assert not wanted(order())
    taken.events = SUCCEEDED
    execution_history.store(taken)
    assert execution_history.take(ARN) is None  # fresh, and nobody has asked again
    assert execution_history.is_complete(order("succeeded"), ExecutionHistory.objects.get())


def test_after_a_problem_the_last_one_stays_and_the_next_try_waits() -> None:
    stored(events=SUCCEEDED)
    execution_history.request(order())
    taken = execution_history.take(ARN)
    assert taken is not None

    execution_history.store_problem(taken, "AccessDeniedException")

    row = ExecutionHistory.objects.get()
    assert (row.trouble, row.events) == ("AccessDeniedException", SUCCEEDED)
    execution_history.request(order())
    assert execution_history.requested(limit=9) == []


def test_a_page_reads_the_drawing_of_a_workflow_and_not_its_definition() -> None:
    flow = Workflow.objects.create(digest=b"1", definition="{}", drawing={"format": 1})
    stored(workflow=flow)

    read = execution_history.of(order())

    assert read is not None
    assert read.workflow is not None
    assert read.workflow.drawing == {"format": 1}
    assert read.workflow.get_deferred_fields() == {"definition"}
