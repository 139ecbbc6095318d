"""Bulk decisions: who may begin, retry and undo one, and what is recorded."""

from __future__ import annotations

from uuid import uuid4

import pytest

from approvals import bulk
from approvals.actions import bulk_decisions, people
from approvals.actions.bulk_decisions import BulkRequest, LeaseLost, Wanted
from approvals.actors import COMMAND_LINE
from approvals.exceptions import Invalid, NotAllowed, NotFound, UndoClosed
from approvals.models import AuditEvent, BulkItem, BulkJob, ReviewQueue, User
from approvals.models.choices import Outcome
from approvals.records import audit, audit_verification, bulk_jobs, idempotency
from approvals.records.bulk_jobs import Result
from tests import factories
from tests.bulk import begun, results, states
from tests.factories import actor

pytestmark = pytest.mark.django_db
State, Status = BulkItem.State, BulkJob.Status


def events(job: BulkJob) -> list[str]:
    chain = audit.chain(job)
    assert audit_verification.verify(chain) == []
    return list(
        AuditEvent.objects.filter(chain=chain).order_by("seq").values_list("kind", flat=True)
    )


def test_it_is_stored_with_its_reviews_and_an_event(queue: ReviewQueue, alice: User) -> None:
    rows = [factories.review(queue) for _ in range(3)]

    job = begun(rows, alice, reason="Seen.", reason_code="ok")

    job.refresh_from_db()
    assert (job.total, job.status, job.created_by, job.surface) == (3, "running", alice, "web")
    numbered = [(number, row.pk) for number, row in enumerate(rows, start=1)]
    assert list(job.items.order_by("number").values_list("number", "review")) == numbered
    assert events(job) == ["bulk.begun"]
    event = AuditEvent.objects.get(kind="bulk.begun")
    assert event.data == {
        "queue": queue.slug,
        "outcome": "approved",
        "reason": "Seen.",
        "reason_code": "ok",
        "reviews": 3,
        "left_out": 0,
    }


def test_what_is_left_out_is_reported_and_never_decided(queue: ReviewQueue, alice: User) -> None:
    rows = [factories.review(queue) for _ in range(2)]
    wanted = [Wanted(rows[0].pk, rows[0].version), Wanted(rows[1].pk, 1, "stale_version", "Why.")]

    job = bulk_decisions.begin(wanted, BulkRequest(outcome=Outcome.APPROVED), by=actor(alice))
    bulk.run(job.pk)

    assert results(job) == [("decided", ""), ("refused", "stale_version")]
    rows[1].refresh_from_db()
    assert rows[1].status == "pending"
    assert AuditEvent.objects.get(kind="bulk.begun").data["left_out"] == 1
    assert AuditEvent.objects.get(kind="bulk.finished").data == {"decided": 1, "refused": 1}


@pytest.mark.parametrize(
    ("reviews", "refusal"), [(0, Invalid), (1_000, NotFound), (1_001, Invalid)]
)
def test_it_has_one_to_a_thousand_reviews(
    reviews: int, refusal: type[Exception], alice: User
) -> None:
    factories.review()
    wanted = [Wanted(uuid4()) for _ in range(reviews)]  # none of which is there

    with pytest.raises(refusal):
        bulk_decisions.begin(wanted, BulkRequest(outcome=Outcome.APPROVED), by=actor(alice))


def test_a_reason_that_the_queue_asks_for_is_asked_for_at_once(alice: User) -> None:
    strict = factories.queue(policy={"reason_required_for": ["rejected"]})
    row = factories.review(strict)

    with pytest.raises(Invalid, match="write a reason"):
        begun([row], alice, "rejected")

    assert not BulkJob.objects.exists()


def test_no_task_token_is_stored_in_its_reason(queue: ReviewQueue, alice: User) -> None:
    tokens = [f"AQCEAAAAKgAAAAMAAAAAAAAAAX{uuid4().hex}" for _ in range(2)]
    rows = [factories.review(queue, taskToken=token) for token in tokens]

    job = begun(rows, alice, reason=f"See {tokens[1]}.")

    assert job.reason == "See [task token]."


def test_a_review_of_a_hidden_queue_is_not_found(queue: ReviewQueue, carol: User) -> None:
    with pytest.raises(NotFound):
        begun([factories.review(queue)], carol)


def test_who_has_begun_another_one_does_not_find_that_of_a_hidden_queue(
    queue: ReviewQueue, alice: User, carol: User
) -> None:
    hidden = begun([factories.review(queue)], alice)
    begun([factories.review(factories.queue("refunds"))], carol)

    for verb in (bulk_decisions.retry, bulk_decisions.undo):
        with pytest.raises(NotFound):
            verb(hidden.pk, by=actor(carol))


