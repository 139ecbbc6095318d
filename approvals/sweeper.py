"""The loop that needs no broker: it delivers what is due, whether or not a hint ever came.

Any number may run: leases keep them apart. It sleeps until the next row is due, one second at most.
"""

from __future__ import annotations

import threading
from datetime import timedelta

import structlog
from django.db import InterfaceError, OperationalError, connection

from approvals.delivery import lanes
from approvals.records import clock, outbox

log = structlog.get_logger(__name__)

LONGEST_SLEEP = timedelta(seconds=1)
PAUSE_WITHOUT_DATABASE = 2.0  # seconds


def sweep_once() -> int:
    """Deliver until no lane has anything due; returns how many attempts were made."""
    total = 0
    while made := sum(lanes.drain(lane) for lane in lanes.SENDERS):
        total += made
    return total


def sweep_forever(stop: threading.Event) -> None:
    """Sweep until `stop` is set; outlives the database's absence."""
    while not stop.is_set():
        try:
            for lane in lanes.SENDERS:
                lanes.drain(lane, stop=stop.is_set)
            stop.wait(_nap().total_seconds())
        except (OperationalError, InterfaceError) as error:
            log.warning("sweep.database_away", error=str(error)[:300])
            connection.close()
            stop.wait(PAUSE_WITHOUT_DATABASE)
    connection.close()


def _nap() -> timedelta:
    due = outbox.next_due_at(lanes.SENDERS)
    if due is None:
        return LONGEST_SLEEP
    return max(timedelta(0), min(LONGEST_SLEEP, due - clock.now()))
