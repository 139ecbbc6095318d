"""Processes side by side: no deadlock, nothing stored or sent twice, nobody given two answers."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from approvals.actions import assignment, decisions, intake
from approvals.actions.decisions import DecisionRequest
from approvals.arns import Place
from approvals.delivery import lanes
from approvals.exceptions import ApprovalsError
from approvals.gateways import stepfunctions
from approvals.gateways.errors import Answer, Proof
from approvals.models import (
    AuditEvent,
    Decision,
    OutboxEntry,
    QuarantinedMessage,
    ReviewQueue,
    ReviewTask,
    User,
)
from approvals.models.choices import Outcome
from approvals.records import audit, audit_verification
from tests import factories
from tests.factories import actor, message, received
from tests.races import at_once, round_by_round

pytestmark = pytest.mark.django_db(transaction=True)


def test_two_pollers_with_the_same_messages_in_opposite_order_do_not_deadlock(
    queue: ReviewQueue,
) -> None:
    batches = [[received() for _ in range(10)] for _ in range(30)]

    pairs = round_by_round(
        [partial(intake.accept, queue, batch) for batch in batches],
        [partial(intake.accept, queue, batch[::-1]) for batch in batches],
    )

    assert all(one.reviews + other.reviews == 10 for one, other in pairs)
    assert ReviewTask.objects.count() == 300


def test_two_pollers_with_the_same_conflicts_in_opposite_order_do_not_deadlock(
    queue: ReviewQueue,
) -> None:
    body = message()
    intake.accept(queue, [received(body)])
    batches = [[received(body | {"note": f"{r}.{n}"}) for n in range(10)] for r in range(30)]

    pairs = round_by_round(
        [partial(intake.accept, queue, batch) for batch in batches],
        [partial(intake.accept, queue, batch[::-1]) for batch in batches],
    )

    assert all(one.quarantined + other.quarantined == 10 for one, other in pairs)
    assert QuarantinedMessage.objects.filter(reason="conflict").count() == 300


def test_the_same_token_with_two_bodies_at_once_is_one_review_and_one_conflict(
    queue: ReviewQueue,
) -> None:
    pairs = [(message(), {"orderId": "other"}) for _ in range(30)]

    round_by_round(
        [partial(intake.accept, queue, [received(one)]) for one, _ in pairs],
        [partial(intake.accept, queue, [received(one | change)]) for one, change in pairs],
    )

    assert ReviewTask.objects.count() == QuarantinedMessage.objects.count() == 30
    assert AuditEvent.objects.filter(kind="review.received").count() == 30


def test_claims_decisions_undos_and_deliveries_at_once_leave_every_chain_whole(
    queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    effects: list[str] = []

    def take(place: Place, token: str, *what: str) -> Answer:
        effects.append(token)
        return Answer(Proof.ACCEPTED)

    monkeypatch.setattr(stepfunctions, "send_task_success", take)
    monkeypatch.setattr(stepfunctions, "send_task_failure", take)
    people = [factories.user(f"r{n}@example.com", "lead", queue) for n in range(4)]
    reviews = [factories.review().pk for _ in range(6)]

    at_once([partial(live, who, reviews) for who in people])
    lanes.drain(OutboxEntry.Lane.CALLBACKS)

    assert len(effects) == len(set(effects)) == OutboxEntry.objects.filter(state="settled").count()
    for review in ReviewTask.objects.all():
        live_ones = Decision.objects.filter(review=review, undone_at=None)
        assert [review.decision] == (list(live_ones) or [None])
        assert audit_verification.verify(audit.chain_of("review", review.pk)) == []
    assert not OutboxEntry.objects.filter(state="sending").exists()


def live(who: User, reviews: list[Any]) -> None:
    """Claim, decide, take back and send, over and over; refusals are part of life, errors are not."""

    def attempt(verb: Any, *args: Any, **options: Any) -> Any:
        try:
            return verb(*args, by=actor(who), **options)
        except ApprovalsError:
            return None

    for turn in range(3):
        for review in reviews:
            attempt(assignment.claim, review, override=turn == 1)
            outcome = Outcome.APPROVED if turn % 2 else Outcome.REJECTED
            made = attempt(
                decisions.decide,
                review,
                outcome,
                request=DecisionRequest(undo_seconds=0, override=True),
            )
            if made is not None and turn < 2:
                attempt(decisions.undo, made.decision_id)
        lanes.drain(OutboxEntry.Lane.CALLBACKS, limit=3)
