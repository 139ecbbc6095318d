"""Constraints of the database, which hold whatever the code above them does."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import ProtectedError
from django.db.models.functions import Now

from approvals.actions import assignment, credentials, decisions, people, queues
from approvals.actors import COMMAND_LINE
from approvals.exceptions import Invalid
from approvals.models import (
    ApiToken,
    Decision,
    OutboxAttempt,
    OutboxEntry,
    QueueMembership,
    ReviewQueue,
    ReviewTask,
    User,
    Vote,
)
from approvals.models.choices import Outcome
from tests import factories
from tests.factories import actor

pytestmark = pytest.mark.django_db


@pytest.fixture
def decided(alice: User) -> ReviewTask:
    """A review that Alice approved."""
    return decisions.decide(factories.review().pk, Outcome.APPROVED, by=actor(alice))


def assert_refused(constraint: str, change: Any) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        change()


def again(row: models.Model, **changes: Any) -> None:
    """Store a copy of a row under a new key."""
    for name, value in ({"pk": uuid4()} | changes).items():
        setattr(row, name, value)
    row.save(force_insert=True)


@pytest.mark.parametrize(
    ("constraint", "columns"),
    [
        ("review_decided_means_decision", {"status": "approved"}),
        ("review_decided_means_decision", {"status": "rejected"}),
        ("review_lease_is_whole", {"lease_id": uuid4()}),
        ("review_lease_is_whole", {"lease_expires_at": Now()}),
    ],
)
def test_a_pending_review_is_whole(constraint: str, columns: dict[str, Any]) -> None:
    factories.review()

    assert_refused(constraint, lambda: ReviewTask.objects.update(**columns))


def test_a_decided_review_has_a_decision_and_no_lease(decided: ReviewTask, alice: User) -> None:
    rows = ReviewTask.objects.all()
    held = {"assignee": alice, "lease_id": uuid4(), "lease_expires_at": Now()}

    assert_refused("review_decided_means_decision", lambda: rows.update(decision=None))
    assert_refused("review_decided_means_decision", lambda: rows.update(status="pending"))
    assert_refused("review_lease_only_while_pending", lambda: rows.update(**held))


def test_a_token_makes_one_review_a_review_one_live_decision_and_a_reviewer_one_live_vote(
    decided: ReviewTask,
) -> None:
    assert_refused(
        "token_fingerprint",
        lambda: again(ReviewTask.objects.get(), decision=None, status="pending"),
    )
    assert_refused("one_live_decision_a_review", lambda: again(Decision.objects.get()))
    assert_refused("one_live_vote_a_reviewer", lambda: again(Vote.objects.get()))
    again(Decision.objects.get(), undone_at=Now())
    again(Vote.objects.get(), withdrawn_at=Now())


def test_a_decision_is_enqueued_once_and_an_attempt_has_one_number(decided: ReviewTask) -> None:
    entry = OutboxEntry.objects.get()
    OutboxAttempt.objects.create(entry=entry, number=1)

    assert_refused(
        "attempt_numbered_once", lambda: OutboxAttempt.objects.create(entry=entry, number=1)
    )
    assert_refused("outbox_said_once", lambda: again(entry))


@pytest.mark.parametrize(
    ("constraint", "columns"),
    [
        ("outbox_sending_has_a_lease", {"state": "sending"}),
        ("outbox_ended_has_a_time", {"state": "settled"}),
        ("outbox_ended_has_a_time", {"ended_at": Now()}),
        ("outbox_ended_has_a_time", {"state": "nowhere"}),
    ],
)
def test_an_outbox_row_is_whole(
    constraint: str, columns: dict[str, Any], decided: ReviewTask
) -> None:
    assert_refused(constraint, lambda: OutboxEntry.objects.update(**columns))


@pytest.mark.parametrize(
    ("state", "detail", "delivery"),
    [
        ("waiting", "undo_window", "waiting"), ("sending", "queued", "sending"),
        ("settled", "acknowledged", "delivered"), ("settled", "proved_by_history", "delivered"),
        ("settled", "expired", "closed_elsewhere"), ("settled", "other_party", "closed_elsewhere"),
        ("parked", "no_execution_arn", "unconfirmed"), ("parked", "history_gone", "unconfirmed"),
        ("parked", "invalid_token", "parked"), ("parked", "key_missing", "parked"),
        ("cancelled", "undone", "undone"),
    ],
)  # fmt: skip
def test_only_what_is_proved_is_called_delivered(state: str, detail: str, delivery: str) -> None:
    assert OutboxEntry(state=state, detail=detail).delivery == (delivery, detail)


@pytest.mark.parametrize(
    "changes",
    [
        {"error_name": "States.Timeout"}, {"error_name": ""}, {"error_name": "two words"},
        {"timeout_seconds": 0}, {"timeout_seconds": 366 * 86_400}, {"reject_as": "shrug"},
        {"at_deadline": "panic"}, {"lease_seconds": 1}, {"undo_seconds": 3_601}, {"sqs_url": "no url"},
        {"output_schema": {"type": "strin"}}, {"output_schema": 7},
    ],
)  # fmt: skip
def test_a_queue_cannot_be_given_a_value_it_cannot_live_with(
    changes: dict[str, Any], queue: ReviewQueue
) -> None:
    with pytest.raises(Invalid) as refused:
        queues.save("manual-review", changes, by=COMMAND_LINE)

    assert refused.value.message.startswith(f"{next(iter(changes))}: ")


@pytest.mark.parametrize(
    "columns", [{"error_name": "States.X"}, {"error_name": ""}, {"timeout_seconds": 0}]
)
def test_the_database_keeps_a_queue_sane_too(columns: dict[str, Any], queue: ReviewQueue) -> None:
    assert_refused("queue_", lambda: ReviewQueue.objects.update(**columns))


def test_a_role_is_a_users_or_a_groups_and_one_a_queue(alice: User, queue: ReviewQueue) -> None:
    make = QueueMembership.objects.create

    assert_refused("of_a_user_or_a_group", lambda: make(queue=queue, role="lead"))
    assert_refused("one_role_a_user", lambda: make(queue=queue, user=alice, role="lead"))


def test_an_email_is_one_login_in_any_case_and_a_token_name_is_used_once(alice: User) -> None:
    with pytest.raises(Invalid):
        people.create("ALICE@example.com ", by=COMMAND_LINE)
    assert User.objects.get_by_natural_key(" Alice@Example.COM ") == alice
    assert_refused("user_email_is_lower", lambda: User.objects.update(email="Alice@example.com"))

    token = credentials.issue_token(alice, "bot", by=COMMAND_LINE)
    for name in ("bot", " ", "x" * 101):
        with pytest.raises(Invalid):
            credentials.issue_token(alice, name, by=COMMAND_LINE)
    assert token not in ApiToken.objects.get().digest


def test_who_has_acted_cannot_be_deleted(alice: User) -> None:
    assignment.claim(factories.review().pk, by=actor(alice))

    with pytest.raises(ProtectedError):
        alice.delete()


def test_an_email_that_is_none_is_refused() -> None:
    with pytest.raises(ValidationError):
        User.objects.create_user("nobody")
