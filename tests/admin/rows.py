"""Rows that the admin site shows: of each model one, and an operator."""

from __future__ import annotations

from dataclasses import dataclass

from django.test import override_settings

from approvals.actions import decisions, intake, people
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
from approvals.models.outbox import Detail
from approvals.orchestration import fulfillment
from approvals.records import outbox
from approvals.records.outbox import AttemptResult
from tests import factories
from tests.factories import actor

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:orders"


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


def quarantined(queue: ReviewQueue, body: str = '{"orderId": "no token"}') -> QuarantinedMessage:
    """A message without a token."""
    arrival = factories.received(body)
    intake.accept(queue, [arrival])
    return QuarantinedMessage.objects.get(sqs_message_id=arrival.message_id)


def parked(queue: ReviewQueue, by: User) -> OutboxEntry:
    """The callback of a review whose token Step Functions does not know."""
    review = factories.review(queue, orderId="ORD-PARKED")
    wanted = decisions.DecisionRequest(undo_seconds=0)
    decisions.decide(review.pk, Outcome.APPROVED, by=actor(by), request=wanted)
    entry = OutboxEntry.objects.get(subject=Decision.objects.get(review=review).pk)
    lease = outbox.lease(entry.pk)
    result = AttemptResult("invalid_token", "InvalidToken", "r-1")
    verdict = outbox.parked(Detail.INVALID_TOKEN)
    return factories.attempt_concluded(lease, result, lambda _: verdict).entry


def ordered(by: User) -> OrderExecution:
    """An order that waits to be started."""
    people.grant_site(by, "orders", by=COMMAND_LINE)
    with override_settings(ORDER_FULFILLMENT_STATE_MACHINE_ARN=MACHINE):
        order, _ = fulfillment.start_order_fulfillment({"order_id": "A-1"}, by=actor(by, "api"))
    return order
