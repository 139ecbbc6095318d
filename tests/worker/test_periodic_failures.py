"""One row that cannot be worked on never stops a periodic task, however often the task begins with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db.models.functions import Now

from approvals.actions import assignment, decisions
from approvals.models import QueueCheck, ReviewQueue, ReviewTask, User
from approvals.polling import checking
from approvals.reconciliation import executions
from approvals.records import failing_rows
from approvals.worker import periodic
from tests import factories
from tests.factories import actor

pytestmark = pytest.mark.django_db
Work = Callable[[UUID], object]


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """No row of another test pauses."""
    failing_rows.FAILING.clear()
    yield
    failing_rows.FAILING.clear()


def failing_for(work: Work, row: UUID) -> Work:
    """This work, which cannot be done on one row."""

    def done(pk: UUID) -> object:
        if pk == row:
            raise ValueError("this row")
        return work(pk)

    return done


@pytest.fixture
def overdue(queue: ReviewQueue, alice: User) -> list[ReviewTask]:
    """Three reviews that each of the tasks has work with, the first of them in its order first."""
    factories.queue(queue.slug, at_deadline="reject", probe_with_heartbeats=True)
    reviews = [factories.review(queue, executionArn=None, timeoutSeconds=3600) for _ in range(3)]
    for number, review in enumerate(reviews):
        assignment.claim(review.pk, by=actor(alice))
        ReviewTask.objects.filter(pk=review.pk).update(
            lease_expires_at=Now() - timedelta(seconds=9 - number),
            sent_at=Now() - timedelta(hours=1),
            deadline_at=Now() + timedelta(seconds=19 + number),
        )
    return reviews


def test_a_review_that_cannot_be_decided_at_its_deadline_stops_no_other(
    overdue: list[ReviewTask], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    work = failing_for(decisions.decide_at_deadline, overdue[0].pk)
    monkeypatch.setattr(decisions, "decide_at_deadline", work)

    assert periodic.decide_at_deadlines() == 2
    assert ReviewTask.objects.pending().get() == overdue[0]
    assert "periodic.row_failed" in caplog.text


def test_a_queue_with_many_at_once_takes_no_others_last_minute(
    overdue: list[ReviewTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(periodic, "AT_ONCE", 2)
    other = factories.queue("other", at_deadline="reject")
    late = factories.review(other, executionArn=None, timeoutSeconds=3600)
    hour_ago = Now() - timedelta(hours=1)
    ReviewTask.objects.filter(pk=late.pk).update(
        sent_at=hour_ago, deadline_at=Now() + timedelta(seconds=30)
    )

    assert periodic.decide_at_deadlines() == 2

    assert ReviewTask.objects.get(pk=late.pk).status == "rejected"
    assert set(ReviewTask.objects.pending()) == set(overdue[1:])


def test_rows_that_fail_do_not_fill_the_limit_of_a_task(
    overdue: list[ReviewTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(periodic, "AT_ONCE", 1)
    work = failing_for(decisions.decide_at_deadline, overdue[0].pk)
    monkeypatch.setattr(decisions, "decide_at_deadline", work)

    assert [periodic.decide_at_deadlines() for _ in range(4)] == [0, 1, 1, 0]


def test_a_lease_that_cannot_be_ended_stops_no_other(
    overdue: list[ReviewTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assignment, "end_lease", failing_for(assignment.end_lease, overdue[0].pk))

    assert periodic.end_leases() == 2


def test_a_review_that_cannot_be_probed_stops_no_other(
    overdue: list[ReviewTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    ReviewTask.objects.update(deadline_at=Now() - timedelta(seconds=1))
    probed: list[UUID] = []
    monkeypatch.setattr(executions, "probe", failing_for(probed.append, overdue[0].pk))

    periodic.Prober().turn()

    assert set(probed) == {review.pk for review in overdue[1:]}


def test_a_queue_that_cannot_be_checked_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    queues = [factories.queue(slug) for slug in ("a", "b")]
    for queue in queues:
        QueueCheck.objects.create(queue=queue, asked_at=Now() - timedelta(minutes=1))
    checked: list[UUID] = []
    work = failing_for(checked.append, queues[0].pk)
    monkeypatch.setattr(checking, "check_and_store", work)

    periodic.check_queues()

    assert checked == [queues[1].pk]


def test_the_report_counts_the_rows_on_which_work_fails(
    overdue: list[ReviewTask], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def measured() -> dict[str, Any]:
        caplog.clear()
        periodic.report()
        (record,) = [r for r in caplog.records if "desk.measured" in r.getMessage()]
        found: dict[str, Any] = (
            record.msg if isinstance(record.msg, dict) else json.loads(record.msg)
        )
        return found

    assert measured()["failing_rows"] == 0
    monkeypatch.setattr(assignment, "end_lease", failing_for(assignment.end_lease, overdue[0].pk))
    periodic.end_leases()

    assert measured()["failing_rows"] == 1


def test_overdue_reviews_that_prove_nothing_do_not_keep_later_ones_from_being_probed(
    overdue: list[ReviewTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    ReviewTask.objects.update(deadline_at=Now() - timedelta(seconds=1))
    monkeypatch.setattr(periodic, "AT_ONCE", 1)
    monkeypatch.setattr(periodic, "PROBE_AGAIN", 0.0)
    probed: list[UUID] = []
    monkeypatch.setattr(executions, "probe", probed.append)
    prober = periodic.Prober()

    assert [prober.turn() for _ in range(3)] == [1, 1, 1]

    assert set(probed) == {review.pk for review in overdue}


def test_overdue_reviews_that_stay_open_do_not_keep_later_ones_from_being_put_aside(
    overdue: list[ReviewTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    provable = factories.queue("provable", probe_with_heartbeats=True)
    other = factories.queue("other")
    ReviewTask.objects.update(queue=provable, deadline_at=Now() - timedelta(seconds=9))
    last = factories.review(other, executionArn=None)
    ReviewTask.objects.filter(pk=last.pk).update(
        deadline_at=Now() - timedelta(seconds=1), deadline_source="message"
    )
    monkeypatch.setattr(periodic, "OVERDUE_AT_ONCE", 1)

    assert sum(periodic.put_unproved_aside() for _ in range(5)) == 1

    last.refresh_from_db()
    assert last.status == "unproved"
