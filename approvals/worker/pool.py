"""The threads of one lane: a call that AWS leaves without an answer holds up one thread, never the rest."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import structlog
from django.db import connection

from approvals.delivery import lanes
from approvals.exceptions import DATABASE_AWAY
from approvals.records import database_time, outbox

log = structlog.get_logger(__name__)

THREADS = 8
LONGEST_WAIT = 1.0  # seconds: how soon an entry is seen whose wake-up was lost


class Pool:
    """Sends what is due of a lane, `turn` after `turn`; each thread has its own database connection."""

    def __init__(self, lane: str, stop: threading.Event, *, threads: int = THREADS) -> None:
        self._lane, self._stop, self._threads = lane, stop, threads
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=f"{lane}-thread")
        self._under_way: set[UUID] = set()
        self._postponed: dict[UUID, float] = {}  # no attempt was possible: not asked again at once
        self._lock, self._free = threading.Lock(), threading.Event()

    def turn(self) -> int:
        """Begin what is due, as far as threads are free, then wait; returns how many were begun.

        Raises what DATABASE_AWAY names.
        """
        self._free.clear()
        busy, postponed = self._occupied()
        free = self._threads - len(busy)
        passed_over = busy | postponed
        limit = 2 * self._threads + len(passed_over)
        due = [pk for pk in lanes.due(self._lane, limit=limit) if pk not in passed_over]
        begun = due[:free]
        for entry_id in begun:
            with self._lock:
                self._under_way.add(entry_id)
            self._executor.submit(self._send, entry_id)
        self._wait(crowded=len(due) > free, begun=bool(begun))
        return len(begun)

    def close(self) -> None:
        """Let the calls under way end, and have each thread close its connection."""
        all_done = threading.Barrier(self._threads)
        for _ in range(self._threads):
            self._executor.submit(_close_connection, all_done)
        self._executor.shutdown()

    def _occupied(self) -> tuple[set[UUID], set[UUID]]:
        """The entries under way, and those that are postponed for a moment."""
        now = time.monotonic()
        with self._lock:
            self._postponed = {pk: until for pk, until in self._postponed.items() if until > now}
            return set(self._under_way), set(self._postponed)

    def _send(self, entry_id: UUID) -> None:
        attempted = False
        try:
            attempted = lanes.deliver(entry_id, lane=self._lane)
        except DATABASE_AWAY as error:
            log.warning("sweep.database_away", lane=self._lane, error=str(error)[:300])
            connection.close()
        except Exception as error:  # noqa: BLE001  (logged where it happened, with its traceback)
            log.warning("delivery.skipped", entry=str(entry_id), error=type(error).__name__)
        finally:
            with self._lock:
                self._under_way.discard(entry_id)
                if not attempted:
                    self._postponed[entry_id] = time.monotonic() + LONGEST_WAIT
            self._free.set()

    def _wait(self, *, crowded: bool, begun: bool) -> None:
        """Wait until a thread is free if more is due, else until the next entry is; a second at most."""
        if crowded:
            self._free.wait(LONGEST_WAIT)
            return
        due_at = outbox.next_due_at(self._lane)
        left = LONGEST_WAIT if due_at is None else (due_at - database_time.now()).total_seconds()
        if left <= 0 and not begun:  # due, but under way, postponed or held back
            left = LONGEST_WAIT
        self._stop.wait(max(0.01, min(LONGEST_WAIT, left)))


def _close_connection(all_done: threading.Barrier) -> None:
    """Waits for the others, so that each thread does this once: a connection belongs to its thread."""
    all_done.wait()
    connection.close()
