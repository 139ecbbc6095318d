"""Skip and snooze: what is given next, until when, and what is recorded."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from approvals.actions import assignment, decisions, postponement
from approvals.exceptions import ApprovalsError, Invalid
from approvals.models import AuditEvent, ReviewQueue, ReviewTask, Skip, User
from approvals.models.choices import Outcome
from approvals.records import audit, database_time, idempotency
from tests import factories
from tests.factories import actor

pytestmark = pytest.mark.django_db


def given(to: User) -> ReviewTask | None:
    """The review that this person is given next."""
    rows = ReviewTask.objects.without_secrets().select_related("queue")
    return assignment.claim_next(rows.order_by("deadline_at"), by=actor(to))


def test_what_one_skips_is_given_to_others_and_to_oneself_last(
    queue: ReviewQueue, alice: User, bob: User
) -> None:
    first, second = (factories.review(queue, timeoutSeconds=3000 + n) for n in range(2))
    assert given(alice) == first

    postponement.skip(first.pk, by=actor(alice), reason="I know them.")

    first.refresh_from_db()
    assert first.assignee is None
    assert given(bob) == first
    assignment.release(first.pk, by=actor(bob))
    assert given(alice) == second
    assert given(alice) == first
    event = AuditEvent.objects.get(kind="review.skipped")
    data = {"reason": "I know them.", "claim_ended": True}
    assert (event.actor_name, event.data) == ("alice@example.com", data)


def test_the_last_time_one_skipped_counts(queue: ReviewQueue, alice: User) -> None:
    review = factories.review(queue)
    postponement.skip(review.pk, by=actor(alice))
    Skip.objects.update(at=Now() - timedelta(hours=1))
    an_hour_ago = Skip.objects.get().at

    postponement.skip(review.pk, by=actor(alice))

    assert Skip.objects.get().at > an_hour_ago


def test_each_person_skips_each_review_by_themselves(
    queue: ReviewQueue, alice: User, bob: User
) -> None:
    one, other = factories.review(queue), factories.review(queue)
    skips = [(one, alice), (other, alice), (one, bob)]

    for review, person in skips:
        postponement.skip(review.pk, by=actor(person))

    stored = Skip.objects.values_list("review", "user")
    assert set(stored) == {(review.pk, person.pk) for review, person in skips}


def test_a_reason_of_a_thousand_characters_is_the_longest(queue: ReviewQueue, alice: User) -> None:
    review = factories.review(queue)
    with pytest.raises(Invalid) as refused:
        postponement.skip(review.pk, by=actor(alice), reason="x" * 1_001)
    assert refused.value.extra == {"pointer": "/reason"}

    postponement.skip(review.pk, by=actor(alice), reason="x" * 1_000)

    assert AuditEvent.objects.get(kind="review.skipped").data == {"reason": "x" * 1_000}


def test_a_snoozed_review_is_given_to_nobody_until_its_time(
    queue: ReviewQueue, alice: User, bob: User
) -> None:
    review = factories.review(queue)
    until = database_time.now() + timedelta(minutes=5)

    postponement.snooze(review.pk, until, by=actor(alice))

    assert given(bob) is None
    ReviewTask.objects.update(snoozed_until=Now())
    assert given(bob) == review


def test_a_snooze_ends_when_somebody_ends_it_and_never_stops_a_decision(
    queue: ReviewQueue, alice: User, bob: User
) -> None:
    one, other = factories.review(queue), factories.review(queue)
    until = database_time.now() + timedelta(minutes=5)
    for review in (one, other):
        postponement.snooze(review.pk, until, by=actor(alice))
    postponement.snooze(one.pk, None, by=actor(bob))
    assert given(bob) == one
    assert decisions.decide(other.pk, Outcome.APPROVED, by=actor(bob)).status == "approved"


@pytest.mark.parametrize("minutes", [-1, 0, 59.5, 600])
def test_a_time_that_is_past_or_too_near_the_deadline_is_refused_with_the_latest(
    queue: ReviewQueue, alice: User, minutes: float
) -> None:
    review = factories.review(queue)  # with an hour
    until = database_time.now() + timedelta(minutes=minutes)

    with pytest.raises(Invalid) as refused:
        postponement.snooze(review.pk, until, by=actor(alice))

    assert refused.value.extra["pointer"] == "/until"
    if minutes > 0:
        latest = review.deadline_at - timedelta(seconds=60)
        assert refused.value.extra["latest"] == latest.isoformat()


def test_the_latest_time_is_not_too_late(queue: ReviewQueue, alice: User) -> None:
    review = factories.review(queue)
    latest = review.deadline_at - timedelta(seconds=60)

    assert postponement.snooze(review.pk, latest, by=actor(alice)).snoozed_until == latest


def test_what_another_holds_or_is_decided_or_may_not_be_claimed_is_not_postponed(
    queue: ReviewQueue, alice: User, bob: User, victor: User
) -> None:
    held, decided, free = (factories.review(queue) for _ in range(3))
    assignment.claim(held.pk, by=actor(bob))
    decisions.decide(decided.pk, Outcome.APPROVED, by=actor(bob))
    until = database_time.now() + timedelta(minutes=5)
    refused: dict[str, set[str]] = {}
    for name, review, user in (
        ("held", held, alice),
        ("done", decided, alice),
        ("no", free, victor),
    ):
        for verb, arguments in ((postponement.skip, ()), (postponement.snooze, (until,))):
            with pytest.raises(ApprovalsError) as error:
                verb(review.pk, *arguments, by=actor(user))
            refused.setdefault(name, set()).add(error.value.code)
    assert refused == {
        "held": {"claimed_by_another"},
        "done": {"already_decided"},
        "no": {"not_allowed"},
    }
    assert not Skip.objects.exists()


def test_what_another_is_typing_holds_although_somebody_skips_the_review(
    queue: ReviewQueue, alice: User, bob: User
) -> None:
    review = factories.review(queue)

    postponement.skip(review.pk, by=actor(alice))

    request = decisions.DecisionRequest(version=review.version)
    decided = decisions.decide(review.pk, Outcome.APPROVED, by=actor(bob), request=request)
    assert decided.status == "approved"


def test_a_skip_that_ends_a_claim_raises_the_version(queue: ReviewQueue, alice: User) -> None:
    claimed = assignment.claim(factories.review(queue).pk, by=actor(alice))

    skipped = postponement.skip(claimed.pk, by=actor(alice))

    assert (skipped.assignee, skipped.version) == (None, claimed.version + 1)


def test_a_snooze_that_ends_a_claim_raises_the_version(queue: ReviewQueue, alice: User) -> None:
    claimed = assignment.claim(factories.review(queue).pk, by=actor(alice))
    until = database_time.now() + timedelta(minutes=5)

    snoozed = postponement.snooze(claimed.pk, until, by=actor(alice))

    assert (snoozed.assignee, snoozed.version) == (None, claimed.version + 1)


@pytest.mark.parametrize("name", ["skip", "snooze"])
def test_under_a_key_a_review_is_postponed_once(queue: ReviewQueue, alice: User, name: str) -> None:
    review = factories.review(queue)
    until = database_time.now() + timedelta(minutes=5)
    arguments = {"skip": (review.pk,), "snooze": (review.pk, until)}[name]
    key = factories.idempotency_key()
    verb = getattr(postponement, name)
    verb(*arguments, by=actor(alice), key=key)

    with pytest.raises(idempotency.AlreadyAnswered):
        verb(*arguments, by=actor(alice), key=key)

    chain = audit.chain(review)
    assert AuditEvent.objects.filter(chain=chain).exclude(kind="review.received").count() == 1
