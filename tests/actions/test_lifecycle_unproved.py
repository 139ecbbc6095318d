"""Reviews past their message's deadline of which nothing can be proved: put aside, and closed by a lead."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db.models import F
from django.db.models.functions import Now

from approvals.actions import assignment, decisions, intake, lifecycle, queues
from approvals.actors import COMMAND_LINE
from approvals.exceptions import AlreadyDecided, DeadlinePassed, Invalid, NotAllowed, NotFound
from approvals.models import AuditEvent, ReviewQueue, ReviewTask, User
from approvals.models.choices import Outcome
from approvals.records import audit, audit_verification, idempotency
from approvals.worker import periodic
from tests import factories
from tests.factories import actor, received

pytestmark = pytest.mark.django_db
EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:orders:o"
ELSEWHERE = EXECUTION.replace("us-east-1", "ap-south-1")  # not asked after: not of the queue
EXPRESS = "arn:aws:states:us-east-1:123456789012:express:orders:o:1"


def overdue(queue: ReviewQueue, *, execution: str = "", timeout: int | None = 60) -> ReviewTask:
    """A review whose deadline passed a second ago."""
    review = factories.review(queue, executionArn=execution, timeoutSeconds=timeout)
    ReviewTask.objects.filter(pk=review.pk).update(deadline_at=Now() - timedelta(seconds=1))
    review.refresh_from_db()
    return review


@pytest.fixture
def lena(queue: ReviewQueue) -> User:
    """A lead of the queue."""
    return factories.user("lena@example.com", "lead", queue)


@pytest.mark.parametrize(
    ("execution", "leaves"),
    [("", True), (EXPRESS, True), ("arn:e", True), (ELSEWHERE, True), (EXECUTION, False)],
)
def test_what_nothing_can_prove_leaves_the_open_reviews(
    queue: ReviewQueue, alice: User, execution: str, leaves: bool
) -> None:
    review = overdue(queue, execution=execution)
    waiting = factories.review(queue, executionArn="", timeoutSeconds=60)

    assert periodic.put_unproved_aside() == leaves
    assert periodic.put_unproved_aside() == 0

    review.refresh_from_db()
    assert review.status == ("unproved" if leaves else "pending")
    assert waiting in ReviewTask.objects.pending()
    if leaves:
        with pytest.raises(DeadlinePassed):
            decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice))


def test_past_a_default_deadline_or_with_a_probe_a_review_stays_open(queue: ReviewQueue) -> None:
    assumed = overdue(queue, timeout=None)
    assert not lifecycle.mark_unproved(assumed.pk)

    for settings in (
        {"probe_with_heartbeats": True},
        {"heartbeat_seconds": 60, "probe_with_heartbeats": False},
    ):
        queues.save(queue.slug, settings, by=COMMAND_LINE)
        review = overdue(queue)
        assert (periodic.put_unproved_aside(), lifecycle.mark_unproved(review.pk)) == (0, False)


@pytest.mark.parametrize("outcome", Outcome)
def test_what_was_decided_before_its_deadline_is_not_put_aside(
    queue: ReviewQueue, alice: User, outcome: Outcome
) -> None:
    review = factories.review(queue, executionArn="", timeoutSeconds=60)
    decisions.decide(review.pk, outcome, by=actor(alice))
    ReviewTask.objects.filter(pk=review.pk).update(deadline_at=F("sent_at"))

    assert lifecycle.mark_unproved(review.pk) is False

    assert ReviewTask.objects.get().status == outcome


def test_the_longest_reason_is_kept_without_the_task_token(queue: ReviewQueue, lena: User) -> None:
    token = f"AQCEAAAAKgAAAAMAAAAAAAAAAX{'t' * 40}"
    review = factories.review(queue, executionArn="", timeoutSeconds=60, taskToken=token)
    ReviewTask.objects.filter(pk=review.pk).update(deadline_at=F("sent_at"))
    lifecycle.mark_unproved(review.pk)

    lifecycle.close_unproved(review.pk, token.ljust(300, "."), by=actor(lena))

    event = AuditEvent.objects.get(kind="review.closed_unproved")
    assert event.data["reason"] == "[task token]" + "." * (300 - len(token))


def test_its_claim_ends_with_it(queue: ReviewQueue, alice: User) -> None:
    review = factories.review(queue, executionArn="", timeoutSeconds=60)
    assignment.claim(review.pk, by=actor(alice))
    ReviewTask.objects.filter(pk=review.pk).update(deadline_at=F("sent_at"))

    assert lifecycle.mark_unproved(review.pk)

    review.refresh_from_db()
    assert (review.assignee, review.lease_id) == (None, None)
    assert review.version == 3


def test_a_lead_closes_it_with_a_reason_and_without_a_proof(queue: ReviewQueue, lena: User) -> None:
    review = overdue(queue)
    lifecycle.mark_unproved(review.pk)
    assert audit_verification.verify(audit.chain(review)) == []

    closed = lifecycle.close_unproved(review.pk, " Cancelled by hand. ", by=actor(lena))

    assert (closed.status, closed.decision) == ("expired", None)
    assert closed.version == 3, "an answer that was given to an older one is stale"
    last = AuditEvent.objects.filter(chain=audit.chain(review)).order_by("-seq")[0]
    assert (last.kind, last.actor_name) == ("review.closed_unproved", "lena@example.com")
    assert last.data["proof"] == "none"
    assert "Cancelled by hand." in last.data["reason"]
    with pytest.raises(AlreadyDecided):
        lifecycle.close_unproved(review.pk, "Again", by=actor(lena))
    assert audit_verification.verify(audit.chain(review)) == []


def test_nobody_else_closes_it_and_none_without_a_reason_or_that_is_open(
    queue: ReviewQueue, alice: User, lena: User
) -> None:
    review = overdue(queue)
    with pytest.raises(Invalid, match="open"):
        lifecycle.close_unproved(review.pk, "why", by=actor(lena))
    lifecycle.mark_unproved(review.pk)

    with pytest.raises(NotAllowed, match="role lead"):
        lifecycle.close_unproved(review.pk, "why", by=actor(alice))
    with pytest.raises(NotFound):
        lifecycle.close_unproved(review.pk, "why", by=actor(factories.user("no@example.com")))
    for reason in ("", "  ", "x" * 301, "a\0b"):
        with pytest.raises(Invalid):
            lifecycle.close_unproved(review.pk, reason, by=actor(lena))

    review.refresh_from_db()
    assert review.status == "unproved"
    assert lifecycle.close_unproved(review.pk, "why", by=COMMAND_LINE).status == "expired"


def test_under_a_key_it_is_closed_once(queue: ReviewQueue, lena: User) -> None:
    review = overdue(queue)
    lifecycle.mark_unproved(review.pk)
    key = factories.idempotency_key()
    lifecycle.close_unproved(review.pk, "why", by=actor(lena), key=key)

    with pytest.raises(idempotency.AlreadyAnswered) as earlier:
        lifecycle.close_unproved(review.pk, "why", by=actor(lena), key=key)

    assert earlier.value.result == review.pk


def test_a_late_proof_expires_it_after_all(queue: ReviewQueue) -> None:
    review = overdue(queue)
    lifecycle.mark_unproved(review.pk)

    assert lifecycle.expire(review.pk, proof={"fate": "closed", "by": "heartbeat"})

    review.refresh_from_db()
    assert review.status == "expired"


def test_the_message_of_the_case_leaves_the_measure_that_alarms_too(
    queue: ReviewQueue, caplog: pytest.LogCaptureFixture
) -> None:
    def oldest() -> int:
        caplog.clear()
        periodic.report()
        [line] = [record.msg for record in caplog.records if "desk.measured" in str(record.msg)]
        found = line if isinstance(line, dict) else json.loads(str(line))
        return int(found["oldest_open_review_seconds"])

    case = {"taskToken": "T" * 40, "orderId": "overdue-2e1e5", "timeoutSeconds": 5}
    assert intake.accept(queue, [received(case | {"priority": 32_000})]).reviews == 1
    ReviewTask.objects.update(
        received_at=Now() - timedelta(hours=1), deadline_at=Now() - timedelta(seconds=1)
    )
    assert oldest() >= 3_600

    assert periodic.put_unproved_aside() == 1

    assert oldest() == 0
    assert not ReviewTask.objects.pending().exists()
