"""Every state that an upgrade may meet, each under a reference of its own; made through the verbs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models.functions import Now
from django.test import Client

from approvals.actions import (
    assignment,
    credentials,
    decisions,
    discussion,
    intake,
    people,
)
from approvals.actors import COMMAND_LINE
from approvals.gateways.errors import Answer, Proof
from approvals.models import (
    Heartbeat,
    OutboxEntry,
    QuarantinedMessage,
    ReviewQueue,
    ReviewTask,
    User,
)
from approvals.models.choices import Outcome
from approvals.orchestration import fulfillment
from approvals.records import outbox
from tests import factories
from tests.factories import actor

A_DAY = timedelta(days=1)
A_YEAR = 31_536_000  # seconds
AT_ONCE = decisions.DecisionRequest(undo_seconds=0, reason="Seen.")
ROLE = "arn:aws:iam::210987654321:role/countersign"
MACHINES = ["arn:aws:states:us-east-1:123456789012:stateMachine:orders"]


def fill() -> dict[str, Any]:
    """Fill a migrated, empty database; returns the secrets of two programs and what one has asked for."""
    queue = factories.queue(undo_seconds=3_600)
    alice = factories.user("alice@example.com", "reviewer", queue)
    bob = factories.user("bob@example.com", "reviewer", queue)
    lena = factories.user("lena@example.com", "lead", queue)

    discussed = factories.review(queue, orderId="open")
    discussion.comment(discussed.pk, "Called the customer.", by=actor(bob))
    assignment.claim(factories.review(queue, orderId="claimed").pk, by=actor(alice))
    handed_on = factories.review(queue, orderId="reassigned")
    assignment.reassign(handed_on.pk, bob, by=actor(lena))
    undoable = factories.review(queue, orderId="undoable", timeoutSeconds=A_YEAR)
    decisions.decide(undoable.pk, Outcome.APPROVED, by=actor(alice))
    waiting = factories.review(queue, orderId="waiting")
    decisions.decide(waiting.pk, Outcome.REJECTED, by=actor(alice, "api"), request=AT_ONCE)
    _answered(factories.review(queue, orderId="delivered"), Proof.ACCEPTED)
    _answered(factories.review(queue, orderId="parked"), Proof.INVALID_TOKEN)

    _fill_guarded_queue()
    intake.accept(queue, [factories.received("not JSON")])
    dead = [factories.received(orderId="dead letter")]
    intake.accept(queue, dead, origin=QuarantinedMessage.Origin.DEAD_LETTERS)
    fulfillment.start_order_fulfillment({"order_id": "stored"}, by=COMMAND_LINE)
    secret = credentials.issue_secret("erp", queue.slug, by=COMMAND_LINE)
    return {"webhook_secret": secret, **_asked_over_http(queue)}


def _answered(review: ReviewTask, proof: Proof) -> None:
    """Approve a review, and conclude its delivery with what AWS proved."""
    alice = User.objects.get(email="alice@example.com")
    decided = decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice, "api"), request=AT_ONCE)
    assert decided.decision_id is not None
    lease = outbox.lease(OutboxEntry.objects.get(subject=decided.decision_id).pk)
    assert lease is not None
    factories.conclude(lease, Answer(proof, request_id="release-dump"))


def _fill_guarded_queue() -> None:
    """A queue with everything a queue can have, and a review that waits in it."""
    guarded = factories.queue(
        "guarded",
        role_arn=ROLE,
        state_machine_arns=MACHINES,
        heartbeat_seconds=30,
        policy={"reason_required_for": ["rejected"]},
        output_schema={"type": "object", "properties": {"discount": {"type": "number"}}},
        fields=[{"path": "/input/total", "kind": "money", "role": "amount"}],
    )
    people.grant(User.objects.get(email="alice@example.com"), guarded.slug, "lead", by=COMMAND_LINE)
    review = factories.review(guarded, orderId="guarded")
    # As the heartbeat sender leaves it once it has kept the token alive.
    Heartbeat.objects.create(review=review, due_at=Now() + A_DAY, beaten_at=Now())


def _asked_over_http(queue: ReviewQueue) -> dict[str, Any]:
    """A decision over the API under an idempotency key, which stays behind."""
    alice = User.objects.get(email="alice@example.com")
    token = credentials.issue_token(alice, "upgrade", by=COMMAND_LINE)
    review = factories.review(queue, orderId="repeated")
    asked: dict[str, Any] = {
        "path": f"/api/v1/reviews/{review.pk}/decisions/",
        "body": {"outcome": "approved", "reason": "Once.", "undo_seconds": 3_600},
        "headers": {"Authorization": f"Bearer {token}", "Idempotency-Key": "upgrade-1"},
    }
    answer = Client().post(
        asked["path"], asked["body"], content_type="application/json", headers=asked["headers"]
    )
    assert answer.status_code == 201, answer.content
    return {"asked": asked, "decision": answer.json()["decision"]["id"]}
