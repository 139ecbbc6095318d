"""Rows that a periodic task cannot work on: they pause ever longer, and never stop the rows after them.

A process remembers a bounded number of them. A restart forgets them all, which costs one more try of each.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple, TypeVar

import structlog

from approvals.exceptions import DATABASE_AWAY

log = structlog.get_logger(__name__)

Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")

MOST_REMEMBERED = 1_000
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 3_600.0  # seconds
# What one row can cause although DATABASE_AWAY has its class: it is locked, its statement takes too long, or a
# trigger refuses it (https://www.postgresql.org/docs/current/errcodes-appendix.html).
OF_ONE_ROW = {"55P03", "40P01", "40001", "57014", "P0001"}


class Failure(NamedTuple):
    """How often in a row the work on a row has failed, and until when it pauses (monotonic seconds)."""

    times: int
    until: float


class FailingRows:
    """The rows that have failed last, by task and key; at most MOST_REMEMBERED."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: OrderedDict[tuple[str, Hashable], Failure] = OrderedDict()

    def attempt(self, task: str, key: Key, work: Callable[[Key], Result]) -> Result | None:
        """Work on one row of a task; returns what `work` does, or None if it failed or the row pauses.

        The failure is logged and remembered. `work` has its own transaction, or none. Raises the errors
        of DATABASE_AWAY that no row causes, and no other.
        """
        if self._is_paused(task, key):
            return None
        try:
            result = work(key)
        except Exception as error:
            if isinstance(error, DATABASE_AWAY) and not is_of_one_row(error):
                raise
            failure = self._remember(task, key)
            log.exception("periodic.row_failed", task=task, row=str(key), times=failure.times)
            return None
        with self._lock:
            self._failures.pop((task, key), None)
        return result

    def paused(self, task: str) -> list[Any]:
        """The keys of a task's rows that pause, for a query to leave out: else they would fill its limit."""
        now = time.monotonic()
        with self._lock:
            found = list(self._failures.items())
        return [key for (name, key), failure in found if name == task and failure.until > now]

    def __len__(self) -> int:
        return len(self._failures)

    def clear(self) -> None:
        """Forget all failures."""
        with self._lock:
            self._failures.clear()

    def _is_paused(self, task: str, key: Hashable) -> bool:
        with self._lock:
            failure = self._failures.get((task, key))
        return failure is not None and failure.until > time.monotonic()

    def _remember(self, task: str, key: Hashable) -> Failure:
        with self._lock:
            before = self._failures.pop((task, key), Failure(0, 0.0))
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(before.times, 16))
            failure = Failure(before.times + 1, time.monotonic() + pause)
            self._failures[task, key] = failure
            while len(self._failures) > MOST_REMEMBERED:
                self._failures.popitem(last=False)
        return failure


def is_of_one_row(error: Exception) -> bool:
    """Whether one row can cause this error of the database, although DATABASE_AWAY has its class."""
    return getattr(error.__cause__, "sqlstate", None) in OF_ONE_ROW


#: Those of this process.
FAILING = FailingRows()
attempt, paused = FAILING.attempt, FAILING.paused
