"""What Step Functions reports of an execution ends its reviews, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from approvals.models import AuditEvent, ReviewQueue, ReviewTask
from approvals.records import audit, audit_verification
from tests.fake_aws import FakeAws
from tests.waiting_reviews import ask_now, token_of

pytestmark = pytest.mark.django_db(transaction=True)
Waiting = Callable[..., ReviewTask]


def test_a_review_past_its_deadline_expires_only_once_the_history_says_so(
    aws: FakeAws, held: ReviewQueue, waiting: Waiting
) -> None:
    review = waiting()
    ReviewTask.objects.filter(pk=review.pk).update(deadline_at=review.sent_at)
    ask_now(review)
    review.refresh_from_db()
    assert review.status == "pending"  # our clock says so, AWS does not
    aws.expire(token_of(aws, review), caught=True)
    ask_now(review)
    review.refresh_from_db()
    assert review.status == "expired"
    event = AuditEvent.objects.get(kind="review.expired")
    assert event.data["event_kind"] == "TaskTimedOut"
    assert audit_verification.verify(audit.chain_of("review", review.pk)) == []


@pytest.mark.parametrize(("status", "becomes"), [("ABORTED", "orphaned"), ("FAILED", "orphaned")])
def test_reviews_of_an_ended_execution_are_closed_without_any_event(
    aws: FakeAws, waiting: Waiting, status: str, becomes: str
) -> None:
    review = waiting()
    if status == "ABORTED":
        aws.abort(review.execution_arn)
    else:
        aws.end(review.execution_arn, status)
    ask_now(review)
    review.refresh_from_db()
    assert review.status == becomes
