"""A unit of work: all rows with one statement, or none; conditions and constraints are told apart."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from approvals.models import (
    AuditEvent,
    Comment,
    QueueMembership,
    ReviewQueue,
    ReviewTask,
    User,
    Vote,
)
from approvals.records import database_time, unit_of_work
from approvals.records.unit_of_work import ConditionFailed, UnitOfWork
from tests import factories

pytestmark = pytest.mark.django_db


def comment(review: ReviewTask, by: User, text: str) -> Comment:
    return Comment(review=review, by=by, text=text, surface="web")


def test_inserts_and_updates_are_one_statement(review: ReviewTask, alice: User) -> None:
    review.title, review.version = "Look at this", 7
    work = UnitOfWork()
    work.insert(comment(review, alice, "first"))
    work.insert(comment(review, alice, "second"))
    work.update(review, "title", "version")

    with CaptureQueriesContext(connection) as log:
        work.write()

    assert len(log) == 1
    review.refresh_from_db()
    assert (review.title, review.version) == ("Look at this", 7)
    assert {each.text for each in Comment.objects.all()} == {"first", "second"}


def test_what_the_database_fills_in_is_there_afterwards(review: ReviewTask, alice: User) -> None:
    vote = Vote(review=review, reviewer=alice, outcome="approved", surface="web")
    work = UnitOfWork()
    assert work.insert(vote) is vote
    work.write()

    assert database_time.now() - vote.cast_at < timedelta(seconds=30)
    assert vote == Vote.objects.get()
    assert vote.cast_at == Vote.objects.get().cast_at
    vote.withdrawn_at = vote.cast_at
    vote.save()  # as a stored row: an UPDATE
    assert Vote.objects.count() == 1


def test_a_generated_key_comes_back(alice: User, review: ReviewTask) -> None:
    event = factories.event(review, "review.claimed", by=factories.actor(alice))  # type: ignore[arg-type]

    assert event.pk == AuditEvent.objects.get(kind="review.claimed").pk


def test_null_and_json_are_written_as_the_orm_writes_them(queue: ReviewQueue) -> None:
    values: dict[str, Any] = {
        "policy": {"a": [1, None, "ü", {"b": 1.5}]},
        "fields": [{"path": "input.total"}],
        "output_schema": None,
        "heartbeat_seconds": None,
        "name": "",
    }
    for name, value in values.items():
        setattr(queue, name, value)
    work = UnitOfWork()
    work.update(queue, *values)
    work.write()

    queue.refresh_from_db()
    assert {name: getattr(queue, name) for name in values} == values


def test_a_row_is_deleted(alice: User) -> None:
    work = UnitOfWork()
    work.delete(QueueMembership.objects.get(user=alice))
    work.write()

    assert not QueueMembership.objects.filter(user=alice).exists()


@pytest.mark.parametrize("where", [{"version": 99}, {"status": "approved"}])
def test_a_condition_that_does_not_hold_fails_the_unit(
    review: ReviewTask, alice: User, where: dict[str, Any]
) -> None:
    work = UnitOfWork()
    work.insert(comment(review, alice, "lost with the rest"))
    review.title = "never"
    work.update(review, "title", where=where)

    with pytest.raises(ConditionFailed), transaction.atomic():
        work.write()

    assert not Comment.objects.exists()
    assert ReviewTask.objects.get().title != "never"


def test_a_row_that_is_gone_fails_the_unit(review: ReviewTask) -> None:
    work = UnitOfWork()
    work.update(ReviewTask(title="x"), "title")

    with pytest.raises(ConditionFailed), transaction.atomic():
        work.write()


def test_a_broken_constraint_writes_nothing(review: ReviewTask, alice: User) -> None:
    work = UnitOfWork()
    for _ in range(2):
        work.insert(Vote(review=review, reviewer=alice, outcome="approved", surface="web"))

    with pytest.raises(IntegrityError, match="one_live_vote_a_reviewer"), transaction.atomic():
        work.write()

    assert not Vote.objects.exists()


def test_a_row_stands_in_a_unit_once(review: ReviewTask, alice: User) -> None:
    added = comment(review, alice, "once")
    work = UnitOfWork()
    work.insert(added)
    work.update(review, "title")

    with pytest.raises(ValueError, match="in this unit already"):
        work.update(added, "text")
    with pytest.raises(ValueError, match="in this unit already"):
        work.update(review, "version")


def test_a_condition_cannot_ask_for_null(review: ReviewTask) -> None:
    with pytest.raises(ValueError, match="cannot ask for NULL"):
        UnitOfWork().update(review, "title", where={"assignee": None})


def test_an_expression_is_refused(review: ReviewTask) -> None:
    review.version = F("version") + 1

    with pytest.raises(TypeError, match="values, no expressions"):
        UnitOfWork().update(review, "version")


def test_what_is_to_happen_afterwards_happens_once_and_in_order(review: ReviewTask) -> None:
    done: list[int] = []
    work = UnitOfWork()
    work.update(review, "title")
    work.afterwards(lambda: done.append(1))
    work.afterwards(lambda: done.append(2))
    assert done == []

    work.write()
    work.write()

    assert done == [1, 2]


def test_nothing_happens_afterwards_if_the_write_fails(review: ReviewTask) -> None:
    done: list[int] = []
    work = UnitOfWork()
    work.update(review, "title", where={"version": 99})
    work.afterwards(lambda: done.append(1))

    with pytest.raises(ConditionFailed), transaction.atomic():
        work.write()

    assert done == []


def test_an_empty_unit_sends_nothing() -> None:
    with CaptureQueriesContext(connection) as log:
        UnitOfWork().write()

    assert len(log) == 0


def comments(review: ReviewTask, by: User, *at: datetime | None) -> list[Comment]:
    return [
        Comment(review=review, by=by, text="x", surface="web", **({"at": time} if time else {}))
        for time in at
    ]


def test_new_rows_are_told_from_those_that_were_there(review: ReviewTask, alice: User) -> None:
    old, new = comments(review, alice, None, None)
    assert unit_of_work.insert_new([old])[0] == [old]

    inserted, at = unit_of_work.insert_new([old, new])

    assert inserted == [new]
    assert at is not None
    assert database_time.now() - at < timedelta(seconds=30)
    assert unit_of_work.insert_new([old, new]) == ([], None)
    assert unit_of_work.insert_new([]) == ([], None)


def test_a_column_that_the_database_would_fill_in_some_rows_only_is_refused(
    review: ReviewTask, alice: User
) -> None:
    for times in ((None, database_time.now()), (database_time.now(), None)):
        with pytest.raises(TypeError, match="values, no expressions"):
            unit_of_work.insert_new(comments(review, alice, *times))

    assert not Comment.objects.exists()


def test_of_rows_that_must_all_be_new_none_is_written_if_one_is_not(
    review: ReviewTask, alice: User
) -> None:
    old, new = comments(review, alice, None, None)
    unit_of_work.insert_all([old])

    with pytest.raises(IntegrityError), transaction.atomic():
        unit_of_work.insert_all([new, old])

    assert [each.pk for each in Comment.objects.all()] == [old.pk]
    unit_of_work.insert_all([])


def test_more_rows_than_one_statement_may_have_parameters_for_are_inserted_in_parts(
    review: ReviewTask, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unit_of_work, "MOST_PARAMETERS", 3 * len(Comment._meta.concrete_fields))
    rows = comments(review, alice, *[database_time.now()] * 7)

    with CaptureQueriesContext(connection) as log:
        inserted, _ = unit_of_work.insert_new(rows)

    assert len(log) == 3
    assert inserted == rows
    assert set(Comment.objects.all()) == set(rows)
