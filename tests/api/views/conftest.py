"""Fixtures of the views: a program whose webhook secret is good for all queues, and one that starts orders."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pytest_django.fixtures import Settings

from approvals.actions import people
from approvals.actors import COMMAND_LINE
from approvals.delivery import lanes
from approvals.gateways import stepfunctions
from approvals.gateways.errors import Answer, Proof
from approvals.models import OutboxEntry, ReviewQueue
from approvals.orchestration import fulfillment
from tests import factories
from tests.api.signing import Sender, issue
from tests.callers import Caller

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:orders"


@pytest.fixture
def erp(queue: ReviewQueue) -> Sender:
    """A program whose secret is good for all queues."""
    return issue()


@pytest.fixture
def machine(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A workflow, and a wait that a test can afford."""
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = MACHINE
    monkeypatch.setattr(fulfillment, "PATIENCE", 0.05)


@pytest.fixture
def shop(call: Callable[..., Caller]) -> Caller:
    """A program that may start orders."""
    keeper = factories.user("shop@example.com")
    people.grant_site(keeper, "orders", by=COMMAND_LINE)
    return call(keeper)


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> None:
    """Step Functions takes what it gets, while the API waits."""

    def start(machine: str, name: str, text: str) -> tuple[Answer, str]:
        arn = f"{machine.replace('stateMachine', 'execution')}:{name}"
        return Answer(Proof.ACCEPTED, "", "request-1"), arn

    monkeypatch.setattr(stepfunctions, "start_execution", start)
    monkeypatch.setattr("time.sleep", lambda pause: lanes.drain(OutboxEntry.Lane.EXECUTIONS))
