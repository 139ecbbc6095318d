"""Rows of batch executions: started or refused, each on a chain of its own, and asked after in time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from approvals.models import AuditEvent, BatchExecution, ExecutionSnapshot, OrderBatch
from approvals.records import audit, audit_verification, batch_executions, database_time

pytestmark = pytest.mark.django_db
MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:orders"
ARN = "arn:aws:states:eu-west-1:123456789012:execution:orders-batch:batch-1"


@pytest.fixture
def execution() -> BatchExecution:
    """A batch execution of two orders that waits to be started."""
    batch = OrderBatch(state_machine_arn=MACHINE, mode="batches", source="api")
    batch.save(force_insert=True)
    return BatchExecution.objects.create(
        batch=batch, number=1, name="batch-1", input_sha256=bytes(32), orders=2
    )


@pytest.mark.parametrize(("status", "seconds"), [("running", 5), ("succeeded", 0)])
def test_a_started_one_is_running_and_asked_after_at_once_if_it_has_ended(
    status: str, seconds: int, execution: BatchExecution
) -> None:
    batch_executions.record_started(execution, ARN, status)

    stored = BatchExecution.objects.get()
    assert (stored.status, stored.execution_arn) == ("running", ARN)
    due_at = ExecutionSnapshot.objects.get(pk=ARN).due_at
    assert due_at == stored.started_at + timedelta(seconds=seconds)
    assert stored.started_at <= database_time.now()


def test_both_ends_of_a_start_are_on_the_chain_of_the_execution(execution: BatchExecution) -> None:
    batch_executions.record_started(execution, ARN, "running")
    batch_executions.record_refused(execution, "no " * 200)

    stored = BatchExecution.objects.get()
    assert (stored.status, stored.refusal) == ("refused", ("no " * 200)[:300])
    events = AuditEvent.objects.filter(chain=audit.chain(execution)).order_by("seq")
    assert [event.kind for event in events] == [
        "batch.execution_started",
        "batch.execution_refused",
    ]
    assert all(event.data["orders"] == 2 for event in events)
    assert audit_verification.verify(audit.chain(execution)) == []
