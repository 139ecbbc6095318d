"""Orders whose executions run in an account with true names, redrives and ends: they end when a test says so."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db.models.functions import Now
from pytest_django import Settings

from approvals.actions import interventions
from approvals.actors import COMMAND_LINE
from approvals.delivery import lanes
from approvals.models import AuditEvent, OrderExecution, OrderIntervention, OutboxEntry
from approvals.orchestration import fulfillment
from approvals.reconciliation import executions
from approvals.records import audit, audit_verification, execution_snapshots
from tests.fake_aws import FakeAws

ID = "7"


@pytest.fixture
def order_workflow(aws: FakeAws, settings: Settings) -> str:
    """The order workflow of the account."""
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = aws.machine("orders", ends=False)
    return str(settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN)


@pytest.fixture
def running_order(order_workflow: str) -> OrderExecution:
    """Order 7, whose execution runs."""
    fulfillment.start_order_fulfillment({"order_id": ID, "total": 5}, by=COMMAND_LINE)
    deliver()
    return latest()


@pytest.fixture
def failed_order(aws: FakeAws, running_order: OrderExecution) -> OrderExecution:
    """Order 7, whose execution has failed of an outage."""
    end(aws, running_order, error="Lambda.Unknown", cause="No answer.")
    return latest()


def end(aws: FakeAws, order: OrderExecution, status: str = "FAILED", **details: str) -> None:
    """Let the execution end, and the service hear of it."""
    aws.end(order.execution_arn, status, **details)
    ask_now(order.execution_arn)


def ask_now(arn: str) -> None:
    """Ask about an execution as the worker would, now."""
    execution_snapshots.hurry(arn)
    executions.inquire(arn)


def latest(order_id: str = ID) -> OrderExecution:
    """The last attempt at an order."""
    return OrderExecution.objects.attempts_at(order_id)[0]


def deliver(times: int = 1) -> None:
    """Attempts at all that waits or was left lying, pauses and leases cut short."""
    for _ in range(times):
        OutboxEntry.objects.filter(state="waiting").update(not_before=Now())
        OutboxEntry.objects.filter(state="sending").update(lease_until=Now())
        lanes.drain(OutboxEntry.Lane.EXECUTIONS)


def restart(**options: Any) -> OrderExecution:
    """Restart order 7 from the command line."""
    return interventions.restart(ID, by=COMMAND_LINE, **options)


def stop(reason: str = "The customer cancelled.", **options: Any) -> OrderExecution:
    """Stop order 7 from the command line."""
    return interventions.stop(ID, reason, by=COMMAND_LINE, **options)


def redrives(aws: FakeAws, order: OrderExecution) -> int:
    """How often the account has redriven an order's execution."""
    return int(aws.execution(order.execution_arn)["redrive_count"])


def kinds(order: OrderExecution) -> list[str]:
    """The kinds of an order's audit events; its chain is verified."""
    chain = audit.chain_of("order", order.pk)
    assert audit_verification.verify(chain) == []
    return list(
        AuditEvent.objects.filter(chain=chain).order_by("seq").values_list("kind", flat=True)
    )


def outcome() -> str:
    """The outcome of the last intervention."""
    return OrderIntervention.objects.latest("created_at").outcome


def entry_state(kind: str) -> tuple[str, str]:
    """State and detail of the newest outbox entry of a kind."""
    found = OutboxEntry.objects.filter(kind=kind)
    return found.order_by("-created_at").values_list("state", "detail")[0]


def order_in(status: str) -> OrderExecution:
    """A row of order 7 in this state, made by hand."""
    return OrderExecution.objects.create(
        state_machine_arn="arn:aws:states:eu-west-1:123456789012:stateMachine:orders",
        order_id=ID,
        name="order-7",
        input=json.dumps({"order_id": ID}),
        input_sha256=b"x",
        status=status,
    )
