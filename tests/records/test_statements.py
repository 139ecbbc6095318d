"""Statements are sent together, seen by Django's query log, and prepared where that is safe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import psycopg
import pytest
from django.db import DataError, NotSupportedError, connection, transaction
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


@pytest.fixture
def session() -> Iterator[psycopg.Connection[Any]]:
    """The test's connection, which prepares statements and has not yet been compared with its server process."""
    connection.ensure_connection()
    given: psycopg.Connection[Any] = connection.connection
    before, given.prepare_threshold = given.prepare_threshold, 1
    statements._asked.discard(given)
    yield given
    given.prepare_threshold = before


def kept_plans(name: str) -> int:
    """How many plans the connection keeps of statements that end with this name."""
    known = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s"
    (number,) = statements.all_rows(known, [f"%{name}"], keep_plan=False)[0]
    return int(number)


@pytest.mark.parametrize(("threshold", "kept"), [(1, 1), (None, 0)])
def test_plans_are_kept_if_the_connection_prepares(
    session: psycopg.Connection[Any], threshold: int | None, kept: int
) -> None:
    session.prepare_threshold = threshold
    text = f"SELECT %s::int AS threshold_{threshold}"

    assert [statements.first_row(text, [number]) for number in range(4)] == [
        (number,) for number in range(4)
    ]
    assert statements.first_rows((text, [8]), (text, [9])) == [(8,), (9,)]

    assert kept_plans(f"threshold_{threshold}") == kept


def test_no_plan_is_kept_of_a_statement_that_asks_for_none(
    session: psycopg.Connection[Any],
) -> None:
    for number in range(4):
        statements.all_rows("SELECT %s::int AS anew", [number], keep_plan=False)

    assert kept_plans("anew") == 0


def test_no_plan_is_kept_behind_a_proxy_which_names_a_server_process_of_its_own(
    session: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psycopg.ConnectionInfo, "backend_pid", 1)

    for number in range(4):
        statements.first_row("SELECT %s::int AS proxied", [number])

    assert kept_plans("proxied") == 0
    assert session.prepare_threshold is None


@pytest.fixture
def changing() -> Iterator[Callable[[], object]]:
    """A table with a number in its column `changed`, and what changes the type of that in another session."""
    named = connection.get_connection_params()
    where = {name: named[name] for name in ("dbname", "user", "host", "port")}
    with psycopg.connect(**where, autocommit=True) as other:
        other.execute("CREATE TABLE changing AS SELECT 7 AS changed")
        yield partial(other.execute, "ALTER TABLE changing ALTER changed TYPE text")
        other.execute("DROP TABLE changing")


READ = "SELECT changed FROM changing"


@pytest.mark.django_db(transaction=True)
def test_a_column_of_another_type_does_not_stop_a_statement_whose_plan_was_kept(
    session: psycopg.Connection[Any], changing: Callable[[], object]
) -> None:
    assert [statements.first_row(READ, []) for _ in range(3)] == [(7,)] * 3
    assert kept_plans("changing") == 1
    changing()

    assert statements.first_row(READ, []) == ("7",)


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_meets_a_column_of_another_type_succeeds_when_it_is_repeated(
    session: psycopg.Connection[Any], changing: Callable[[], object]
) -> None:
    assert [statements.first_row(READ, []) for _ in range(3)] == [(7,)] * 3
    changing()

    with pytest.raises(NotSupportedError), transaction.atomic():
        statements.first_row(READ, [])
    with transaction.atomic():
        assert statements.first_row(READ, []) == ("7",)
