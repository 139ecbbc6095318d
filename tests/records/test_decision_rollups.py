"""Rollups of decisions: they say what the decisions say, whenever and however often they are written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.db.models import Sum
from pytest_django import DjangoAssertNumQueries

from approvals.actions import assignment, decisions
from approvals.models import Decision, DecisionRollup, ReviewQueue, ReviewTask, User
from approvals.models.choices import Outcome
from approvals.models.decision_rollups import BOUNDS, OTHER_ERRORS
from approvals.records import database_time, decision_rollups
from tests import factories
from tests.factories import actor

pytestmark = pytest.mark.django_db
Decide = Callable[..., Decision]

NOON = datetime(2026, 11, 16, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
COUNTS = ("approved", "rejected", "undone")


@pytest.fixture(autouse=True)
def recent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decisions since NOON are among those that are counted, whatever the date."""
    long_ago = database_time.now() - NOON + timedelta(days=2)
    monkeypatch.setattr(decision_rollups, "BACKFILLED", max(long_ago, timedelta(days=31)))


@pytest.fixture
def decide(queue: ReviewQueue) -> Decide:
    """`decide(alice, at, "approved", waited=60)`: a decision at that time, the review so many seconds old."""

    def decided(
        by: User,
        at: datetime | None = None,
        outcome: str = "approved",
        *,
        waited: float = 60,
        error: str = "FraudSuspected",
        surface: str = "web",
        claim: bool = False,
        of: ReviewQueue = queue,
    ) -> Decision:
        review = factories.review(of, error=error)
        who = actor(by, surface)
        if claim:
            assignment.claim(review.pk, by=who)
        decisions.decide(review.pk, Outcome(outcome), by=who)
        if at is not None:
            arrived = at - timedelta(seconds=waited)
            ReviewTask.objects.filter(pk=review.pk).update(received_at=arrived)
            move(Decision.objects.get(review=review), at)
        return Decision.objects.get(review=review)

    return decided


