"""The pool of a web process gives out live connections, and asks only those that may have ended unnoticed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import connection
from psycopg_pool import ConnectionPool

from config import database_connections
from config.database_connections import Connection
from tests.conditions import wait_until

pytestmark = pytest.mark.django_db


@contextmanager
def pool_of_one() -> Iterator[ConnectionPool[Any]]:
    """A pool as Django makes one, with one connection to the test's database."""
    named = connection.get_connection_params()
    given = {name: named[name] for name in ("dbname", "user", "host", "port")} | {
        "autocommit": True
    }
    pool: ConnectionPool[Any] = ConnectionPool(
        kwargs=given,
        connection_class=Connection,
        check=ConnectionPool.check_connection,
        min_size=1,
        max_size=1,
        timeout=10,
        open=True,
    )
    with pool:
        yield pool


def session(pool: ConnectionPool[Any]) -> int:
    """The server process behind the connection that the pool gives out, which has answered."""
    with pool.connection() as lent:
        row = lent.execute("SELECT pg_backend_pid()").fetchone()
    assert row
    return int(row[0])


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that were sent."""
    sent: list[str] = []
    execute = psycopg.Connection.execute

    def noting(self: Any, query: Any, *args: Any, **named: Any) -> Any:
        sent.append(query)
        return execute(self, query, *args, **named)

    monkeypatch.setattr(psycopg.Connection, "execute", noting)
    return sent


def test_a_connection_is_asked_once_a_second_whether_it_lives(
    asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_connections, "TRUSTED", 60)
    with pool_of_one() as pool:
        for _ in range(3):
            session(pool)
        assert asked.count("") == 1

        monkeypatch.setattr(database_connections, "TRUSTED", 0)
        session(pool)
        assert asked.count("") == 2


@pytest.mark.parametrize("trusted", [0, 60])
def test_a_connection_that_the_server_has_ended_is_not_given_out(
    trusted: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_connections, "TRUSTED", trusted)
    with pool_of_one() as pool:
        first = session(pool)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [first])
            wait_until(lambda: not _lives(cursor, first), seconds=10, what="its end")

        assert session(pool) != first


def _lives(cursor: Any, process: int) -> bool:
    cursor.execute("SELECT pg_stat_clear_snapshot()")
    cursor.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [process])
    return cursor.fetchone() is not None