def test_only_who_began_it_retries_it_and_only_what_failed(
    queue: ReviewQueue, alice: User, lena: User
) -> None:
    rows = [factories.review(queue) for _ in range(2)]
    job = begun(rows, alice)
    bulk.run(job.pk)
    failed = job.items.get(number=2)
    BulkItem.objects.filter(pk=failed.pk).update(state=State.FAILED, code="error", decision=None)

    newcomer = factories.user("nora@example.com", "reviewer", queue)
    for other in (job, begun([factories.review(queue)], newcomer)):
        with pytest.raises(NotAllowed, match="Only who began"):
            bulk_decisions.retry(other.pk, by=actor(lena))
    again = bulk_decisions.retry(job.pk, by=actor(alice))

    assert (again.status, again.ended_at) == (Status.RUNNING, None)
    assert results(job) == [("decided", ""), ("pending", "")]
    assert events(job) == ["bulk.begun", "bulk.finished", "bulk.retried"]


def test_without_a_failed_review_a_retry_changes_nothing(queue: ReviewQueue, alice: User) -> None:
    job = begun([factories.review(queue)], alice)
    bulk.run(job.pk)

    assert bulk_decisions.retry(job.pk, by=actor(alice)).status == Status.FINISHED
    assert events(job) == ["bulk.begun", "bulk.finished"]


def test_a_lead_undoes_what_another_began(alice: User, lena: User) -> None:
    slow = factories.queue(undo_seconds=60)
    job = begun([factories.review(slow)], alice)
    bulk.run(job.pk)

    bulk_decisions.undo(job.pk, by=actor(lena))
    bulk.run(job.pk)

    assert states(job) == {"undone": 1}
    assert events(job) == ["bulk.begun", "bulk.finished", "bulk.undo_asked", "bulk.finished"]
    with pytest.raises(UndoClosed):
        bulk_decisions.retry(job.pk, by=actor(alice))


def test_an_undo_that_is_asked_for_again_meanwhile_changes_nothing(
    queue: ReviewQueue, alice: User, lena: User
) -> None:
    job = begun([factories.review(queue)], alice)
    bulk_decisions.undo(job.pk, by=actor(alice))

    again = bulk_decisions.undo(job.pk, by=actor(lena))

    assert (again.status, again.undo_by) == (Status.UNDOING, alice)
    assert events(job) == ["bulk.begun", "bulk.undo_asked"]


@pytest.mark.parametrize("name", ["retry", "undo"])
def test_under_a_key_it_is_tried_again_or_undone_once(
    name: str, queue: ReviewQueue, alice: User
) -> None:
    job = begun([factories.review(queue)], alice)
    key = factories.idempotency_key()
    verb = getattr(bulk_decisions, name)
    verb(job.pk, by=actor(alice), key=key)

    with pytest.raises(idempotency.AlreadyAnswered) as earlier:
        verb(job.pk, by=actor(alice), key=key)

    assert earlier.value.result == job.pk


def test_who_has_become_a_viewer_neither_retries_nor_undoes_what_they_began(
    queue: ReviewQueue, alice: User
) -> None:
    job = begun([factories.review(queue)], alice)
    people.grant(alice, queue.slug, "viewer", by=COMMAND_LINE)

    for verb in (bulk_decisions.retry, bulk_decisions.undo):
        with pytest.raises(NotAllowed, match="role"):
            verb(job.pk, by=actor(alice))


def test_an_undo_that_was_asked_for_is_not_finished_before_each_decision_was_tried(
    queue: ReviewQueue, alice: User
) -> None:
    job = begun([factories.review(factories.queue(queue.slug, undo_seconds=60))], alice)
    bulk.run(job.pk)
    bulk_decisions.undo(job.pk, by=actor(alice))

    assert not bulk_decisions.finish(bulk_decisions.take(job.pk))


def test_what_one_could_not_undo_another_still_can_and_refusals_stay_as_they_are(
    alice: User, lena: User
) -> None:
    slow = factories.queue(undo_seconds=60)
    rows = [factories.review(slow) for _ in range(2)]
    wanted = [Wanted(rows[0].pk), Wanted(rows[1].pk, 1, "stale_version", "Why.")]
    job = bulk_decisions.begin(wanted, BulkRequest(outcome=Outcome.APPROVED), by=actor(alice))
    bulk.run(job.pk)
    bulk_decisions.undo(job.pk, by=actor(alice))
    User.objects.filter(pk=alice.pk).update(is_active=False)
    bulk.run(job.pk)
    assert results(job) == [("decided", "not_allowed"), ("refused", "stale_version")]

    bulk_decisions.undo(job.pk, by=actor(lena))
    bulk.run(job.pk)

    assert results(job) == [("undone", ""), ("refused", "stale_version")]
    job.refresh_from_db()
    assert (job.undo_by, job.undo_surface, job.undo_signed_in) == (lena, "web", "password")