def move(decision: Decision, at: datetime) -> None:
    """Let a decision have been taken at another time, which the database refuses to everybody else."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            "UPDATE approvals_decision SET decided_at = %s WHERE id = %s", [at, decision.pk]
        )
        cursor.execute("RESET session_replication_role")


def rows(**which: object) -> list[DecisionRollup]:
    """The rollups of these columns, by their names."""
    found = DecisionRollup.objects.filter(**which).select_related("reviewer")
    return list(found.order_by("starts_at", "error_name", "reviewer__email"))


def contents() -> list[tuple[object, ...]]:
    """Everything that the rollups say."""
    names = [f.attname for f in DecisionRollup._meta.fields if f.name not in {"id", "written_at"}]
    found = DecisionRollup.objects.values_list(*names)
    return sorted(tuple(map(str, row)) for row in found)


def test_a_decision_counts_for_its_error_and_for_its_reviewer_in_its_hour_and_its_day(
    decide: Decide, alice: User, bob: User
) -> None:
    decide(alice, NOON, "approved", error="FraudSuspected")
    decide(alice, NOON + timedelta(minutes=59), "rejected", error="FraudSuspected")
    decide(bob, NOON + timedelta(minutes=60), "approved", error="")

    assert decision_rollups.bring_up_to_date() == 2

    by_error = [
        (row.period, row.starts_at, row.error_name, row.approved, row.rejected)
        for row in rows(facet="error")
    ]
    midnight = NOON.replace(hour=0)
    assert by_error == [
        ("day", midnight, "", 1, 0),
        ("day", midnight, "FraudSuspected", 1, 1),
        ("hour", NOON, "FraudSuspected", 1, 1),
        ("hour", NOON + HOUR, "", 1, 0),
    ]
    by_reviewer = [
        (row.period, row.reviewer, row.approved, row.rejected) for row in rows(facet="reviewer")
    ]
    assert by_reviewer == [
        ("day", alice, 1, 1),
        ("day", bob, 1, 0),
        ("hour", alice, 1, 1),
        ("hour", bob, 1, 0),
    ]


def test_writing_them_again_changes_nothing(decide: Decide, alice: User, bob: User) -> None:
    now = database_time.now()
    for minutes in (0, 70, 130, 2_000):
        decide(alice, now - timedelta(minutes=minutes), "rejected")
        decide(bob, now - timedelta(minutes=minutes), "approved")
    decision_rollups.bring_up_to_date()
    first = contents()

    decision_rollups.bring_up_to_date()
    assert contents() == first
    DecisionRollup.objects.all().delete()
    decision_rollups.bring_up_to_date()
    assert contents() == first


def test_a_decision_that_is_undone_after_its_hour_was_written_counts_as_undone(
    decide: Decide, alice: User
) -> None:
    decided = decide(alice, database_time.now() - timedelta(minutes=61))
    decision_rollups.bring_up_to_date()
    assert {(row.approved, row.undone) for row in rows()} == {(1, 0)}

    decisions.undo(decided.pk, by=actor(alice))
    decision_rollups.bring_up_to_date()

    assert {(row.approved, row.undone) for row in rows()} == {(0, 1)}
    assert {sum(row.decided_within) for row in rows()} == {0}


def test_an_hour_that_is_final_is_not_read_again(decide: Decide, alice: User) -> None:
    decide(alice, NOON)
    assert decision_rollups.bring_up_to_date() == 1
    assert decision_rollups.bring_up_to_date() == 0
    decide(alice, NOON + 30 * HOUR)
    assert decision_rollups.bring_up_to_date() == 1
    assert {row.starts_at for row in rows(period="hour")} == {NOON, NOON + 30 * HOUR}


def test_after_a_pause_of_the_worker_the_hour_that_it_left_unfinished_is_finished(
    decide: Decide, alice: User
) -> None:
    decide(alice, NOON)
    decision_rollups.bring_up_to_date()
    DecisionRollup.objects.update(written_at=NOON + timedelta(minutes=20))
    decide(alice, NOON + timedelta(minutes=40))
    decide(alice, NOON + 5 * HOUR)

    assert decision_rollups.bring_up_to_date() == 2

    assert [row.approved for row in rows(period="hour", facet="error")] == [2, 1]
    assert [row.approved for row in rows(period="day", facet="error")] == [3]


def test_old_decisions_are_counted_in_bounded_turns(
    decide: Decide, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decision_rollups, "HOURS_AT_ONCE", 2)
    for hours in range(5):
        decide(alice, NOON + hours * HOUR)

    assert [decision_rollups.bring_up_to_date() for _ in range(4)] == [2, 2, 1, 0]
    assert sum(row.approved for row in rows(period="day", facet="error")) == 5


def test_hours_and_then_days_of_reviewers_are_forgotten_and_days_of_errors_are_not(
    decide: Decide, alice: User
) -> None:
    decide(alice, NOON)
    decide(alice, NOON + timedelta(days=9))
    decision_rollups.bring_up_to_date()
    assert {row.starts_at for row in rows(period="hour")} == {NOON + timedelta(days=9)}
    assert len(rows(period="day", facet="reviewer")) == 2

    decide(alice, NOON + timedelta(days=92))
    decision_rollups.bring_up_to_date()
    assert len(rows(period="day", facet="reviewer")) == 2, "the first is forgotten"
    assert len(rows(period="day", facet="error")) == 3


def test_the_errors_beyond_the_most_frequent_have_one_row_together(
    decide: Decide, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decision_rollups, "MOST_ERRORS", 2)
    for number, error in enumerate("aaabbcde"):
        decide(alice, NOON + timedelta(minutes=number), error=error)

    decision_rollups.bring_up_to_date()

    for period in ("hour", "day"):
        named = {row.error_name: row.approved for row in rows(period=period, facet="error")}
        assert named == {"a": 3, "b": 2, OTHER_ERRORS: 3}


@pytest.mark.parametrize(
    ("waited", "place"),
    [(0, 0), (4.9, 0), (5, 1), (61, 6), (BOUNDS[-1] - 1, len(BOUNDS) - 1), (10**7, len(BOUNDS))],
)
def test_the_time_to_decide_is_counted_in_its_class(
    decide: Decide, alice: User, waited: float, place: int
) -> None:
    decide(alice, NOON, waited=waited)
    decision_rollups.bring_up_to_date()
    expected = [int(number == place) for number in range(len(BOUNDS) + 1)]
    assert [row.decided_within for row in rows()] == [expected] * 4


def test_a_decision_right_after_its_claim_is_quick_and_others_are_not(
    decide: Decide, alice: User
) -> None:
    decide(alice, claim=True)
    decide(alice)
    slow = decide(alice, claim=True)
    move(slow, slow.decided_at + timedelta(seconds=4))
    decide(alice, claim=True, surface="api")

    decision_rollups.bring_up_to_date()

    found = DecisionRollup.objects.filter(period="day", facet="reviewer")
    assert found.aggregate(Sum("quick"), Sum("approved")) == {"quick__sum": 1, "approved__sum": 4}


def test_runs_of_one_outcome_and_the_minutes_in_which_a_person_decided(
    decide: Decide, alice: User, bob: User
) -> None:
    for minute, outcome in enumerate("aarrrra"):
        name = "approved" if outcome == "a" else "rejected"
        decide(alice, NOON + timedelta(minutes=minute), name)
    decide(alice, NOON + timedelta(minutes=59), "approved", surface="api")
    decide(bob, NOON + timedelta(minutes=3), "rejected")

    decision_rollups.bring_up_to_date()

    of_alice, of_bob = rows(period="hour", facet="reviewer")
    assert (of_alice.runs, of_alice.first_run, of_alice.last_run) == (3, 2, 1)
    assert of_alice.longest_run == 4
    assert of_alice.active_minutes == 0b1111111
    assert (of_bob.runs, of_bob.first_run, of_bob.last_run, of_bob.longest_run) == (1, -1, -1, 1)
    assert of_bob.active_minutes == 0b1000
    assert {row.runs for row in rows(period="day")} == {0}


def test_what_the_service_decides_by_itself_has_a_row_without_a_reviewer(db: None) -> None:
    review = factories.review(factories.queue("late", at_deadline="reject"))
    now = database_time.now()
    ReviewTask.objects.filter(pk=review.pk).update(
        sent_at=now - HOUR, deadline_at=now + timedelta(seconds=20)
    )
    assert decisions.decide_at_deadline(review.pk)

    decision_rollups.bring_up_to_date()

    (row,) = rows(period="day", facet="reviewer")
    assert (row.reviewer, row.rejected, row.active_minutes) == (None, 1, 0)


@pytest.mark.django_db(transaction=True)
def test_while_another_worker_writes_nothing_is_written(decide: Decide, alice: User) -> None:
    decide(alice, NOON)
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(hashtext('decision rollups'))")
            assert decision_rollups.bring_up_to_date() == 0
            assert not rows()
            # The server ends a session some time after it was closed, and its locks with it.
            cursor.execute("SELECT pg_advisory_unlock(hashtext('decision rollups'))")
    finally:
        other.close()
    assert decision_rollups.bring_up_to_date() == 1


def test_the_statements_do_not_grow_with_the_decisions(
    decide: Decide, alice: User, bob: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(9):
        decide(alice if number % 2 else bob, NOON + timedelta(minutes=number), error=f"E{number}")
    with django_assert_num_queries(1 + 1 + 8 + 1):  # start, next, an hour in a transaction, next
        assert decision_rollups.bring_up_to_date() == 1
