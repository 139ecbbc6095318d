"""Skip, snooze, escalate and decide at the same time: the lock decides, and every chain holds."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection

from approvals.actions import assignment, decisions, discussion, escalation, postponement
from approvals.exceptions import ApprovalsError
from approvals.models import AuditEvent, Decision, Mention, ReviewQueue, ReviewTask, Skip, User
from approvals.models.choices import Outcome
from approvals.records import audit, audit_verification, locked_rows
from tests import factories
from tests.factories import actor
from tests.faults.test_api_races import together

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 8


def outcome_of(verb: Any, *args: Any, **options: Any) -> str:
    """What a call ends with: `done`, or the code of its refusal."""
    try:
        verb(*args, **options)
    except ApprovalsError as error:
        return error.code
    finally:
        connection.close()
    return "done"


def test_of_an_escalation_and_a_decision_by_others_one_wins(
    queue: ReviewQueue, alice: User, bob: User, lena: User
) -> None:
    for _ in range(ROUNDS):
        review = factories.review(queue)
        found = together(
            partial(outcome_of, escalation.escalate, review.pk, "Limit.", by=actor(alice)),
            partial(outcome_of, decisions.decide, review.pk, Outcome.APPROVED, by=actor(bob)),
        )
        decided = Decision.objects.filter(review=review).exists()
        escalated = ReviewTask.objects.get(pk=review.pk).escalated_to_id is not None
        assert (escalated, decided) in {(True, False), (False, True)}
        assert sorted(found) in (["already_decided", "done"], ["done", "not_allowed"])
        assert audit_verification.verify(audit.chain_of("review", review.pk)) == []


def test_two_who_escalate_do_it_once(
    queue: ReviewQueue, alice: User, bob: User, lena: User
) -> None:
    for _ in range(ROUNDS):
        review = factories.review(queue)
        found = together(
            *(
                partial(outcome_of, escalation.escalate, review.pk, "Limit.", by=actor(who))
                for who in (alice, bob)
            )
        )
        assert "done" in found
        assert found.count("done") == 1
        kinds = AuditEvent.objects.filter(chain=audit.chain_of("review", review.pk))
        assert kinds.filter(kind="review.escalated").count() == 1


def test_skips_snoozes_and_claims_at_once_leave_each_version_with_its_event(
    queue: ReviewQueue, alice: User, bob: User
) -> None:
    review = factories.review(queue)
    until = review.deadline_at - timedelta(minutes=9)
    for _ in range(ROUNDS):
        together(
            partial(outcome_of, postponement.skip, review.pk, by=actor(alice)),
            partial(outcome_of, postponement.snooze, review.pk, until, by=actor(bob)),
            partial(outcome_of, assignment.claim, review.pk, by=actor(bob)),
            partial(outcome_of, postponement.skip, review.pk, by=actor(alice)),
        )
    review.refresh_from_db()
    events = AuditEvent.objects.filter(chain=audit.chain_of("review", review.pk))
    # A skip raises the version only if it ends a claim.
    assert review.version == events.exclude(kind="review.skipped").count() + sum(
        "claim_ended" in event.data for event in events.filter(kind="review.skipped")
    )
    assert Skip.objects.filter(review=review).count() <= 1
    assert audit_verification.verify(audit.chain_of("review", review.pk)) == []


def test_a_mention_that_is_dismissed_twice_at_once_is_dismissed_once(
    queue: ReviewQueue, alice: User, bob: User
) -> None:
    for _ in range(ROUNDS):
        review = factories.review(queue)
        discussion.comment(review.pk, "@bob", by=actor(alice))
        mention = Mention.objects.get(comment__review=review)
        twice = partial(outcome_of, discussion.dismiss, mention.pk, by=actor(bob))
        assert together(twice, twice) == ["done", "done"]
        events = AuditEvent.objects.filter(chain=audit.chain_of("review", review.pk))
        assert events.filter(kind="review.mention_dismissed").count() == 1


def test_without_the_row_lock_the_races_are_noticed(
    queue: ReviewQueue, alice: User, bob: User, lena: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = vars(locked_rows)["_LOCK_REVIEW"]
    monkeypatch.setattr(locked_rows, "_LOCK_REVIEW", lock.replace(" FOR UPDATE", ""))
    noticed = False
    for _ in range(10 * ROUNDS):
        review = factories.review(queue)
        try:
            found = together(
                *(
                    partial(outcome_of, escalation.escalate, review.pk, "Limit.", by=actor(who))
                    for who in (alice, bob)
                )
            )
            noticed = found.count("done") != 1
        except Exception:  # noqa: BLE001  # the audit chain's unique index refuses the second
            noticed = True
        if noticed:
            break
    assert noticed
