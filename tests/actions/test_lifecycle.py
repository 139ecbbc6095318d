"""How a review ends without a decision: only by what is proved, and once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db.models.functions import Now

from approvals.actions import assignment, decisions, discussion, lifecycle, queues
from approvals.actors import COMMAND_LINE
from approvals.models import AuditEvent, ReviewQueue, ReviewTask, User
from approvals.models.choices import Outcome
from approvals.worker import periodic
from tests import factories
from tests.factories import actor
from tests.fake_aws import FakeAws
from tests.waiting_reviews import move_deadline

pytestmark = pytest.mark.django_db
PROOF = {"fate": "expired", "event": 7}
Waiting = Callable[..., ReviewTask]


@pytest.mark.django_db(transaction=True)
def test_without_an_execution_a_heartbeat_proves_the_end_where_the_queue_allows_it(
    aws: FakeAws, held: ReviewQueue, waiting: Waiting
) -> None:
    review = waiting()
    ReviewTask.objects.filter(pk=review.pk).update(execution_arn="")
    move_deadline(review, seconds=-1)
    token = aws.tasks()[-1]["token"]
    assert periodic.Prober().turn() == 0
    queues.save(held.slug, {"probe_with_heartbeats": True}, by=COMMAND_LINE)
    prober = periodic.Prober()
    assert prober.turn() == 1
    review.refresh_from_db()
    assert review.status == "pending"  # AWS still waits, whatever our clock says
    aws.expire(token)
    assert prober.turn() == 0  # not again within a minute
    assert periodic.Prober().turn() == 1
    review.refresh_from_db()
    assert review.status == "expired"


@pytest.mark.parametrize(
    ("verb", "status"), [(lifecycle.expire, "expired"), (lifecycle.orphan, "orphaned")]
)
def test_a_review_ends_once_without_its_claim_and_with_the_proof_on_its_chain(
    verb: Callable[..., bool], status: str, queue: ReviewQueue, alice: User
) -> None:
    review = assignment.claim(factories.review(queue).pk, by=actor(alice))

    assert verb(review.pk, proof=PROOF)
    assert not verb(review.pk, proof=PROOF)

    ended = ReviewTask.objects.get()
    assert (ended.status, ended.assignee, ended.version) == (status, None, review.version + 1)
    event = AuditEvent.objects.get(kind=f"review.{status}")
    assert (event.data, event.actor_name) == (PROOF, "system")


@pytest.mark.parametrize("outcome", Outcome)
def test_what_has_been_decided_is_neither_expired_nor_superseded(
    queue: ReviewQueue, alice: User, outcome: Outcome
) -> None:
    decided, newer = factories.review(queue), factories.review(queue)
    decisions.decide(decided.pk, outcome, by=actor(alice))

    assert not lifecycle.expire(decided.pk, proof=PROOF)
    assert not lifecycle.supersede(decided.pk, newer.pk, proof=PROOF)

    assert ReviewTask.objects.get(pk=decided.pk).status == outcome
    assert ReviewTask.objects.get(pk=newer.pk).version == newer.version


def test_a_newer_review_takes_over_claim_and_comments_unless_it_is_claimed_itself(
    queue: ReviewQueue, alice: User, bob: User
) -> None:
    older, newer, newest, another = (factories.review(queue) for _ in range(4))
    assignment.claim(older.pk, by=actor(alice))
    discussion.comment(older.pk, "I am on the phone with them.", by=actor(alice))
    stays = discussion.comment(another.pk, "Looks fine.", by=actor(alice))

    assert lifecycle.supersede(older.pk, newer.pk, proof=PROOF)
    assignment.claim(newest.pk, by=actor(bob))
    assert lifecycle.supersede(newer.pk, newest.pk, proof=PROOF)

    rows = [ReviewTask.objects.get(pk=row.pk) for row in (older, newer, newest)]
    assert [row.status for row in rows] == ["superseded", "superseded", "pending"]
    assert [row.superseded_by for row in rows] == [newer, newest, None]
    assert rows[2].assignee == bob
    assert list(another.comments.all()) == [stays]
    assert newest.comments.get().text == "I am on the phone with them."
    succeeded = AuditEvent.objects.filter(kind="review.succeeded").order_by("pk")
    assert [event.data.get("claim_of") for event in succeeded] == [alice.email, None]


def test_a_claim_that_has_run_out_is_not_taken_over(queue: ReviewQueue, alice: User) -> None:
    older, newer = factories.review(queue), factories.review(queue)
    assignment.claim(older.pk, by=actor(alice))
    ReviewTask.objects.filter(pk=older.pk).update(lease_expires_at=Now())

    assert lifecycle.supersede(older.pk, newer.pk, proof=PROOF)

    assert ReviewTask.objects.get(pk=newer.pk).assignee is None


def test_a_claim_that_is_taken_over_has_a_lease_of_its_own_that_ends_when_the_older_would(
    queue: ReviewQueue, alice: User
) -> None:
    older, newer = factories.review(queue), factories.review(queue)
    held = assignment.claim(older.pk, by=actor(alice))

    assert lifecycle.supersede(older.pk, newer.pk, proof=PROOF)

    taken = ReviewTask.objects.get(pk=newer.pk)
    assert (taken.assignee, taken.lease_expires_at) == (alice, held.lease_expires_at)
    assert (taken.lease_id == held.lease_id, taken.version) == (False, newer.version + 1)


@pytest.mark.parametrize("outcome", Outcome)
def test_a_newer_review_that_is_decided_takes_over_no_claim(
    queue: ReviewQueue, alice: User, bob: User, outcome: Outcome
) -> None:
    older, newer = factories.review(queue), factories.review(queue)
    assignment.claim(older.pk, by=actor(alice))
    decided = decisions.decide(newer.pk, outcome, by=actor(bob))

    assert lifecycle.supersede(older.pk, newer.pk, proof=PROOF)

    row = ReviewTask.objects.get(pk=newer.pk)
    assert (row.status, row.assignee, row.version) == (outcome, None, decided.version)
