"""Rows of orders: their start, what AWS reports of them, and the attempts that follow a failure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from approvals.actions import orders as verbs
from approvals.actors import COMMAND_LINE
from approvals.models import AuditEvent, ExecutionSnapshot, OrderExecution, OutboxEntry
from approvals.records import audit, audit_verification, execution_snapshots, orders
from approvals.records.orders import Ending

pytestmark = pytest.mark.django_db
MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:orders"
ARN = "arn:aws:states:eu-west-1:123456789012:execution:orders:order-A-1"
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
Status = OrderExecution.Status


@pytest.fixture
def order() -> OrderExecution:
    """An accepted order whose start waits in the outbox."""
    row, _ = verbs.accept(
        {"order_id": "A-1", "total": 5}, state_machine_arn=MACHINE, by=COMMAND_LINE
    )
    return row


def kinds(order: OrderExecution) -> list[str]:
    """The kinds of an order's events; its chain must hold."""
    chain = audit.chain(order)
    assert audit_verification.verify(chain) == []
    events = AuditEvent.objects.filter(chain=chain).order_by("seq")
    return list(events.values_list("kind", flat=True))


def test_a_started_order_has_its_arn_and_is_asked_after_though_no_event_comes(
    order: OrderExecution,
) -> None:
    orders.record_started(order, ARN, Status.RUNNING)

    stored = OrderExecution.objects.get()
    assert (stored.execution_arn, stored.status) == (ARN, "running")
    due_at = ExecutionSnapshot.objects.get(pk=ARN).due_at
    assert due_at == stored.started_at + execution_snapshots.WITHOUT_NEWS
    assert kinds(order) == ["order.accepted", "order.started"]


def test_a_status_is_recorded_once_and_one_that_is_none_of_an_execution_never(
    order: OrderExecution,
) -> None:
    orders.record_started(order, ARN, Status.RUNNING)

    assert not orders.record_status(order, "running")
    assert not orders.record_status(order, "settled")
    assert orders.record_status(order, "failed", Ending(AT, "Lambda.Unknown", "out of memory"))
    assert not orders.record_status(order, "failed", Ending(AT, "Lambda.Unknown"))

    assert kinds(order) == ["order.accepted", "order.started", "order.failed"]
    stored = OrderExecution.objects.get()
    assert (stored.ended_at, stored.error, stored.cause) == (AT, "Lambda.Unknown", "out of memory")


def test_after_a_redrive_it_runs_again_and_may_fail_at_another_time(order: OrderExecution) -> None:
    orders.record_started(order, ARN, Status.RUNNING)
    orders.record_status(order, "failed", Ending(AT, "Lambda.Unknown"))

    assert orders.record_status(order, "pending_redrive", Ending(AT, "Lambda.Unknown"))
    assert (order.status, order.ended_at, order.error) == ("running", None, "")
    assert orders.record_status(order, "failed", Ending(AT, "Lambda.Unknown"))
    assert orders.record_status(order, "failed", Ending(AT + timedelta(seconds=9), "Other"))

    assert OrderExecution.objects.get().error == "Other"


def test_a_cause_is_cut_and_stored_without_nul_and_without_a_task_token(
    order: OrderExecution,
) -> None:
    token = "AQCEAAAAKgAAAAMAAAAA" + "Abc+/deFGH12" * 40

    orders.record_status(order, "failed", Ending(AT, "E\0rror", f"a\0b {token} " + "x " * 3_000))

    stored = OrderExecution.objects.get()
    assert (stored.error, len(stored.cause)) == ("Error", 2_000)
    assert stored.cause.startswith("ab [task token] x")


def test_a_next_attempt_has_the_same_input_a_name_of_its_own_and_both_chains_name_it(
    order: OrderExecution,
) -> None:
    after = orders.begin_attempt(order, by=COMMAND_LINE, why="fail_state", reason="Again, please.")

    assert (after.attempt, after.name, after.input) == (2, "order-A-1-r2", order.input)
    entry = OutboxEntry.objects.get(subject=after.pk)
    assert (entry.kind, bytes(entry.payload)) == ("start", order.input.encode())
    assert kinds(order) == ["order.accepted", "order.restarted"]
    assert kinds(after) == ["order.accepted"]
    restarted = AuditEvent.objects.get(kind="order.restarted").data
    assert (restarted["as"], restarted["reason"]) == (str(after.pk), "Again, please.")


def test_a_refusal_is_kept_as_a_sentence_of_bounded_length(order: OrderExecution) -> None:
    orders.record_refused(order, "no " * 200)

    stored = OrderExecution.objects.get()
    assert (stored.status, stored.refusal) == ("refused", ("no " * 200)[:300])
    assert kinds(order) == ["order.accepted", "order.refused"]