def test_what_is_sent_at_once_cannot_be_undone(queue: ReviewQueue, alice: User) -> None:
    job, other = (begun([factories.review(queue)], alice, undo_seconds=0) for _ in range(2))
    bulk.run(job.pk)
    bulk_decisions.undoable(job).update(attempts=1)
    bulk.run(other.pk)

    with pytest.raises(UndoClosed):
        bulk_decisions.undo(job.pk, by=actor(alice))


def test_of_two_processes_one_has_the_lease(queue: ReviewQueue, alice: User) -> None:
    job = begun([factories.review(queue)], alice)
    turn = bulk_decisions.take(job.pk)

    assert turn is not None
    assert bulk_decisions.take(job.pk) is None
    BulkJob.objects.update(lease_until=job.created_at)
    other = bulk_decisions.take(job.pk)
    assert other is not None
    with pytest.raises(LeaseLost):
        bulk_decisions.renew(turn)
    assert not bulk_decisions.finish(turn)
    bulk_decisions.give_back(turn)  # changes nothing: it is another's
    assert bulk_decisions.take(job.pk) is None
    bulk_decisions.give_back(other)
    assert bulk_decisions.take(job.pk) is not None


def test_a_lease_is_taken_extended_and_given_back_of_one_bulk_decision_alone(
    queue: ReviewQueue, alice: User
) -> None:
    one, other = (begun([factories.review(queue)], alice) for _ in range(2))
    turn, others = bulk_decisions.take(one.pk), bulk_decisions.take(other.pk)
    assert turn
    assert others
    assert (turn.job, turn.epoch, others.job, others.epoch) == (one, 1, other, 1)

    bulk_decisions.give_back(turn)
    assert bulk_decisions.take(other.pk) is None
    turn = bulk_decisions.take(one.pk)
    BulkJob.objects.filter(pk=other.pk).update(lease_until=other.created_at, lease_epoch=2)
    assert bulk_decisions.renew(turn).job == one
    assert bulk_decisions.take(other.pk) is not None


def test_it_is_finished_once(queue: ReviewQueue, alice: User) -> None:
    job = begun([factories.review(queue)], alice)
    late = bulk_decisions.take(job.pk)
    bulk_decisions.give_back(late)
    turn = bulk_decisions.take(job.pk)
    bulk_decisions.cancel(job.items.get())

    assert [bulk_decisions.finish(each) for each in (late, turn, turn)] == [False, True, False]

    assert events(job) == ["bulk.begun", "bulk.finished"]
    job.refresh_from_db()
    assert (job.status, job.lease_until) == (Status.FINISHED, None)


def test_it_is_not_finished_while_a_review_has_no_result(queue: ReviewQueue, alice: User) -> None:
    job = begun([factories.review(queue)], alice)
    turn = bulk_decisions.take(job.pk)

    assert not bulk_decisions.finish(turn)

    job.refresh_from_db()
    assert (job.status, job.ended_at) == ("running", None)


def test_a_result_is_recorded_once(queue: ReviewQueue, alice: User) -> None:
    item, other = begun([factories.review(queue) for _ in range(2)], alice).items.all()

    assert bulk_decisions.record(item, Result(State.REFUSED, "invalid", "Why."))
    assert not bulk_decisions.record(item, Result(State.FAILED))

    item.refresh_from_db()
    assert (item.state, item.code, item.detail) == ("refused", "invalid", "Why.")
    other.refresh_from_db()
    assert other.state == "pending"


def test_of_a_long_explanation_as_much_is_kept_as_fits(queue: ReviewQueue, alice: User) -> None:
    rows = [factories.review(queue) for _ in range(2)]
    why = "".join(str(number % 10) for number in range(301))
    wanted = [Wanted(rows[0].pk), Wanted(rows[1].pk, 1, "stale_version", why)]

    job = bulk_decisions.begin(wanted, BulkRequest(outcome=Outcome.APPROVED), by=actor(alice))
    bulk_decisions.record(job.items.get(state="pending"), Result(State.REFUSED, "invalid", why))

    assert [item.detail for item in job.items.all()] == [why[:300]] * 2


def test_a_review_that_was_cancelled_is_decided_by_no_late_worker(
    queue: ReviewQueue, alice: User
) -> None:
    job = begun([factories.review(queue)], alice)
    item = job.items.get()
    bulk_decisions.cancel(item)

    BulkItem.objects.update(state=State.PENDING)  # as a worker has read it that is late
    bulk.run(job.pk)

    assert results(job) == [("cancelled", "")]
    assert not AuditEvent.objects.filter(kind="review.approved").exists()


def test_a_review_that_was_decided_cannot_be_cancelled(queue: ReviewQueue, alice: User) -> None:
    job = begun([factories.review(queue)], alice)
    bulk.run(job.pk)
    item = job.items.get()

    with pytest.raises(idempotency.AlreadyAnswered):
        bulk_decisions.cancel(item)

    assert bulk_jobs.recorded(item) == Result(State.DECIDED, decision=item.decision)
