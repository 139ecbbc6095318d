"""The schedule of reconciliation: the earliest look counts, one worker has the turn, and an event hurries it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db.models.functions import Now

from approvals.models import ExecutionSnapshot, ReviewQueue
from approvals.records import database_time, execution_snapshots
from tests import factories

pytestmark = pytest.mark.django_db
ARN = "arn:aws:states:eu-west-3:123456789012:execution:orders:order-1"
OTHER = ARN.replace("order-1", "order-2")


def due_at(arn: str = ARN) -> datetime | None:
    return ExecutionSnapshot.objects.get(pk=arn).due_at


def named(limit: int) -> list[str]:
    """The due executions that only messages name, or all are proved."""
    proved = ExecutionSnapshot.objects.filter(proved=True).exists()
    return execution_snapshots.due(limit=limit, proved=proved)


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

    assert named(limit=9) == [OTHER, ARN]
    assert named(limit=1) == [OTHER]


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
    assert row.state_machine_version_arn == f"{ARN}:7"


def test_without_an_answer_the_stored_one_stays() -> None:
    execution_snapshots.watch({ARN: ahead(seconds=-1)})
    execution_snapshots.take(ARN)
    execution_snapshots.put_back(ARN, status="running", again_at=None, version_arn=f"{ARN}:7")
    before = ExecutionSnapshot.objects.get()

    execution_snapshots.put_back(ARN, status="", again_at=ahead(seconds=30))

    row = ExecutionSnapshot.objects.get()
    assert (row.status, row.read_at) == ("running", before.read_at)
    assert row.state_machine_version_arn == f"{ARN}:7"


def test_an_event_during_the_look_makes_the_execution_due_again() -> None:
    execution_snapshots.watch({ARN: ahead(seconds=-1)})
    execution_snapshots.take(ARN)
    execution_snapshots.hurry(ARN)

    execution_snapshots.put_back(ARN, status="running", again_at=ahead(minutes=9))

    assert named(limit=9) == [ARN]


def test_a_look_is_postponed_but_never_past_an_earlier_one() -> None:
    execution_snapshots.watch({ARN: ahead(minutes=9), OTHER: ahead(seconds=-1)})

    for arn in (ARN, OTHER):
        execution_snapshots.postpone(arn, timedelta(minutes=2))

    assert ahead(minutes=1) < due_at(ARN) < ahead(minutes=3)
    assert named(limit=9) == [OTHER]


def test_what_a_message_names_is_proved_once_aws_has_named_described_or_accepted_it(
    queue: ReviewQueue,
) -> None:
    reviews = [factories.review(queue) for _ in range(4)]
    named, described, hurried, accepted = (review.execution_arn for review in reviews)
    assert ExecutionSnapshot.objects.filter(proved=True).count() == 0

    execution_snapshots.watch({named: ahead(hours=1)}, proved=True)
    execution_snapshots.put_back(described, status="running", again_at=None)
    execution_snapshots.hurry(hurried)
    execution_snapshots.record_proved([reviews[3].pk])
    execution_snapshots.put_back(accepted, status="gone", again_at=None)

    assert ExecutionSnapshot.objects.filter(proved=True).count() == 4


def test_a_message_never_shortens_the_pause_after_a_look_without_news() -> None:
    execution_snapshots.watch({ARN: ahead(seconds=-1)})
    turn = execution_snapshots.take(ARN)
    assert turn == (0, False)
    execution_snapshots.postpone(ARN, timedelta(minutes=8), proved=False)

    execution_snapshots.watch({ARN: ahead(seconds=1)})
    assert (row := ExecutionSnapshot.objects.get()).due_at == row.not_before
    assert (row.idle_looks, row.routine) == (1, True)

    execution_snapshots.watch({ARN: ahead(seconds=1)}, proved=True)
    assert due_at() < ahead(seconds=2)
    execution_snapshots.put_back(ARN, status="running", again_at=ahead(minutes=9))
    assert ExecutionSnapshot.objects.filter(idle_looks=0, not_before=None).exists()


def test_the_pause_doubles_up_to_an_hour_or_ten_minutes_if_it_is_proved() -> None:
    forged = [execution_snapshots.Turn(looks, False).pause for looks in (0, 1, 2, 30)]
    proved = [execution_snapshots.Turn(looks, True).pause for looks in (0, 1, 2, 30)]

    assert [pause.total_seconds() for pause in forged] == [30, 60, 120, 3600]
    assert [pause.total_seconds() for pause in proved] == [30, 60, 120, 600]


def test_what_only_had_no_news_is_asked_after_what_is_urgent() -> None:
    long_ago, now = ahead(seconds=-600), ahead(seconds=-1)
    execution_snapshots.watch({ARN: ahead(seconds=-1), OTHER: now}, proved=True)
    assert execution_snapshots.take(ARN)
    execution_snapshots.put_back(ARN, status="running", again_at=ahead(hours=1), routine=True)
    ExecutionSnapshot.objects.filter(pk=ARN).update(due_at=long_ago)

    assert named(limit=9) == [OTHER, ARN]
    assert named(limit=1) == [OTHER]
    execution_snapshots.hurry(ARN)
    assert named(limit=1) == [OTHER]
    execution_snapshots.take(OTHER)
    assert named(limit=1) == [ARN]


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
