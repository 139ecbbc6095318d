"""Step Functions in place of the gateway's calls: it takes every start, and keeps what it was asked."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models.functions import Now
from pytest_django import Settings

from approvals import arns
from approvals.actors import COMMAND_LINE
from approvals.arns import Place
from approvals.delivery import lanes
from approvals.gateways import stepfunctions
from approvals.gateways.errors import Answer, Proof
from approvals.gateways.stepfunctions import Execution
from approvals.models import OrderExecution, OutboxEntry, User
from approvals.orchestration import fulfillment
from tests.factories import actor

REGION = "arn:aws:states:us-east-1:123456789012"
MACHINE = f"{REGION}:stateMachine:orders"
BATCH_MACHINE = f"{REGION}:stateMachine:order-batch"
ARN = f"{REGION}:execution:orders:order-7"  # of the order 7
OK = Answer(Proof.ACCEPTED)
EXISTS = Answer(Proof.CONFLICT, "ExecutionAlreadyExists")


class Starts:
    """StartExecution and DescribeExecution: `answers` in turn, the last one for ever, and `existing`."""

    def __init__(self) -> None:
        self.answers: list[Answer] = [OK]
        self.existing: tuple[Answer, Execution | None] = (Answer(Proof.AMBIGUOUS, "x"), None)
        self.started: list[tuple[str, str, str]] = []  # state machine, name, input
        self.described: list[str] = []  # ARNs

    def start(self, machine: str, name: str, text: str) -> tuple[Answer, str]:
        """In place of `stepfunctions.start_execution`."""
        self.started.append((machine, name, text))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        is_taken = answer.proof == Proof.ACCEPTED
        return answer, arns.execution_arn(machine, name) if is_taken else ""

    def describe(self, place: Place, arn: str) -> tuple[Answer, Execution | None]:
        """In place of `stepfunctions.describe_execution`."""
        self.described.append(arn)
        return self.existing


@pytest.fixture
def starts(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Starts:
    """The workflows of orders and of batches are configured, and Step Functions takes every start."""
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = MACHINE
    settings.ORDER_BATCH_STATE_MACHINE_ARN = BATCH_MACHINE
    made = Starts()
    monkeypatch.setattr(stepfunctions, "start_execution", made.start)
    monkeypatch.setattr(stepfunctions, "describe_execution", made.describe)
    return made


def start(order: dict[str, Any], by: User | None = None) -> OrderExecution:
    """Accept an order for the configured workflow."""
    as_actor = actor(by, "api") if by else COMMAND_LINE
    return fulfillment.start_order_fulfillment(order, by=as_actor)[0]


def deliver() -> OrderExecution:
    """Make one attempt now at the only order; returns it."""
    OutboxEntry.objects.filter(state="waiting").update(not_before=Now())
    lanes.deliver(OutboxEntry.objects.get().pk)
    return OrderExecution.objects.get()


def entry_state() -> tuple[str, str]:
    """State and detail of the only outbox entry."""
    return OutboxEntry.objects.values_list("state", "detail").get()
