"""A step that asks again: the older review steps aside once its token is proved closed, not before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from approvals.actions import assignment, decisions, discussion, intake
from approvals.models import AuditEvent, Comment, ReviewQueue, ReviewTask, User
from approvals.models.choices import Outcome
from approvals.records import audit, audit_verification, supersession
from tests import factories
from tests.factories import actor
from tests.fake_aws import FakeAws
from tests.waiting_reviews import AT_ONCE, ask_now, deliver, take_in, token_of

pytestmark = pytest.mark.django_db(transaction=True)
Waiting = Callable[..., ReviewTask]
ARN = "arn:aws:states:us-east-1:123456789012:execution:orders:loop"
SENT = datetime(2026, 1, 1, tzinfo=UTC)


def newest(review: ReviewTask) -> ReviewTask:
    return ReviewTask.objects.filter(execution_arn=review.execution_arn).latest("sent_at")


def test_a_retried_step_supersedes_and_claim_and_comments_move_along(
    aws: FakeAws, held: ReviewQueue, waiting: Waiting, ada: User
) -> None:
    older = waiting()
    assignment.claim(older.pk, by=actor(ada))
    discussion.comment(older.pk, "I am on the phone with them.", by=actor(ada))
    aws.retry(token_of(aws, older))
    take_in(held)
    newer = newest(older)
    older.refresh_from_db()
    assert (older.status, older.superseded_by) == ("pending", newer)  # linked, not yet proved
    ask_now(older)
    newer.refresh_from_db()
    assert (older.status, older.superseded_by) == ("superseded", newer)
    assert (newer.status, newer.assignee, newer.retry_count) == ("pending", ada, 1)
    assert Comment.objects.get().review == newer
    for review in (older, newer):
        assert audit_verification.verify(audit.chain_of("review", review.pk)) == []


def test_a_forged_message_closes_nothing(
    aws: FakeAws, held: ReviewQueue, waiting: Waiting, ada: User
) -> None:
    genuine = waiting()
    forged = factories.review(
        held,
        executionArn=genuine.execution_arn,
        stateName=genuine.state_name,
        orderId=genuine.reference,
    )
    genuine.refresh_from_db()
    assert genuine.superseded_by == forged
    ask_now(genuine)
    assert genuine.status == "pending"
    decided = decisions.decide(genuine.pk, Outcome.APPROVED, by=actor(ada, "api"), request=AT_ONCE)
    assert deliver(decided).delivery == ("delivered", "acknowledged")


def test_a_forged_message_does_not_inherit_from_a_review_that_really_ends(
    aws: FakeAws, held: ReviewQueue, waiting: Waiting
) -> None:
    genuine = waiting()
    forged = factories.review(
        held,
        executionArn=genuine.execution_arn,
        stateName=genuine.state_name,
        orderId=genuine.reference,
    )
    aws.expire(token_of(aws, genuine), caught=True)
    ask_now(genuine)
    forged.refresh_from_db()
    assert (genuine.status, forged.status) == ("expired", "pending")


def test_messages_that_arrive_in_the_wrong_order_are_sorted_by_when_they_were_sent(
    aws: FakeAws, held: ReviewQueue, machine: str
) -> None:
    aws.queue_faults(held.sqs_url, reorder=True)
    arn = aws.start(machine, "order-9", {})
    aws.retry(aws.tasks(arn)[-1]["token"])
    aws.retry(aws.tasks(arn)[-1]["token"])
    take_in(held)
    first, second, third = ReviewTask.objects.filter(execution_arn=arn).order_by("retry_count")
    ask_now(first)
    third.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, second.status, third.status) == ("superseded", "superseded", "pending")
    assert (first.superseded_by, second.superseded_by, third.superseded_by) == (third, third, None)


def test_a_redriven_execution_asks_again_under_a_new_token(
    aws: FakeAws, held: ReviewQueue, waiting: Waiting
) -> None:
    older = waiting()
    aws.abort(older.execution_arn)
    aws.redrive(older.execution_arn)
    take_in(held)
    newer = newest(older)
    ask_now(older)
    assert (older.status, older.superseded_by) == ("superseded", newer)
    assert newer.redrive_count == 1


def test_a_step_that_was_answered_and_comes_again_is_a_review_of_its_own(
    aws: FakeAws, held: ReviewQueue, ada: User
) -> None:
    machine = aws.machine("looping", review_queue_url=held.sqs_url, ends=False)
    arn = aws.start(machine, "order-5", {})
    take_in(held)
    first = ReviewTask.objects.get(execution_arn=arn)
    decided = decisions.decide(first.pk, Outcome.APPROVED, by=actor(ada, "api"), request=AT_ONCE)
    assert deliver(decided).delivery == ("delivered", "acknowledged")
    aws.open_task(arn, queue_url=held.sqs_url)
    take_in(held)
    first.refresh_from_db()
    assert (first.status, first.superseded_by) == ("approved", None)


def test_without_an_execution_arn_nothing_is_superseded(held: ReviewQueue) -> None:
    older = factories.review(held, orderId="ORD-1", executionArn="")
    factories.review(held, orderId="ORD-1", executionArn="")
    older.refresh_from_db()
    assert older.superseded_by is None


def test_a_decision_whose_token_had_closed_is_applied_to_the_newer_review_in_one_step(
    aws: FakeAws, held: ReviewQueue, waiting: Waiting, ada: User, client: Client
) -> None:
    older = waiting()
    aws.retry(token_of(aws, older))
    decided = decisions.decide(older.pk, Outcome.REJECTED, by=actor(ada), request=AT_ONCE)
    assert deliver(decided).delivery == ("closed_elsewhere", "expired")
    take_in(held)
    newer = newest(older)
    client.force_login(ada)
    page = client.get(f"/reviews/{older.pk}/").content.decode()
    assert "Apply the same decision there" in page
    client.post(f"/decisions/{decided.decision_id}/reapply/")
    newer.refresh_from_db()
    assert (newer.status, newer.decision.reason) == ("rejected", "Seen.")


def events() -> int:
    """How many audit events of links there are."""
    return AuditEvent.objects.filter(kind="review.newer_arrived").count()


def flood(queue: ReviewQueue, batches: range) -> list[int]:
    """Take in batches of ten messages of one step, each sent later; returns the statements of each batch."""
    counts = []
    for number in batches:
        batch = [
            replace(
                factories.received(executionArn=ARN, orderId="A", stateName="Review"),
                sent_at=SENT + timedelta(seconds=10 * number + place),
            )
            for place in range(10)
        ]
        with CaptureQueriesContext(connection) as sent:
            intake.accept(queue, batch)
        counts.append(len(sent))
    return counts


def test_a_thousand_messages_of_one_step_are_linked_once_each(queue: ReviewQueue) -> None:
    statements = flood(queue, range(100))

    assert ReviewTask.objects.count() == 1_000
    assert events() == 999
    assert set(statements[1:]) == {statements[1]}
    newest = ReviewTask.objects.latest("sent_at")
    assert newest.superseded_by is None
    assert not ReviewTask.objects.filter(superseded_by=None).exclude(pk=newest.pk).exists()
    first = ReviewTask.objects.earliest("sent_at")
    assert supersession.newest_of(first) == newest
    assert supersession.newest_of(newest) is None


def test_the_newest_review_of_a_step_is_found_by_an_index(queue: ReviewQueue) -> None:
    flood(queue, range(20))
    with connection.cursor() as cursor:
        cursor.execute(
            "SET LOCAL enable_seqscan = off" if connection.in_atomic_block else "ANALYZE"
        )
    with CaptureQueriesContext(connection) as sent:
        flood(queue, range(20, 21))
    (query,) = [each["sql"] for each in sent if "LATERAL" in each["sql"]]
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + query)
        assert "review_by_step" in str(cursor.fetchall())


def test_a_message_that_comes_late_is_linked_to_the_newest_and_takes_no_place(
    queue: ReviewQueue,
) -> None:
    flood(queue, range(5, 6))
    before = events()
    flood(queue, range(1))
    assert events() == before + 10
    newest = ReviewTask.objects.latest("sent_at")
    late = ReviewTask.objects.earliest("sent_at")
    assert (late.superseded_by, newest.superseded_by) == (newest, None)


def test_steps_of_other_queues_items_and_states_are_not_linked(queue: ReviewQueue) -> None:
    other = factories.queue("other")
    same = {"executionArn": ARN, "orderId": "A", "stateName": "Review"}
    others: list[tuple[ReviewQueue, dict[str, Any]]] = [
        (queue, {}),
        (other, {}),
        (queue, {"itemIndex": 0}),
        (queue, {"itemIndex": 1}),
        (queue, {"stateName": "Again"}),
        (queue, {"orderId": "B"}),
        (queue, {"executionArn": ARN + "2"}),
        (queue, {"stateName": "a\x1fb", "orderId": "c"}),
        (queue, {"stateName": "a", "orderId": "b\x1fc"}),
        (queue, {"stateName": "é" * 128, "orderId": "漢" * 256, "executionArn": "😀" * 512}),
    ]
    for of, fields in others:
        factories.review(of, **(same | fields))
    assert events() == 0


def test_what_two_pollers_have_not_seen_of_each_other_is_linked_with_the_next_message(
    queue: ReviewQueue,
) -> None:
    flood(queue, range(1))
    ReviewTask.objects.update(superseded_by=None)  # as if each had come with another poller
    flood(queue, range(1, 2))
    assert ReviewTask.objects.filter(superseded_by=None).count() == 1
