"""A backup was restored and its last minutes are gone: what AWS still knows is found, and told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from approvals.actions import decisions
from approvals.models import (
    AuditEvent,
    Decision,
    ExecutionSnapshot,
    Heartbeat,
    OutboxAttempt,
    OutboxEntry,
    ReviewQueue,
    ReviewTask,
    User,
    Vote,
)
from approvals.reconciliation import recovery
from tests.certainty.conftest import AT_ONCE, ask_now, deliver, take_in, token_of
from tests.fake_aws import FakeAws

pytestmark = pytest.mark.django_db(transaction=True)
Waiting = Callable[..., ReviewTask]
SINCE = datetime.now(UTC) - timedelta(hours=1)


def forget(*, reviews: bool) -> None:
    """What a restored backup lacks: the decisions, and with `reviews` the reviews themselves."""

    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        ReviewTask.objects.update(status="pending", decision=None)
        lost: list[Any] = [OutboxAttempt, OutboxEntry, Vote, Decision, AuditEvent]
        lost += [Heartbeat, ExecutionSnapshot, ReviewTask] if reviews else []
        for model in lost:
            model.objects.all()._raw_delete("default")
        cursor.execute("RESET session_replication_role")


def test_a_review_whose_message_is_gone_is_taken_in_again_and_can_be_decided(
    aws: FakeAws, held: ReviewQueue, machine: str, waiting: Waiting, ada: User
) -> None:
    before = waiting()
    forget(reviews=True)
    take_in(held)
    assert not ReviewTask.objects.exists()  # SQS has forgotten it too
    found = list(recovery.recover(held, machine, SINCE))
    assert [(one.what, one.reference) for one in found] == [("taken_in", before.reference)]
    assert list(recovery.recover(held, machine, SINCE)) == []
    review = ReviewTask.objects.get()
    assert (review.token_fingerprint, review.reference) == (
        before.token_fingerprint,
        before.reference,
    )
    review = decisions.approve(review.pk, by=ada, surface="api", ruling=AT_ONCE)
    assert deliver(review).delivery == ("delivered", "acknowledged")


@pytest.mark.parametrize("reviews", [True, False])
def test_a_decision_that_arrived_and_was_lost_here_is_named(
    aws: FakeAws, held: ReviewQueue, machine: str, waiting: Waiting, ada: User, reviews: bool
) -> None:
    review = decisions.reject(waiting().pk, by=ada, surface="api", ruling=AT_ONCE)
    deliver(review)
    lost = str(review.decision_id)
    forget(reviews=reviews)
    found = list(recovery.recover(held, machine, SINCE))
    assert [(one.what, one.decision_id) for one in found] == [("lost", lost)]


def test_a_pending_review_that_was_answered_before_the_restore_is_closed_with_that_decision_named(
    aws: FakeAws, held: ReviewQueue, waiting: Waiting, ada: User
) -> None:
    review = decisions.approve(waiting().pk, by=ada, surface="api", ruling=AT_ONCE)
    deliver(review)
    lost = str(review.decision_id)
    forget(reviews=False)
    review.refresh_from_db()
    assert review.status == "pending"
    ask_now(review)
    assert review.status == "orphaned"
    assert AuditEvent.objects.get(kind="review.orphaned").data["decision_found"] == lost


def test_a_second_decision_after_the_restore_never_passes_for_the_first(
    aws: FakeAws, held: ReviewQueue, waiting: Waiting, ada: User
) -> None:
    review = decisions.approve(waiting().pk, by=ada, surface="api", ruling=AT_ONCE)
    deliver(review)
    forget(reviews=False)
    again = decisions.reject(review.pk, by=ada, surface="api", ruling=AT_ONCE)
    assert deliver(again).delivery == ("closed_elsewhere", "other_party")
    assert aws.log.winner(token_of(aws, review)) == str(review.decision_id)
