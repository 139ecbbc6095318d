"""Escalate: who decides then, who may still look, and what stays the first queue's."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from approvals import policy, visibility
from approvals.actions import assignment, decisions, escalation, lifecycle, postponement, queues
from approvals.actors import COMMAND_LINE
from approvals.exceptions import ApprovalsError, Invalid, NotAllowed
from approvals.models import AuditEvent, ReviewQueue, ReviewTask, User
from approvals.models.choices import Outcome
from approvals.policy import Action
from approvals.records import database_time, idempotency, places
from tests import factories
from tests.factories import actor

pytestmark = pytest.mark.django_db


@pytest.fixture
def board(queue: ReviewQueue) -> ReviewQueue:
    """Another queue, to which the first escalates; all that answers Step Functions differs in it."""
    queues.save(
        queue.slug,
        {
            "role_arn": "arn:aws:iam::123456789012:role/first",
            "error_name": "FirstRejected",
            "reason_codes": [{"code": "fraud", "label": "Fraud", "outcomes": ["rejected"]}],
        },
        by=COMMAND_LINE,
    )
    other = factories.queue(
        "board",
        region="eu-west-1",
        role_arn="arn:aws:iam::123456789012:role/board",
        error_name="BoardRejected",
        reject_as="result",
        policy={"reason_required_for": ["approved", "rejected"]},
    )
    queues.save(queue.slug, {"escalate_to": other}, by=COMMAND_LINE)
    return other


@pytest.fixture
def dora(board: ReviewQueue) -> User:
    """A reviewer of the other queue alone."""
    return factories.user("dora@example.com", "reviewer", board)


def may(action: Action, review: ReviewTask, who: User) -> bool:
    """Whether this person may, as pages and verbs ask."""
    review = ReviewTask.objects.get(pk=review.pk)
    return policy.may(action, review, by=actor(who)).allowed


def given(to: User, **only: Any) -> ReviewTask | None:
    """The review that this person is given next."""
    rows = ReviewTask.objects.without_secrets().select_related("queue").filter(**only)
    return assignment.claim_next(rows.order_by("deadline_at"), by=actor(to))


def test_without_another_queue_the_leads_alone_decide(
    queue: ReviewQueue, alice: User, bob: User, lena: User
) -> None:
    review = assignment.claim(factories.review(queue).pk, by=actor(alice))

    escalation.escalate(review.pk, "Above my limit.", by=actor(alice))

    review.refresh_from_db()
    assert (review.assignee, review.escalated_to, review.is_for_leads) == (None, queue, True)
    assert may(Action.SEE, review, bob)
    assert may(Action.COMMENT, review, bob)
    assert given(bob) is None
    for verb in (assignment.claim, assignment.release):
        with pytest.raises(NotAllowed, match="the role lead"):
            verb(review.pk, by=actor(bob))
    with pytest.raises(NotAllowed, match="the role lead"):
        decisions.decide(review.pk, Outcome.APPROVED, by=actor(bob))
    assert given(lena) == review
    decisions.decide(review.pk, Outcome.APPROVED, by=actor(lena))
    event = AuditEvent.objects.get(kind="review.escalated")
    assert event.data == {"to": "manual-review", "leads": True, "reason": "Above my limit."}


def test_with_another_queue_its_people_decide_and_the_first_may_look(
    queue: ReviewQueue, board: ReviewQueue, alice: User, lena: User, dora: User, carol: User
) -> None:
    review = factories.review(queue)
    assert not visibility.visible_reviews(actor(dora)).exists()

    escalation.escalate(review.pk, "For the board.", by=actor(alice))

    assert visibility.visible_reviews(actor(dora)).get() == review
    assert visibility.visible_reviews(actor(alice)).get() == review
    assert not visibility.visible_reviews(actor(carol)).exists()
    assert may(Action.SEE, review, alice)
    for person in (alice, lena):
        assert not may(Action.DECIDE, review, person)
        assert given(person) is None
        with pytest.raises(NotAllowed):
            decisions.decide(review.pk, Outcome.APPROVED, by=actor(person))
    assert list(policy.deciders_of(ReviewTask.objects.get())) == [dora]
    assert given(dora) == review


def test_what_answers_step_functions_stays_the_first_queues(
    queue: ReviewQueue, board: ReviewQueue, alice: User, dora: User
) -> None:
    review = factories.review(queue)
    before = places.of_review(ReviewTask.objects.get(pk=review.pk))
    escalation.escalate(review.pk, "For the board.", by=actor(alice))

    decided = decisions.decide(
        review.pk,
        Outcome.REJECTED,
        by=actor(dora),
        request=decisions.DecisionRequest(reason_code="fraud"),
    )

    after = ReviewTask.objects.get(pk=review.pk)
    assert places.of_review(after) == before
    assert (after.queue, after.deadline_at) == (queue, review.deadline_at)
    assert decided.decision is not None
    call = json.loads(bytes(decided.decision.callback))
    assert call["error"] == "FirstRejected"
    assert "[reason_code fraud]" in call["cause"]


def test_the_one_who_decided_may_undo_and_the_first_queue_may_not(
    queue: ReviewQueue, board: ReviewQueue, alice: User, dora: User
) -> None:
    review = factories.review(queue)
    escalation.escalate(review.pk, "For the board.", by=actor(alice))
    decision = decisions.decide(review.pk, Outcome.APPROVED, by=actor(dora)).decision
    assert decision is not None
    with pytest.raises(NotAllowed):
        decisions.undo(decision.pk, by=actor(alice))
    assert decisions.undo(decision.pk, by=actor(dora)).status == "pending"


def test_it_is_handed_over_only_to_those_who_may_decide_it_now(
    queue: ReviewQueue, board: ReviewQueue, alice: User, bob: User, dora: User
) -> None:
    review = factories.review(queue)
    escalation.escalate(review.pk, "For the board.", by=actor(alice))
    assignment.claim(review.pk, by=actor(dora))
    with pytest.raises(Invalid, match="may not decide"):
        assignment.reassign(review.pk, bob, by=actor(dora))


def test_nothing_is_escalated_without_a_reason_twice_or_to_nobody(
    queue: ReviewQueue, alice: User, bob: User, victor: User
) -> None:
    review, held, decided = (factories.review(queue) for _ in range(3))
    assignment.claim(held.pk, by=actor(bob))
    decisions.decide(decided.pk, Outcome.APPROVED, by=actor(bob))
    found = []
    for row, reason, by in (
        (review, "No lead.", alice),
        (review, "  ", alice),
        (held, "Mine?", alice),
        (decided, "Late.", alice),
        (review, "May I?", victor),
    ):
        with pytest.raises(ApprovalsError) as refused:
            escalation.escalate(row.pk, reason, by=actor(by))
        found.append(refused.value.code)
    assert found == ["invalid", "invalid", "claimed_by_another", "already_decided", "not_allowed"]
    lena = factories.user("lena@example.com", "lead", queue)
    escalation.escalate(review.pk, "Now.", by=actor(alice))
    with pytest.raises(Invalid, match="escalated already"):
        escalation.escalate(review.pk, "Again.", by=actor(lena))


def test_a_refusal_names_the_queue_where_nobody_may_decide(
    queue: ReviewQueue, board: ReviewQueue, alice: User
) -> None:
    review = factories.review(queue)
    with pytest.raises(Invalid, match=f"cannot go to {board}: nobody"):
        escalation.escalate(review.pk, "For the board.", by=actor(alice))
    queues.save(queue.slug, {"escalate_to": None}, by=COMMAND_LINE)
    with pytest.raises(Invalid, match=f"cannot go to the leads of {queue}: nobody"):
        escalation.escalate(review.pk, "For the leads.", by=actor(alice))


def test_a_claim_and_a_snooze_end_with_an_escalation_and_its_version_is_the_next(
    queue: ReviewQueue, board: ReviewQueue, alice: User, dora: User
) -> None:
    review = factories.review(queue)
    until = database_time.now() + timedelta(minutes=5)
    postponement.snooze(review.pk, until, by=actor(alice))
    claimed = assignment.claim(review.pk, by=actor(alice))
    assert claimed.snoozed_until is not None

    returned = escalation.escalate(review.pk, "For the board.", by=actor(alice))

    stored = ReviewTask.objects.get(pk=review.pk)
    for row in (returned, stored):
        assert (row.escalated_to, row.snoozed_until) == (board, None)
        assert (row.assignee, row.lease_id, row.lease_expires_at) == (None, None, None)
        assert row.version == claimed.version + 1
    assert given(dora) == review


def test_a_repeated_request_is_answered_by_the_escalation_of_the_first(
    queue: ReviewQueue, lena: User, alice: User
) -> None:
    review = factories.review(queue)
    key = factories.idempotency_key()
    escalation.escalate(review.pk, "Above my limit.", by=actor(alice), key=key)

    with pytest.raises(idempotency.AlreadyAnswered) as earlier:
        escalation.escalate(review.pk, "Above my limit.", by=actor(alice), key=key)
    assert earlier.value.result == review.pk


def test_a_reason_is_at_most_4000_characters(queue: ReviewQueue, alice: User) -> None:
    factories.user("lena@example.com", "lead", queue)
    review = factories.review(queue)

    with pytest.raises(Invalid):
        escalation.escalate(review.pk, "x" * 4_001, by=actor(alice))
    escalation.escalate(review.pk, "x" * 4_000, by=actor(alice))


def test_a_newer_review_of_an_escalated_one_is_not_left_with_a_holder_who_may_not_decide_it(
    queue: ReviewQueue, board: ReviewQueue, alice: User, dora: User
) -> None:
    older, newer = factories.review(queue), factories.review(queue)
    escalation.escalate(older.pk, "For the board.", by=actor(alice))
    claimed = assignment.claim(newer.pk, by=actor(alice))

    assert lifecycle.supersede(older.pk, newer.pk, proof={"fate": "expired"})

    newer.refresh_from_db()
    assert (newer.escalated_to, newer.assignee, newer.lease_id) == (board, None, None)
    assert newer.version == claimed.version + 1
    data = AuditEvent.objects.get(kind="review.succeeded").data
    assert (data["escalated_to"], data["claim_ended_of"]) == ("board", alice.email)
    assert decisions.decide(newer.pk, Outcome.APPROVED, by=actor(dora)).status == "approved"


def test_a_claim_goes_on_with_the_escalation_of_the_older_review_alone(
    queue: ReviewQueue, board: ReviewQueue, alice: User, dora: User
) -> None:
    reviews = [factories.review(queue) for _ in range(4)]
    escalated, after, plain, before = reviews
    escalation.escalate(escalated.pk, "For the board.", by=actor(alice))
    assignment.claim(escalated.pk, by=actor(dora))
    assignment.claim(after.pk, by=actor(alice))
    assignment.claim(plain.pk, by=actor(alice))
    escalation.escalate(before.pk, "For the board.", by=actor(alice))

    assert lifecycle.supersede(escalated.pk, after.pk, proof={"fate": "expired"})
    assert lifecycle.supersede(plain.pk, before.pk, proof={"fate": "expired"})

    for row in reviews:
        row.refresh_from_db()
    assert after.assignee == dora
    assert before.assignee is None, "alice may not decide what the board decides"


@pytest.mark.usefixtures("dora")
def test_a_newer_review_that_is_escalated_elsewhere_stays_there(
    queue: ReviewQueue, alice: User
) -> None:
    older, newer = factories.review(queue), factories.review(queue)
    escalation.escalate(older.pk, "For the board.", by=actor(alice))
    lawyers = factories.queue("lawyers")
    factories.user("lou@example.com", "reviewer", lawyers)
    queues.save(queue.slug, {"escalate_to": lawyers}, by=COMMAND_LINE)
    escalation.escalate(newer.pk, "For the lawyers.", by=actor(alice))

    assert lifecycle.supersede(older.pk, newer.pk, proof={"fate": "expired"})

    newer.refresh_from_db()
    assert newer.escalated_to == lawyers
