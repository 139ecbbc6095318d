"""The worker of bulk decisions: each review by the rules of a decision by hand, once, whatever dies meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError

from approvals import bulk
from approvals.actions import assignment, bulk_decisions, decisions
from approvals.models import AuditEvent, BulkItem, BulkJob, Decision, ReviewQueue, User
from approvals.models.choices import Outcome
from approvals.records import audit_verification
from approvals.worker import periodic
from tests import factories
from tests.bulk import begun, refused_by_the_database, results, states
from tests.factories import actor

pytestmark = pytest.mark.django_db


def test_each_review_is_judged_as_by_hand(queue: ReviewQueue, alice: User, bob: User) -> None:
    free, held, decided, late = (factories.review(queue) for _ in range(4))
    assignment.claim(held.pk, by=actor(bob))
    decisions.decide(decided.pk, Outcome.REJECTED, by=actor(bob))
    type(late).objects.filter(pk=late.pk).update(deadline_at=late.received_at)

    job = begun([free, held, decided, late], alice, reason="Seen.")
    assert bulk.run(job.pk)

    assert results(job) == [
        ("decided", ""),
        ("refused", "claimed_by_another"),
        ("refused", "already_decided"),
        ("refused", "deadline_passed"),
    ]
    details = list(job.items.order_by("number").values_list("detail", flat=True))
    assert details[2] == "This review has been decided already: bob@example.com."
    event = AuditEvent.objects.get(kind="review.approved")
    assert (event.actor, event.data["bulk"], event.surface) == (alice, str(job.pk), "web")
    assert audit_verification.verify(event.chain) == []
    assert not bulk.run(job.pk)


def test_a_review_that_has_changed_since_it_was_seen_is_refused(
    queue: ReviewQueue, alice: User
) -> None:
    row = factories.review(queue)
    wanted = [bulk_decisions.Wanted(row.pk, row.version)]
    wish = bulk_decisions.BulkRequest(outcome=Outcome.APPROVED)
    job = bulk_decisions.begin(wanted, wish, by=actor(alice))
    type(row).objects.filter(pk=row.pk).update(version=row.version + 1)

    bulk.run(job.pk)

    assert results(job) == [("refused", "stale_version")]


def test_a_right_that_was_taken_away_meanwhile_counts(queue: ReviewQueue, alice: User) -> None:
    job = begun([factories.review(queue)], alice)
    User.objects.filter(pk=alice.pk).update(is_active=False)

    bulk.run(job.pk)

    assert results(job) == [("refused", "not_allowed")]


def test_a_review_that_fails_stops_no_other_and_is_tried_again(
    queue: ReviewQueue, alice: User
) -> None:
    rows = [factories.review(queue) for _ in range(3)]
    job = begun(rows, alice)

    with refused_by_the_database(rows[0]):
        bulk.run(job.pk)

    assert results(job) == [("failed", "error"), ("decided", ""), ("decided", "")]
    bulk_decisions.retry(job.pk, by=actor(alice))
    periodic.TASKS["bulk decisions"][0]()
    assert states(job) == {"decided": 3}


def test_what_a_worker_decided_before_it_died_is_recorded_by_the_next(
    queue: ReviewQueue, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = begun([factories.review(queue) for _ in range(2)], alice)
    with monkeypatch.context() as dying:
        dying.setattr(bulk_decisions, "record", lambda *_: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            bulk.run(job.pk)
    assert (Decision.objects.count(), states(job)) == (1, {"pending": 2})

    bulk.run_due()

    assert states(job) == {"decided": 2}
    assert Decision.objects.count() == 2
    assert set(job.items.values_list("decision", flat=True)) == set(
        Decision.objects.values_list("pk", flat=True)
    )


def test_a_database_that_is_away_is_no_result(
    queue: ReviewQueue, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = begun([factories.review(queue)], alice)

    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("the server closed the connection")

    with monkeypatch.context() as gone:
        gone.setattr(decisions, "decide", away)
        with pytest.raises(OperationalError):
            bulk.run(job.pk)
    assert states(job) == {"pending": 1}

    assert bulk.run_due() == 1
    assert states(job) == {"decided": 1}


def test_an_undo_ends_what_was_not_begun_and_takes_back_what_was(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = factories.queue(undo_seconds=60)
    monkeypatch.setattr(bulk, "CHUNK", 1)
    job = begun([factories.review(slow) for _ in range(3)], alice)
    turn = bulk_decisions.take(job.pk)
    assert turn
    bulk._chunk(turn)
    bulk_decisions.undo(job.pk, by=actor(alice))
    bulk_decisions.give_back(turn)

    bulk.run(job.pk)

    job.refresh_from_db()
    assert results(job) == [("undone", ""), ("cancelled", ""), ("cancelled", "")]
    assert job.status == BulkJob.Status.FINISHED


def test_an_undo_says_which_decisions_were_sent_already(alice: User) -> None:
    slow = factories.queue(undo_seconds=60)
    job = begun([factories.review(slow) for _ in range(2)], alice)
    bulk.run(job.pk)
    first = job.items.get(number=1)
    bulk_decisions.undoable(job).filter(subject=first.decision).update(attempts=1)
    bulk_decisions.undo(job.pk, by=actor(alice))

    bulk.run(job.pk)

    assert results(job) == [("decided", "undo_closed"), ("undone", "")]


def test_a_decision_that_was_undone_by_hand_meanwhile_counts_as_undone(alice: User) -> None:
    slow = factories.queue(undo_seconds=60)
    job = begun([factories.review(slow) for _ in range(2)], alice)
    bulk.run(job.pk)
    decisions.undo(job.items.get(number=1).decision, by=actor(alice))
    bulk_decisions.undo(job.pk, by=actor(alice))

    bulk.run(job.pk)

    assert states(job) == {BulkItem.State.UNDONE: 2}
