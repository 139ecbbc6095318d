"""Which entries are due, which are late, and which can still be taken back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from django.db.models.functions import Now

from approvals.models import OutboxAttempt, OutboxEntry
from approvals.models.outbox import Detail
from approvals.records import database_time, outbox
from approvals.records.unit_of_work import ConditionFailed, UnitOfWork
from tests import factories
from tests.nesting import runs_inside_another_transaction

pytestmark = pytest.mark.django_db

Kind, Lane = OutboxEntry.Kind, OutboxEntry.Lane
MINUTE = timedelta(minutes=1)


def entry(kind: OutboxEntry.Kind = Kind.CALLBACK, *, due_in: float = 0.0, **columns: Any) -> UUID:
    """An entry that is due in so many seconds, with these columns; returns its id."""
    at = database_time.now() + timedelta(seconds=due_in)
    made = factories.outbox_entry(kind, uuid4(), b"{}", not_before=at)
    OutboxEntry.objects.filter(pk=made.pk).update(**columns)
    return made.pk


def leased(seconds: float) -> dict[str, Any]:
    """The columns of an entry whose lease ends in so many seconds."""
    return {"state": "sending", "lease_until": Now() + timedelta(seconds=seconds)}


def ended(state: str) -> dict[str, Any]:
    """The columns of an entry that has ended."""
    return {"state": state, "ended_at": Now()}


def test_an_entry_is_queued_or_waits_for_the_end_of_its_undo_window() -> None:
    now = database_time.now()

    queued = factories.outbox_entry(Kind.CALLBACK, uuid4(), b"{}", not_before=now)
    undoable = factories.outbox_entry(Kind.CALLBACK, uuid4(), b"{}", not_before=now, undoable=True)

    assert queued.delivery == ("waiting", "queued")
    assert undoable.delivery == ("waiting", "undo_window")


def test_many_entries_are_due_at_once_each_with_its_own_payload() -> None:
    payloads = {uuid4(): b"one", uuid4(): b"two"}

    outbox.enqueue_many(Kind.START, payloads)

    rows = OutboxEntry.objects.filter(lane="executions", kind="start", queue=None)
    assert {row.subject: bytes(row.payload) for row in rows} == payloads
    assert set(outbox.due(Lane.EXECUTIONS, limit=10)) == {row.pk for row in rows}


def test_the_entries_of_decisions_are_found_by_the_decisions_and_no_others() -> None:
    one, _ = entry(), entry()
    subject = OutboxEntry.objects.get(pk=one).subject
    factories.outbox_entry(Kind.START, subject, b"{}", not_before=database_time.now())

    found = outbox.callback_entries([subject, uuid4()])

    assert {key: row.pk for key, row in found.items()} == {subject: one}


def test_what_is_due_is_what_waits_until_now_or_was_abandoned_the_longest_waiting_first() -> None:
    abandoned = entry(due_in=-30, **leased(-1))
    second, first = entry(due_in=-10), entry(due_in=-20)
    entry(due_in=30)
    entry(due_in=-40, **leased(30))
    for state in ("settled", "parked", "cancelled"):
        entry(due_in=-50, **ended(state))
    entry(Kind.START, due_in=-60)

    assert outbox.due(Lane.CALLBACKS, limit=10) == [abandoned, first, second]
    assert outbox.due(Lane.CALLBACKS, limit=2) == [abandoned, first]


def test_what_is_due_leaves_out_the_queues_that_are_held_back() -> None:
    held, free = factories.queue("held"), factories.queue("free")
    entry(queue=held)
    others = {entry(queue=free), entry()}

    assert set(outbox.due(Lane.CALLBACKS, limit=10, but=[held.pk])) == others


def test_the_next_entry_of_a_lane_is_the_one_that_waits_and_is_due_first() -> None:
    assert outbox.next_due_at(Lane.CALLBACKS) is None
    entry(due_in=50)
    soonest = OutboxEntry.objects.get(pk=entry(due_in=20))
    entry(due_in=1, **leased(30))
    entry(due_in=1, **ended("parked"))
    entry(Kind.START, due_in=1)

    assert outbox.next_due_at(Lane.CALLBACKS) == soonest.not_before


@pytest.mark.parametrize(
    ("columns", "late"),
    [
        ({"due_in": -61}, 1),
        ({"due_in": -59}, 0),
        ({"due_in": -61, "state": "parked", "ended_at": Now()}, 0),
        ({"due_in": 30, "attempts": 1, "created_at": Now() - timedelta(seconds=61)}, 1),
        ({"due_in": -59, "attempts": 1, "created_at": Now() - timedelta(seconds=59)}, 0),
        # An undo window before the first attempt does not count.
        ({"due_in": -59, "created_at": Now() - timedelta(seconds=3600)}, 0),
        ({"due_in": -3600, "attempts": 1, **leased(-61)}, 1),
        ({"due_in": -3600, "attempts": 1, **leased(-59)}, 0),
    ],
)
def test_an_entry_is_late_once_it_could_have_been_sent_for_so_long(
    columns: dict[str, Any], late: int
) -> None:
    entry(**columns)

    assert outbox.late(Lane.CALLBACKS, MINUTE) == late
    assert outbox.late(Lane.EXECUTIONS, MINUTE) == 0


def cancelled(entry: OutboxEntry) -> bool:
    """Whether this entry, as it was read before, can be cancelled."""
    work = UnitOfWork()
    outbox.cancel(work, entry, database_time.now())
    try:
        with transaction.atomic():
            work.write()
    except ConditionFailed:
        return False
    return True


def test_only_an_entry_that_waits_without_an_attempt_is_taken_back() -> None:
    waiting, tried, sending, parked = (
        OutboxEntry.objects.get(pk=pk)
        for pk in (entry(), entry(attempts=1), entry(**leased(30)), entry(**ended("parked")))
    )

    assert outbox.cancellable(Kind.CALLBACK, waiting.subject) == waiting
    assert outbox.cancellable(Kind.START, waiting.subject) is None
    assert outbox.cancellable(Kind.CALLBACK, uuid4()) is None
    assert cancelled(waiting)
    assert not cancelled(waiting)
    for other in (tried, sending, parked):
        assert outbox.cancellable(Kind.CALLBACK, other.subject) is None
        assert not cancelled(other)
    waiting.refresh_from_db()
    assert waiting.delivery == ("undone", "undone")
    assert waiting.ended_at is not None
    states = OutboxEntry.objects.exclude(pk=waiting.pk).values_list("state", flat=True)
    assert sorted(states) == ["parked", "sending", "waiting"]


def test_a_requeued_entry_is_due_at_once_and_continues_its_journal() -> None:
    row = OutboxEntry.objects.get(pk=entry(due_in=3600, attempts=4, **ended("parked")))

    work = UnitOfWork()
    outbox.requeue(work, row, database_time.now())
    work.write()

    assert outbox.due(Lane.CALLBACKS, limit=1) == [row.pk]
    row.refresh_from_db()
    assert (row.delivery, row.ended_at, row.attempts) == (("waiting", "queued"), None, 4)


def test_a_lease_lasts_45_seconds() -> None:
    lease = outbox.lease(entry())

    assert lease is not None
    began = OutboxAttempt.objects.get().started_at
    assert lease.entry.lease_until - began == timedelta(seconds=45)


def test_a_lease_refuses_to_be_a_part_of_another_transaction() -> None:
    assert not runs_inside_another_transaction(outbox.lease)


def test_an_entry_that_has_ended_has_no_lease_and_the_time_of_its_end() -> None:
    row = OutboxEntry.objects.get(pk=entry(**leased(30)))

    factories.moved(row, outbox.settled(Detail.ACKNOWLEDGED))

    row.refresh_from_db()
    assert (row.delivery, row.lease_until) == (("delivered", "acknowledged"), None)
    assert row.ended_at is not None


def test_an_entry_that_is_to_be_tried_again_has_no_lease_and_waits_at_least_so_long() -> None:
    row = OutboxEntry.objects.get(pk=entry(**leased(30)))

    factories.moved(row, outbox.retrying(at_least=90))

    row.refresh_from_db()
    assert (row.delivery, row.lease_until) == (("waiting", "retrying"), None)
    wait = row.not_before - database_time.now()
    assert timedelta(seconds=88) < wait <= timedelta(seconds=90)


def test_a_result_is_journalled_whole_or_cut_and_only_for_its_own_attempt() -> None:
    row, other = entry(), entry()
    first = outbox.lease(row)
    outbox.lease(other)
    OutboxEntry.objects.filter(pk=row).update(lease_until=Now())
    outbox.lease(row)
    assert first is not None

    result = outbox.AttemptResult("refused", "c" * 101, "r" * 101)
    factories.attempt_concluded(first, result, lambda _: None)

    told = OutboxAttempt.objects.get(entry=row, number=1)
    assert (told.result, told.error_code, told.request_id) == ("refused", "c" * 100, "r" * 100)
    assert told.ended_at is not None
    others = OutboxAttempt.objects.exclude(pk=told.pk)
    assert set(others.values_list("result", "ended_at")) == {("", None)}


def test_a_proof_beside_the_result_settles_the_entry_and_its_absence_does_not() -> None:
    for proved, state in ((True, "settled"), (False, "parked")):
        lease = outbox.lease(entry())
        assert lease is not None
        result = outbox.AttemptResult("accepted")

        concluded = factories.attempt_concluded(
            lease, result, lambda _: outbox.parked(Detail.REFUSED), proved=proved
        )

        assert concluded.entry.state == state
        assert (concluded.is_parked, concluded.is_retried) == (state == "parked", False)
