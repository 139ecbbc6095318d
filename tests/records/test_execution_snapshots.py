"""The schedule of reconciliation: the earliest look counts, one worker has the turn, and an event hurries it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db.models.functions import Now

from approvals.models import ExecutionSnapshot
from approvals.records import database_time, execution_snapshots

pytestmark = pytest.mark.django_db
ARN = "arn:aws:states:eu-west-3:123456789012:execution:orders:order-1"
OTHER = ARN.replace("order-1", "order-2")


def due_at(arn: str = ARN) -> datetime | None:
    return ExecutionSnapshot.objects.get(pk=arn).due_at


def ahead(**length: float) -> datetime:
    return database_time.now() + timedelta(**length)


def test_the_earlier_of_two_looks_counts() -> None:
    later, sooner = ahead(minutes=9), ahead(minutes=3)

    execution_snapshots.watch({ARN: later, "": sooner})
    execution_snapshots.watch({ARN: sooner})
    execution_snapshots.watch({ARN: later})

    assert ExecutionSnapshot.objects.get().due_at == sooner


def test_what_is_due_comes_with_the_longest_due_first() -> None:
    execution_snapshots.watch({ARN: ahead(seconds=-1), OTHER: ahead(seconds=-9)})
    execution_snapshots.watch({ARN + "-later": ahead(minutes=1)})

    assert execution_snapshots.due(limit=9) == [OTHER, ARN]
    assert execution_snapshots.due(limit=1) == [OTHER]


def test_one_worker_takes_the_turn_and_after_a_crash_another() -> None:
    execution_snapshots.watch({ARN: ahead(seconds=-1)})

    assert execution_snapshots.take(ARN)
    assert not execution_snapshots.take(ARN)
    ExecutionSnapshot.objects.update(due_at=Now() - timedelta(seconds=1))

    assert execution_snapshots.take(ARN)
    assert ExecutionSnapshot.objects.get().asked == 2


def test_an_answer_is_stored_and_asked_for_again_at_its_time() -> None:
    again = ahead(minutes=9)
    execution_snapshots.watch({ARN: ahead(seconds=-1)})
    execution_snapshots.take(ARN)

    execution_snapshots.put_back(ARN, status="running", again_at=again, version_arn=f"{ARN}:7")

    row = ExecutionSnapshot.objects.get()
    assert (row.status, row.due_at, row.read_at is not None) == ("running", again, True)
    assert execution_snapshots.versions([ARN, OTHER, ""]) == {ARN: f"{ARN}:7"}


def test_without_an_answer_the_stored_one_stays() -> None:
    execution_snapshots.watch({ARN: ahead(seconds=-1)})
    execution_snapshots.take(ARN)
    execution_snapshots.put_back(ARN, status="running", again_at=None, version_arn=f"{ARN}:7")
    before = ExecutionSnapshot.objects.get()

    execution_snapshots.put_back(ARN, status="", again_at=ahead(seconds=30))

    row = ExecutionSnapshot.objects.get()
    assert (row.status, row.read_at) == ("running", before.read_at)
    assert execution_snapshots.versions([ARN]) == {ARN: f"{ARN}:7"}


def test_an_event_during_the_look_makes_the_execution_due_again() -> None:
    execution_snapshots.watch({ARN: ahead(seconds=-1)})
    execution_snapshots.take(ARN)
    execution_snapshots.hurry(ARN)

    execution_snapshots.put_back(ARN, status="running", again_at=ahead(minutes=9))

    assert execution_snapshots.due(limit=9) == [ARN]


def test_a_look_is_postponed_but_never_past_an_earlier_one() -> None:
    execution_snapshots.watch({ARN: ahead(minutes=9), OTHER: ahead(seconds=-1)})

    for arn in (ARN, OTHER):
        execution_snapshots.postpone(arn, timedelta(minutes=2))

    assert ahead(minutes=1) < due_at(ARN) < ahead(minutes=3)
    assert execution_snapshots.due(limit=9) == [OTHER]


def test_what_only_had_no_news_is_asked_after_what_is_urgent() -> None:
    long_ago, now = ahead(seconds=-600), ahead(seconds=-1)
    execution_snapshots.watch({ARN: ahead(seconds=-1), OTHER: now})
    assert execution_snapshots.take(ARN)
    execution_snapshots.put_back(ARN, status="running", again_at=ahead(hours=1), routine=True)
    ExecutionSnapshot.objects.filter(pk=ARN).update(due_at=long_ago)

    assert execution_snapshots.due(limit=9) == [OTHER, ARN]
    assert execution_snapshots.due(limit=1) == [OTHER]
    execution_snapshots.hurry(ARN)
    assert execution_snapshots.due(limit=1) == [OTHER]
    execution_snapshots.take(OTHER)
    assert execution_snapshots.due(limit=1) == [ARN]


@pytest.mark.parametrize(
    ("first", "second", "routine"),
    [
        (execution_snapshots.WITHOUT_NEWS, None, True),
        (timedelta(minutes=9), None, False),
        (execution_snapshots.WITHOUT_NEWS, timedelta(minutes=9), False),
        (timedelta(minutes=9), execution_snapshots.WITHOUT_NEWS, False),
    ],
)
def test_a_first_look_is_routine_unless_something_wants_it_sooner(
    first: timedelta, second: timedelta | None, routine: bool
) -> None:
    for wait in (first, second):
        if wait is not None:
            execution_snapshots.watch({ARN: database_time.now() + wait})

    assert ExecutionSnapshot.objects.get().routine is routine
