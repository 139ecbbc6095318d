"""Locked rows: facts are from after the wait for the lock, whatever changed meanwhile."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from approvals import policy
from approvals.actions import decisions
from approvals.actors import COMMAND_LINE, SYSTEM
from approvals.exceptions import AlreadyDecided, DeadlinePassed, NotAllowed, NotFound
from approvals.models import AuditEvent, ReviewQueue, ReviewTask, User, Vote
from approvals.models.choices import Outcome
from approvals.policy import Action
from approvals.records import audit, locked_rows, rights
from tests import factories
from tests.factories import actor
from tests.races import while_another_commits

pytestmark = pytest.mark.django_db

TOUCH = "UPDATE approvals_reviewtask SET title = title WHERE id = %(review)s"
COMMENTED = """
INSERT INTO approvals_auditevent
  (chain, seq, format, kind, actor_name, surface, data, prev_hash, hash)
VALUES (%(chain)s, 2, 1, 'review.commented', 'x', 'web', '{}', '', %(hash)s)
"""
VOTED = """
INSERT INTO approvals_vote
  (id, review_id, reviewer_id, outcome, reason_code, reason, edits, surface, signed_in)
VALUES (gen_random_uuid(), %(review)s, %(user)s, 'rejected', '', '', '{}', 'web', '')
"""
REVOKED = "DELETE FROM approvals_queuemembership WHERE user_id = %(user)s"
DEACTIVATED = "UPDATE approvals_user SET is_active = false WHERE id = %(user)s"
PASSED = """
UPDATE approvals_reviewtask SET deadline_at = clock_timestamp() + interval '0.4 s', deadline_source = 'message'
WHERE id = %(review)s
"""


def test_a_review_comes_with_its_facts_in_two_statements(review: ReviewTask, alice: User) -> None:
    vote = Vote.objects.create(review=review, reviewer=alice, outcome="approved", surface="web")

    with CaptureQueriesContext(connection) as log, transaction.atomic():
        locked = locked_rows.review(review.pk, by=actor(alice))

    assert len([each for each in log if each["sql"].lstrip().startswith("SELECT")]) == 2
    assert locked.row == review
    assert locked.row.queue == review.queue
    assert locked.votes == (vote,)
    assert locked.votes[0].outcome == "approved"
    assert locked.rights == rights.read(alice, review.queue_id)
    last = AuditEvent.objects.get(chain=audit.chain(review))
    assert (locked.chain.seq, locked.chain.hash) == (last.seq, bytes(last.hash))


def test_the_columns_are_those_that_the_orm_reads(queue: ReviewQueue, alice: User) -> None:
    queues_fields = [field.attname for field in ReviewQueue._meta.concrete_fields]
    review = factories.review(queue, input={"total": 12.5, "items": [{"sku": "ü"}]}, itemIndex=3)

    with transaction.atomic():
        locked = locked_rows.review(review.pk, by=actor(alice))

    stored = ReviewTask.objects.without_secrets().get(pk=review.pk)
    shown = [
        field.attname
        for field in ReviewTask._meta.concrete_fields
        if field.attname not in stored.get_deferred_fields()
    ]
    assert locked.row.get_deferred_fields() == stored.get_deferred_fields()
    assert [getattr(locked.row, name) for name in shown] == [
        getattr(stored, name) for name in shown
    ]
    assert [getattr(locked.row.queue, name) for name in queues_fields] == [
        getattr(stored.queue, name) for name in queues_fields
    ]


def test_what_no_person_does_reads_no_payload_until_it_is_asked_for(review: ReviewTask) -> None:
    with transaction.atomic(), CaptureQueriesContext(connection) as read:
        locked = locked_rows.review(review.pk, by=SYSTEM)
    assert not any('"payload"' in each["sql"] for each in read.captured_queries)
    assert locked.row.payload == review.payload


def test_votes_that_were_withdrawn_are_left_out(review: ReviewTask, alice: User) -> None:
    fields = {"review": review, "reviewer": alice, "outcome": "approved", "surface": "web"}
    Vote.objects.create(**fields, withdrawn_at=Now())

    with transaction.atomic():
        assert locked_rows.review(review.pk, by=SYSTEM).votes == ()


def test_a_row_of_another_model_has_the_site_rights(alice: User, queue: ReviewQueue) -> None:
    with transaction.atomic():
        locked = locked_rows.row(ReviewQueue, queue.pk, by=actor(alice))

    assert locked.row == queue
    assert locked.rights == rights.Rights(True, frozenset(), frozenset())
    assert locked.chain.seq == AuditEvent.objects.filter(chain=audit.chain(queue)).count()


def test_what_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFound), transaction.atomic():
        locked_rows.review(uuid4(), by=SYSTEM)
    with pytest.raises(NotFound), transaction.atomic():
        locked_rows.row(User, uuid4(), by=SYSTEM)


@pytest.mark.parametrize("nobody", [None, "alice"])
def test_without_an_actor_nothing_is_locked(review: ReviewTask, nobody: Any) -> None:
    for call in (
        lambda: locked_rows.review(review.pk, by=nobody),
        lambda: locked_rows.with_facts(review, by=nobody),
        lambda: locked_rows.row(ReviewQueue, review.queue_id, by=nobody),
    ):
        with pytest.raises(TypeError, match="by must be an Actor"), transaction.atomic():
            call()


def test_the_rights_of_one_actor_are_not_taken_for_those_of_another(
    review: ReviewTask, alice: User, victor: User
) -> None:
    with transaction.atomic():
        locked = locked_rows.review(review.pk, by=actor(alice))

    assert policy.may(Action.DECIDE, locked, by=actor(alice)).allowed
    with pytest.raises(TypeError, match=r"locked for alice@example\.com"):
        policy.may(Action.DECIDE, locked, by=actor(victor))
    with pytest.raises(TypeError, match=r"locked for alice@example\.com"):
        policy.may(Action.OPERATE, locked, by=COMMAND_LINE)


def test_policy_asks_the_database_nothing_about_a_locked_row(
    review: ReviewTask, alice: User
) -> None:
    with transaction.atomic():
        locked = locked_rows.review(review.pk, by=actor(alice))

    with CaptureQueriesContext(connection) as log:
        verdicts = [policy.may(action, locked, by=actor(alice)).code for action in Action]

    assert len(log) == 0
    assert verdicts == [policy.may(action, review, by=actor(alice)).code for action in Action]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("change", "error"),
    [
        (VOTED, AlreadyDecided),
        (REVOKED, NotFound),
        (DEACTIVATED, NotAllowed),
        (PASSED, DeadlinePassed),
    ],
    ids=["vote", "role", "account", "deadline"],
)
def test_a_decision_that_waited_for_the_lock_sees_what_was_committed_meanwhile(
    review: ReviewTask, alice: User, change: str, error: type[Exception]
) -> None:
    refused = while_another_commits(
        *together(TOUCH, change, review=review, user=alice),
        lambda: decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice)),
        seconds=0.5,
    )

    assert isinstance(refused, error)
    assert ReviewTask.objects.get().status == "pending"
    assert AuditEvent.objects.filter(chain=audit.chain(review)).count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_event_that_was_committed_meanwhile_is_followed(review: ReviewTask, alice: User) -> None:
    decided = while_another_commits(
        *together(TOUCH, COMMENTED, review=review, user=alice),
        lambda: decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice)),
    )

    assert isinstance(decided, ReviewTask), decided
    last = AuditEvent.objects.get(chain=audit.chain(review), kind="review.approved")
    assert (last.seq, bytes(last.prev_hash)) == (3, b"h" * 32)


def together(*changes: str, review: ReviewTask, user: User) -> tuple[str, dict[str, Any]]:
    """The changes as one text with its parameters; the first of them locks the review."""
    parameters = {
        "review": review.pk,
        "user": user.pk,
        "chain": audit.chain(review),
        "hash": b"h" * 32,
    }
    used = {name: value for name, value in parameters.items() if f"%({name})s" in "".join(changes)}
    return ";".join(changes), used


def test_facts_without_a_lock_are_those_of_the_lock_in_one_statement(
    review: ReviewTask, alice: User
) -> None:
    Vote.objects.create(review=review, reviewer=alice, outcome="approved", surface="web")
    lena = factories.user("lead@example.com", "lead", review.queue)
    elsewhere = factories.queue("elsewhere")
    away = factories.review(review.queue)
    ReviewTask.objects.filter(pk=away.pk).update(escalated_to=elsewhere)
    rows = list(ReviewTask.objects.select_related("queue").order_by("pk"))

    for person in (alice, lena):
        with CaptureQueriesContext(connection) as log:
            found = locked_rows.facts_of(rows, by=actor(person))
        assert len(log) == 1
        for facts in found:
            with transaction.atomic():
                locked = locked_rows.review(facts.row.pk, by=actor(person))
            assert (facts.row, facts.rights, facts.votes) == (
                locked.row,
                locked.rights,
                locked.votes,
            )
            assert facts.now <= locked.now
    assert [facts.rights.roles for facts in found] == [{"lead"}, {"viewer"}]
