"""The admin site by its URLs: an operator, an auditor, a member, a user without rights, and rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.db import transaction
from django.test import Client, override_settings
from django.urls import reverse

from approvals.actions import credentials, decisions, intake, people
from approvals.actors import COMMAND_LINE
from approvals.models import (
    Decision,
    OrderExecution,
    OutboxEntry,
    QuarantinedMessage,
    ReviewQueue,
    ReviewTask,
    User,
)
from approvals.models.choices import Outcome
from approvals.orchestration import fulfillment
from approvals.records import outbox
from approvals.records.outbox import AttemptResult
from tests import factories
from tests.factories import actor

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:orders"
Enter = Callable[[User], Client]


@pytest.fixture
def enter() -> Enter:
    """`enter(oscar)`: a browser in which Oscar has signed in."""

    def open_for(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return open_for


@pytest.fixture
def oscar(db: None) -> User:
    """An operator, with a role in no queue."""
    return operator("oscar@example.com")


@pytest.fixture
def audrey(db: None) -> User:
    """An auditor, with a role in no queue."""
    user = factories.user("audrey@example.com")
    people.grant_site(user, "auditor", by=COMMAND_LINE)
    return user


@pytest.fixture
def stan(db: None) -> User:
    """Somebody with no right at all."""
    return factories.user("stan@example.com")


def operator(email: str) -> User:
    """An operator."""
    user = factories.user(email)
    people.grant_site(user, "operator", by=COMMAND_LINE)
    return user


@dataclass
class Rows:
    """A row of everything the site shows."""

    queue: ReviewQueue
    review: ReviewTask
    message: QuarantinedMessage
    entry: OutboxEntry
    order: OrderExecution


@pytest.fixture
def rows(queue: ReviewQueue, alice: User) -> Rows:
    """A review that waits, one whose callback is parked, a quarantined message, an order."""
    review = factories.review(queue, orderId="ORD-OPEN")
    credentials.issue_token(alice, "nightly", by=COMMAND_LINE)
    credentials.issue_secret("shop", by=COMMAND_LINE)
    return Rows(queue, review, quarantined(queue), parked(queue, alice), ordered(alice))


def quarantined(queue: ReviewQueue, body: str = '{"orderId": "no token"}') -> QuarantinedMessage:
    """A message without a token."""
    arrival = factories.received(body)
    intake.accept(queue, [arrival])
    return QuarantinedMessage.objects.get(sqs_message_id=arrival.message_id)


def parked(queue: ReviewQueue, by: User) -> OutboxEntry:
    """The callback of a review whose token Step Functions does not know."""
    review = factories.review(queue, orderId="ORD-PARKED")
    ruling = decisions.DecisionRequest(undo_seconds=0)
    decisions.decide(review.pk, Outcome.APPROVED, by=actor(by), request=ruling)
    entry = OutboxEntry.objects.get(subject=Decision.objects.get(review=review).pk)
    lease = outbox.lease(entry.pk)
    with transaction.atomic():
        entry = outbox.journal(lease, AttemptResult("invalid_token", "InvalidToken", "r-1"))
        outbox.move(entry, outbox.parked("invalid_token"))
    return entry


def ordered(by: User) -> OrderExecution:
    """An order that waits to be started."""
    people.grant_site(by, "orders", by=COMMAND_LINE)
    with override_settings(ORDER_FULFILLMENT_STATE_MACHINE_ARN=MACHINE):
        order, _ = fulfillment.start_order_fulfillment({"order_id": "A-1"}, by=actor(by, "api"))
    return order


def at(name: str, *args: object) -> str:
    """An address of the admin site: `at("reviewqueue_change", queue.pk)`."""
    return reverse(f"admin:approvals_{name}", args=args)
