"""Starts of batch executions are sent: each is one execution, whatever becomes of the answer."""

from __future__ import annotations

import pytest
from django.db.models.functions import Now

from approvals import arns
from approvals.delivery import lanes
from approvals.gateways.errors import Answer, Proof
from approvals.gateways.stepfunctions import Execution
from approvals.models import BatchExecution, OutboxEntry
from tests.order_batches import accepted, order, read
from tests.starts import BATCH_MACHINE, EXISTS, OK, Starts, entry_state

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("starts")]


def test_a_batch_execution_whose_start_was_lost_is_found_by_its_input(starts: Starts) -> None:
    read(accepted([order(1)], "batches"))
    execution = BatchExecution.objects.get()
    arn = arns.execution_arn(BATCH_MACHINE, execution.name)
    starts.answers = [EXISTS]
    found = Execution(arn, "succeeded", bytes(execution.input_sha256))
    starts.existing = (OK, found)

    lanes.drain("executions")

    execution.refresh_from_db()
    assert (execution.execution_arn, execution.status) == (arn, "running")  # its output is unread


def test_a_batch_execution_that_step_functions_refuses_is_parked_with_its_reason(
    starts: Starts,
) -> None:
    read(accepted([order(1)], "batches"))
    starts.answers = [Answer(Proof.REFUSED, "InvalidExecutionInput")]

    lanes.drain("executions")

    execution = BatchExecution.objects.get()
    assert (execution.status, execution.execution_arn) == ("refused", "")
    assert execution.refusal == "Step Functions refused to start it: InvalidExecutionInput"
    assert entry_state() == ("parked", "refused")


def test_a_start_of_a_batch_execution_that_proves_nothing_is_repeated_with_the_same_bytes(
    starts: Starts,
) -> None:
    read(accepted([order(1), order(2)], "batches"))
    starts.answers = [Answer(Proof.THROTTLED, "ThrottlingException"), OK]

    lanes.drain("executions")
    assert BatchExecution.objects.get().execution_arn == ""
    assert entry_state() == ("waiting", "retrying")
    OutboxEntry.objects.update(not_before=Now())
    lanes.drain("executions")

    assert BatchExecution.objects.get().status == "running"
    assert starts.started[0] == starts.started[1]
