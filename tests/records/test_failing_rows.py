"""A row that a periodic task cannot work on pauses ever longer, and is remembered within bounds."""

from __future__ import annotations

import time

import psycopg
import pytest
from django.db import InternalError, OperationalError

from approvals.records import failing_rows
from approvals.records.failing_rows import FailingRows


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock, which a test moves on."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def broken(key: object) -> None:
    raise RuntimeError("a bug")


def test_the_pauses_of_a_row_that_goes_on_failing_double_up_to_an_hour(clock: list[float]) -> None:
    rows, pauses = FailingRows(), []
    for _ in range(14):
        assert rows.attempt("leases", "a", broken) is None
        began = clock[0]
        while rows.paused("leases"):
            clock[0] += 1
        pauses.append(clock[0] - began)

    assert pauses[:4] == [5, 10, 20, 40]
    assert pauses[-1] == 3600


def test_a_row_that_pauses_is_left_alone_and_one_that_works_again_is_forgotten(
    clock: list[float],
) -> None:
    rows, worked = FailingRows(), list[str]()
    rows.attempt("leases", "a", broken)

    rows.attempt("leases", "a", worked.append)
    assert (worked, rows.paused("leases"), len(rows)) == ([], ["a"], 1)
    rows.attempt("deadlines", "a", worked.append)
    assert worked == ["a"], "another task is not affected"

    clock[0] += 6
    assert rows.attempt("leases", "a", len) == 1
    assert len(rows) == 0


def test_a_bounded_number_of_rows_is_remembered() -> None:
    rows = FailingRows()
    for number in range(failing_rows.MOST_REMEMBERED + 50):
        rows.attempt("leases", number, broken)

    assert len(rows) == failing_rows.MOST_REMEMBERED
    assert 0 not in rows.paused("leases")


def test_a_database_that_is_away_is_not_the_rows_fault() -> None:
    rows = FailingRows()

    def away(key: object) -> None:
        raise OperationalError("connection refused")

    with pytest.raises(OperationalError):
        rows.attempt("leases", "a", away)
    assert len(rows) == 0


@pytest.mark.parametrize(
    ("raised", "cause"),
    [
        (OperationalError, psycopg.errors.LockNotAvailable),
        (OperationalError, psycopg.errors.QueryCanceled),
        (InternalError, psycopg.errors.RaiseException),
    ],
)
def test_a_row_that_stays_locked_or_that_a_trigger_refuses_is(
    raised: type[Exception], cause: type[Exception]
) -> None:
    rows = FailingRows()

    def refused(key: object) -> None:
        raise raised("of this row") from cause()

    assert rows.attempt("leases", "a", refused) is None
    assert rows.paused("leases") == ["a"]
