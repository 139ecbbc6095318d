"""Why an order that ended is started anew, and not redriven."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db.models import F

from approvals.models import ExecutionHistory, OrderExecution, OrderIntervention, Workflow
from tests.fake_aws import FakeAws
from tests.order_executions import deliver, end, kinds, latest, restart

pytestmark = pytest.mark.django_db


def test_after_fourteen_days_an_order_begins_anew(
    aws: FakeAws, failed_order: OrderExecution
) -> None:
    OrderExecution.objects.update(ended_at=F("ended_at") - timedelta(days=14))

    made = restart(reason="The warehouse is back.")
    deliver()

    again = latest()
    assert (again, again.attempt, again.name, again.status) == (made, 2, "order-7-r2", "running")
    assert (again.input, bytes(again.input_sha256)) == (
        failed_order.input,
        bytes(failed_order.input_sha256),
    )
    assert again.execution_arn.endswith(":order-7-r2")
    assert kinds(failed_order)[-1] == "order.restarted"
    assert kinds(again) == ["order.accepted", "order.started"]


@pytest.mark.parametrize("error", ["OrderRejected", "OrderExpired", "RollbackFailed"])
def test_an_outcome_of_the_business_begins_anew(
    aws: FakeAws, running_order: OrderExecution, error: str
) -> None:
    end(aws, running_order, error=error)

    assert restart().attempt == 2
    assert not OrderIntervention.objects.exists()


def test_the_fail_states_are_those_of_the_definition_it_ran(
    aws: FakeAws, running_order: OrderExecution
) -> None:
    definition = {"StartAt": "No", "States": {"No": {"Type": "Fail", "Error": "Refused"}}}
    flow = Workflow.objects.create(digest=b"x", definition=json.dumps(definition))
    ExecutionHistory.objects.create(execution_arn=running_order.execution_arn, workflow=flow)

    end(aws, running_order, error="Refused")

    assert restart().attempt == 2
