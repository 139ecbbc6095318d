"""Several hands for one lane: a call that AWS leaves hanging holds up one of them, never the rest."""

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

HANDS = 8
LONGEST_NAP = 1.0  # seconds: how soon a row is seen that nobody hinted at


class Crew:
    """Sends what is due of a lane, `turn` after `turn`; each hand has its own database connection."""

    def __init__(self, lane: str, stop: threading.Event, *, hands: int = HANDS) -> None:
        self._lane, self._stop, self._hands = lane, stop, hands
        self._pool = ThreadPoolExecutor(hands, thread_name_prefix=f"{lane}-hand")
        self._under_way: set[UUID] = set()
        self._resting: dict[UUID, float] = {}  # what could not be begun, so that it does not spin
        self._lock, self._free = threading.Lock(), threading.Event()

    def turn(self) -> int:
        """Begin what is due, as far as hands are free, then nap; returns how many were begun.

        Raises what DATABASE_AWAY names.
        """
        self._free.clear()
        busy, resting = self._occupied()
        room = self._hands - len(busy)
        passed_over = busy | resting
        limit = 2 * self._hands + len(passed_over)
        due = [pk for pk in lanes.due(self._lane, limit=limit) if pk not in passed_over]
        begun = due[:room]
        for entry_id in begun:
            with self._lock:
                self._under_way.add(entry_id)
            self._pool.submit(self._send, entry_id)
        self._nap(crowded=len(due) > room, begun=bool(begun))
        return len(begun)

    def close(self) -> None:
        """Let the calls under way end, and each hand put its connection down."""
        all_done = threading.Barrier(self._hands)
        for _ in range(self._hands):
            self._pool.submit(_put_down, all_done)
        self._pool.shutdown()

    def _occupied(self) -> tuple[set[UUID], set[UUID]]:
        """What is under way, and what rests for a moment."""
        now = time.monotonic()
        with self._lock:
            self._resting = {pk: until for pk, until in self._resting.items() if until > now}
            return set(self._under_way), set(self._resting)

    def _send(self, entry_id: UUID) -> None:
        attempted = False
        try:
            attempted = lanes.deliver(entry_id)
        except DATABASE_AWAY as error:
            log.warning("sweep.database_away", lane=self._lane, error=str(error)[:300])
            connection.close()
        except Exception as error:  # noqa: BLE001  (logged where it happened, with its traceback)
            log.warning("delivery.skipped", entry=str(entry_id), error=type(error).__name__)
        finally:
            with self._lock:
                self._under_way.discard(entry_id)
                if not attempted:
                    self._resting[entry_id] = time.monotonic() + LONGEST_NAP
            self._free.set()

    def _nap(self, *, crowded: bool, begun: bool) -> None:
        """Until a hand is free where more is due, else until the next entry is, a second at most."""
        if crowded:
            self._free.wait(LONGEST_NAP)
            return
        due_at = outbox.next_due_at(self._lane)
        left = LONGEST_NAP if due_at is None else (due_at - database_time.now()).total_seconds()
        if left <= 0 and not begun:  # due, but under way, resting or held back
            left = LONGEST_NAP
        self._stop.wait(max(0.01, min(LONGEST_NAP, left)))


def _put_down(all_done: threading.Barrier) -> None:
    """Waits for the others, so that each hand does this once: a connection belongs to its thread."""
    all_done.wait()
    connection.close()
