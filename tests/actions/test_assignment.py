"""Claims: a lease that one person holds, that the database's clock ends, and that can be handed over."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models.functions import Now

from approvals.actions import assignment, decisions
from approvals.exceptions import AlreadyDecided, ClaimedByAnother, Invalid, NotAllowed, NotFound
from approvals.models import AuditEvent, ReviewQueue, ReviewTask, User
from approvals.models.choices import Outcome
from approvals.records import audit, audit_verification
from approvals.worker import periodic
from tests import factories
from tests.factories import actor
from tests.races import at_once, second_look, while_another_commits

pytestmark = pytest.mark.django_db


def claim(review: ReviewTask, by: User, **options: Any) -> ReviewTask:
    return assignment.claim(review.pk, by=actor(by), **options)


def let_run_out(review: ReviewTask) -> None:
    ReviewTask.objects.filter(pk=review.pk).update(lease_expires_at=Now() - timedelta(seconds=1))


def events(review: ReviewTask) -> list[tuple[str, str]]:
    chain = audit.chain_of("review", review.pk)
    assert audit_verification.verify(chain) == []
    return list(
        AuditEvent.objects.filter(chain=chain).order_by("seq").values_list("kind", "actor_name")
    )


def test_a_claim_holds_for_the_queues_lease_and_is_in_the_trail(alice: User) -> None:
    review = claim(factories.review(), alice)

    stored = ReviewTask.objects.get()
    assert (stored.assignee, stored.lease_id, stored.version) == (alice, review.lease_id, 2)
    assert stored.status == "pending"
    left = stored.lease_expires_at - stored.received_at
    assert 595 < left.total_seconds() < 605
    assert events(review)[1:] == [("review.claimed", "alice@example.com")]


def test_claiming_again_keeps_the_lease_and_lengthens_it(alice: User) -> None:
    first = claim(factories.review(), alice)

    again = claim(first, alice)

    assert again.lease_id == first.lease_id
    assert again.lease_expires_at > first.lease_expires_at


def test_ones_own_claim_that_ran_out_is_claimed_again_under_a_new_lease(alice: User) -> None:
    held = claim(factories.review(), alice)
    let_run_out(held)

    again = claim(held, alice)

    assert again.lease_id != held.lease_id
    with pytest.raises(ClaimedByAnother):
        assignment.renew(held.pk, by=actor(alice), lease_id=held.lease_id)


def test_what_another_holds_is_refused_until_it_runs_out_and_then_has_a_new_lease(
    alice: User, bob: User
) -> None:
    held = claim(factories.review(), bob)

    with pytest.raises(ClaimedByAnother) as refused:
        claim(held, alice)
    assert refused.value.extra == {"assignee": "bob@example.com"}

    let_run_out(held)
    taken = claim(held, alice)
    assert (taken.assignee, taken.lease_id == held.lease_id) == (alice, False)


def test_only_a_lead_takes_a_claim_over_and_the_trail_says_from_whom(
    alice: User, bob: User, lena: User
) -> None:
    held = claim(factories.review(), bob)

    with pytest.raises(NotAllowed):
        claim(held, alice, override=True)
    taken = claim(held, lena, override=True)

    assert (taken.assignee, taken.lease_id == held.lease_id) == (lena, False)
    event = AuditEvent.objects.order_by("-pk").first()
    assert event.data == {"taken_from": "bob@example.com"}
    with pytest.raises(ClaimedByAnother):
        assignment.renew(held.pk, by=actor(bob), lease_id=held.lease_id)


def test_a_lead_takes_over_under_a_new_lease_whoever_held_it(
    queue: ReviewQueue, bob: User, lena: User
) -> None:
    newcomer = factories.user("nora@example.com", "reviewer", queue)

    for holder in (bob, newcomer):
        held = claim(factories.review(), holder)
        assert claim(held, lena, override=True).lease_id != held.lease_id


def test_a_holder_hands_over_and_nobody_else_but_a_lead(alice: User, bob: User, lena: User) -> None:
    for holder, other in ((alice, bob), (bob, alice)):
        held = claim(factories.review(), holder)

        with pytest.raises(NotAllowed):
            assignment.reassign(held.pk, other, by=actor(other))
        given = assignment.reassign(held.pk, other, by=actor(holder))

        assert (given.assignee, given.lease_id == held.lease_id) == (other, False)
        assert AuditEvent.objects.order_by("-pk").first().data == {
            "to": other.email,
            "taken_from": holder.email,
        }
        assert assignment.reassign(held.pk, holder, by=actor(lena)).assignee == holder


def test_what_nobody_holds_is_handed_out_by_leads_to_whom_may_decide(
    alice: User, bob: User, victor: User, lena: User
) -> None:
    review = factories.review()

    with pytest.raises(NotAllowed):
        assignment.reassign(review.pk, bob, by=actor(alice))
    with pytest.raises(Invalid) as refused:
        assignment.reassign(review.pk, victor, by=actor(lena))
    assert refused.value.extra == {"pointer": "/to"}

    assert assignment.reassign(review.pk, bob, by=actor(lena)).assignee == bob
    assert AuditEvent.objects.order_by("-pk").first().data == {"to": bob.email}


@pytest.mark.django_db(transaction=True)
def test_a_lead_who_waited_for_the_row_takes_over_from_who_holds_it_now(
    alice: User, lena: User
) -> None:
    review = factories.review()
    claims = (
        "UPDATE approvals_reviewtask SET assignee_id = %s, lease_id = gen_random_uuid(),"
        " lease_expires_at = now() + interval '10 minutes' WHERE id = %s"
    )

    while_another_commits(claims, [alice.pk, review.pk], lambda: claim(review, lena, override=True))

    assert AuditEvent.objects.order_by("-pk").first().data == {"taken_from": "alice@example.com"}


@pytest.mark.parametrize("verb", [assignment.claim, assignment.renew, assignment.release])
def test_viewers_may_not_claim_others_find_nothing_and_what_is_decided_stays(
    verb: Any, victor: User, carol: User, alice: User
) -> None:
    review = factories.review()

    for person, refusal in ((victor, NotAllowed), (carol, NotFound)):
        with pytest.raises(refusal):
            verb(review.pk, by=actor(person))
    with pytest.raises(NotFound):
        verb(uuid4(), by=actor(alice))
    decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice))
    with pytest.raises(AlreadyDecided):
        verb(review.pk, by=actor(alice))
    assert ReviewTask.objects.get().assignee is None


def test_renewing_lengthens_ones_own_claim_and_needs_its_lease(alice: User, bob: User) -> None:
    held = claim(factories.review(), alice)

    renewed = assignment.renew(held.pk, by=actor(alice), lease_id=held.lease_id)
    assert renewed.lease_expires_at > held.lease_expires_at
    assert renewed.version == held.version

    for person, lease in ((bob, None), (alice, uuid4())):
        with pytest.raises(ClaimedByAnother):
            assignment.renew(held.pk, by=actor(person), lease_id=lease)
    with pytest.raises(ClaimedByAnother):
        assignment.renew(claim(factories.review(), bob).pk, by=actor(alice))


def test_a_claim_that_ran_out_can_be_renewed_while_nobody_else_took_it(
    alice: User, bob: User
) -> None:
    held = claim(factories.review(), alice)
    let_run_out(held)
    assert assignment.renew(held.pk, by=actor(alice), lease_id=held.lease_id)

    let_run_out(held)
    claim(held, bob)
    with pytest.raises(ClaimedByAnother):
        assignment.renew(held.pk, by=actor(alice), lease_id=held.lease_id)


def test_releasing_gives_the_review_back_and_releasing_nothing_changes_nothing(
    alice: User, bob: User
) -> None:
    held = claim(factories.review(), alice)
    with pytest.raises(ClaimedByAnother):
        assignment.release(held.pk, by=actor(bob))

    free = assignment.release(held.pk, by=actor(alice), lease_id=held.lease_id)

    assert (free.assignee, free.lease_id, free.lease_expires_at) == (None, None, None)
    assert assignment.release(held.pk, by=actor(bob)).version == free.version
    assert [kind for kind, _ in events(held)] == [
        "review.received", "review.claimed", "review.released",
    ]  # fmt: skip


def test_the_next_review_is_the_first_that_is_free_and_still_waited_for(
    alice: User, bob: User, queue: ReviewQueue
) -> None:
    late, held, decided, first, _second = [factories.review() for _ in range(5)]
    ReviewTask.objects.filter(pk=late.pk).update(deadline_at=Now())
    claim(held, bob)
    decisions.decide(decided.pk, Outcome.APPROVED, by=actor(bob))
    elsewhere = factories.review(factories.queue("refunds"))
    ReviewTask.objects.filter(pk=elsewhere.pk).update(priority=9)
    order = ReviewTask.objects.order_by("-priority", "received_at", "id")

    taken = assignment.claim_next(order, by=actor(alice, "api"))

    assert (taken.pk, taken.assignee) == (first.pk, alice)
    assert events(first)[1:] == [("review.claimed", "alice@example.com")]
    assert AuditEvent.objects.order_by("-pk").first().data == {"next": True}


@pytest.mark.django_db(transaction=True)
def test_the_next_review_is_given_without_waiting_for_one_that_another_transaction_has_locked(
    alice: User,
) -> None:
    locked, free = factories.review(), factories.review()
    order = ReviewTask.objects.order_by("received_at", "id")

    with second_look() as other, connection.cursor() as session, other.transaction():
        other.execute("SELECT 1 FROM approvals_reviewtask WHERE id = %s FOR UPDATE", [locked.pk])
        session.execute("SET lock_timeout = '1s'")
        try:
            taken = assignment.claim_next(order, by=actor(alice))
        finally:
            session.execute("RESET lock_timeout")

    assert taken == free


def test_a_viewer_and_somebody_without_a_role_get_no_next_review(
    victor: User, carol: User, alice: User
) -> None:
    factories.review()

    for person in (victor, carol):
        assert assignment.claim_next(ReviewTask.objects.all(), by=actor(person, "api")) is None
    User.objects.filter(pk=alice.pk).update(is_active=False)
    alice.refresh_from_db()
    assert assignment.claim_next(ReviewTask.objects.all(), by=actor(alice, "api")) is None


@pytest.mark.django_db(transaction=True)
def test_eight_who_ask_at_once_get_eight_different_reviews(queue: ReviewQueue) -> None:
    people = [factories.user(f"r{n}@example.com", "reviewer", queue) for n in range(8)]
    for _ in range(8):
        factories.review()
    order = ReviewTask.objects.order_by("received_at", "id")

    taken = at_once(
        [partial(assignment.claim_next, order.all(), by=actor(who, "api")) for who in people]
    )

    assert len({review.pk for review in taken}) == 8
    assert {review.assignee_id for review in ReviewTask.objects.all()} == {who.pk for who in people}
    assert assignment.claim_next(order, by=actor(people[0], "api")) is None


@pytest.mark.django_db(transaction=True)
def test_of_eight_who_claim_the_same_review_at_once_one_gets_it(queue: ReviewQueue) -> None:
    people = [factories.user(f"r{n}@example.com", "reviewer", queue) for n in range(8)]
    review = factories.review()

    results = at_once([partial(claim, review, who) for who in people])

    refusals = [each for each in results if isinstance(each, ClaimedByAnother)]
    holder = ReviewTask.objects.get().assignee
    assert len(refusals) == 7
    assert {each.extra["assignee"] for each in refusals} == {holder.email}


def test_a_claim_that_ran_out_is_written_down_and_makes_nothing_stale(
    held: ReviewQueue, ada: User
) -> None:
    review = assignment.claim(factories.review(held).pk, by=actor(ada))
    assert periodic.end_leases() == 0
    ReviewTask.objects.filter(pk=review.pk).update(lease_expires_at=review.sent_at)
    assert periodic.end_leases() == 1
    before = review.version
    review.refresh_from_db()
    assert (review.assignee, review.lease_id, review.version) == (None, None, before)
    assert AuditEvent.objects.get(kind="review.lease_ended").data == {"held_by": ada.email}


@pytest.mark.django_db(transaction=True)
def test_a_claim_that_is_renewed_while_the_end_of_its_lease_waits_for_the_row_goes_on(
    alice: User,
) -> None:
    review = claim(factories.review(), alice)
    let_run_out(review)
    renews = (
        "UPDATE approvals_reviewtask SET lease_expires_at = now() + interval '10 minutes'"
        " WHERE id = %s"
    )

    ended = while_another_commits(renews, [review.pk], lambda: assignment.end_lease(review.pk))

    assert ended is False
    assert ReviewTask.objects.get().assignee == alice
    assert not AuditEvent.objects.filter(kind="review.lease_ended").exists()


def test_a_claim_that_was_released_before_its_lease_is_ended_has_no_end_in_the_trail(
    alice: User,
) -> None:
    review = claim(factories.review(), alice)
    assignment.release(review.pk, by=actor(alice))

    assert assignment.end_lease(review.pk) is False

    assert not AuditEvent.objects.filter(kind="review.lease_ended").exists()
