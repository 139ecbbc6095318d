"""The loop that needs no broker: it delivers what is due, whether or not a hint ever came.

Any number may run: leases keep them apart. Each lane has a thread of its own, so that a slow target
of one never delays another; it sleeps until the lane's next entry is due, one second at most.
"""

from __future__ import annotations

import threading
from datetime import timedelta

import structlog
from django.db import connection

from approvals.delivery import lanes
from approvals.exceptions import DATABASE_AWAY
from approvals.records import clock, outbox

log = structlog.get_logger(__name__)

LONGEST_SLEEP = timedelta(seconds=1)
PAUSE_WITHOUT_DATABASE = 2.0  # seconds


def sweep_once() -> int:
    """Deliver until no lane has anything due; returns how many attempts were made."""
    total = 0
    while made := sum(lanes.drain(lane) for lane in lanes.LANES):
        total += made
    return total


def sweep_forever(stop: threading.Event) -> None:
    """Sweep every lane until `stop` is set; outlives the database's absence."""
    threads = [
        threading.Thread(target=sweep_lane, args=(lane, stop), name=f"sweep-{lane}")
        for lane in lanes.LANES
    ]
    for thread in threads:
        thread.start()
    stop.wait()
    for thread in threads:
        thread.join()


def sweep_lane(lane: str, stop: threading.Event) -> None:
    """Sweep one lane until `stop` is set."""
    try:
        while not stop.is_set():
            try:
                made = lanes.drain(lane, stop=stop.is_set)
                stop.wait(_nap(lane, idle=made == 0).total_seconds())
            except DATABASE_AWAY as error:
                log.warning("sweep.database_away", lane=lane, error=str(error)[:300])
                connection.close()
                stop.wait(PAUSE_WITHOUT_DATABASE)
            except Exception:  # a lane that nobody sweeps any more would be a silent loss
                log.exception("sweep.failed", lane=lane)
                stop.wait(PAUSE_WITHOUT_DATABASE)
    finally:
        connection.close()


def _nap(lane: str, *, idle: bool) -> timedelta:
    """Until the next entry is due; what is due but could not even be leased must not spin."""
    due = outbox.next_due_at(lane)
    left = LONGEST_SLEEP if due is None else due - clock.now()
    if idle and left <= timedelta(0):
        return LONGEST_SLEEP
    return max(timedelta(0), min(LONGEST_SLEEP, left))
