"""Statements of verbs: sent together, seen by Django's query log, prepared where the setting says so."""

from __future__ import annotations

import pytest
from django.db import DataError, connection, transaction
from django.test.utils import CaptureQueriesContext

from approvals.records import statements

pytestmark = pytest.mark.django_db


def test_the_first_row_comes_back_or_none() -> None:
    assert statements.first_row("SELECT %s::int + 1, 'x'", [41]) == (42, "x")
    assert statements.first_row("SELECT 1 WHERE %s", [False]) is None


def test_several_statements_come_back_in_their_order() -> None:
    rows = statements.first_rows(
        ("SELECT %s", ["a"]), ("SELECT 1 WHERE false", []), ("SELECT 3", [])
    )

    assert rows == [("a",), None, (3,)]


def test_each_statement_of_one_round_trip_has_a_time_of_its_own() -> None:
    clock = "SELECT statement_timestamp()"

    with transaction.atomic():
        (first,), _, (last,) = statements.first_rows(
            (clock, []), ("SELECT pg_sleep(0.02)", []), (clock, [])
        )

    assert last > first


def test_an_error_is_one_of_django_and_leaves_a_usable_connection() -> None:
    for call in (
        lambda: statements.first_row("SELECT 1 / %s", [0]),
        lambda: statements.first_rows(("SELECT 1", []), ("SELECT 1 / %s", [0])),
    ):
        with pytest.raises(DataError), transaction.atomic():
            call()

    assert statements.first_row("SELECT 1", []) == (1,)


def test_the_query_log_shows_them() -> None:
    with CaptureQueriesContext(
        connection,
    ) as log:
        statements.first_row("SELECT %s::text", ["seen"])
        statements.first_rows(("SELECT 1", []), ("SELECT 2", []))

    assert len(log) == 3


@pytest.mark.parametrize(("threshold", "kept"), [(1, 1), (None, 0)])
def test_plans_are_kept_if_the_connection_prepares(threshold: int | None, kept: int) -> None:
    connection.ensure_connection()
    before, connection.connection.prepare_threshold = (
        connection.connection.prepare_threshold,
        threshold,
    )
    text = f"SELECT %s::int AS threshold_{threshold}"
    try:
        assert [statements.first_row(text, [number]) for number in range(4)] == [
            (number,) for number in range(4)
        ]
        assert statements.first_rows((text, [8]), (text, [9])) == [(8,), (9,)]
        known = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s"
        assert statements.first_row(known, [f"%threshold_{threshold}"]) == (kept,)
    finally:
        connection.connection.prepare_threshold = before
