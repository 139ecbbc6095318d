"""Concurrent calls, each in a thread with its own database connection, and a second connection."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection

from approvals.exceptions import ApprovalsError


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """The results of calls that start together: what each returned, or the ApprovalsError it raised."""
    barrier = threading.Barrier(len(calls))
    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(lambda call: _outcome(call, barrier), calls))


def round_by_round(
    left: Sequence[Callable[[], Any]], right: Sequence[Callable[[], Any]]
) -> list[tuple[Any, Any]]:
    """Pairs of outcomes: the n-th of each side start together, on two lasting connections."""
    barrier = threading.Barrier(2)

    def side(calls: Sequence[Callable[[], Any]]) -> list[Any]:
        return [_outcome(call, barrier, stay=True) for call in calls]

    return list(zip(*at_once([lambda: side(left), lambda: side(right)]), strict=True))


def while_another_commits(
    sql: str,
    parameters: Sequence[Any] | Mapping[str, Any],
    call: Callable[[], Any],
    *,
    seconds: float = 0,
) -> Any:
    """The result of `call`, which waits for a transaction that runs `sql` and then commits.

    The transaction stays open for so many `seconds` after the call has begun to wait.
    """
    with second_look() as other, ThreadPoolExecutor(1) as pool:
        other.autocommit = False
        other.execute(sql, parameters)
        waiting = pool.submit(_outcome, call, threading.Barrier(1))
        _until_somebody_waits()
        other.execute("SELECT pg_sleep(%s)", [seconds])
        other.commit()
        return waiting.result(10)


@contextmanager
def second_look() -> Iterator[psycopg.Connection[Any]]:
    """A connection that sees only what has been committed."""
    settings = connection.get_connection_params()
    keys = ("dbname", "user", "password", "host", "port")
    wanted = {key: settings[key] for key in keys if settings.get(key)}
    with psycopg.connect(**wanted, autocommit=True, cursor_factory=psycopg.ClientCursor) as other:
        yield other


def _outcome(call: Callable[[], Any], barrier: threading.Barrier, *, stay: bool = False) -> Any:
    try:
        barrier.wait(10)
        return call()
    except ApprovalsError as refusal:
        return refusal
    finally:
        if not stay:
            connection.close()


def _until_somebody_waits() -> None:
    question = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with second_look() as other:
        for _ in range(500):
            if other.execute(question).fetchone() != (0,):
                return
            time.sleep(0.01)
    raise AssertionError("the call did not wait for the other transaction")
