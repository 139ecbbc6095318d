"""The loop that needs no broker: it delivers what is due, whether or not a wake-up ever came.

Any number may run: leases keep them apart. Each lane has a thread pool of its own, so that a slow
target of one never delays another; it sleeps until the lane's next entry is due, one second at most.
Further threads run the periodic tasks and send heartbeats for the queues whose workflows ask for them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog
from django.db import connection

from approvals.delivery import lanes
from approvals.exceptions import DATABASE_AWAY
from approvals.worker import periodic
from approvals.worker.heartbeats import HeartbeatSender
from approvals.worker.pool import Pool

log = structlog.get_logger(__name__)

PAUSE_WITHOUT_DATABASE = 2.0  # seconds


def sweep_once() -> int:
    """Run each periodic task once, then deliver until no lane has anything due; returns how many attempts."""
    for task, _ in periodic.TASKS.values():
        task()
    total = 0
    while made := sum(lanes.drain(lane) for lane in lanes.LANES):
        total += made
    return total


def sweep_forever(stop: threading.Event) -> None:
    """Sweep every lane and keep tokens alive until `stop` is set; outlives the database's absence."""
    threads = [
        threading.Thread(target=sweep_lane, args=(lane, stop), name=f"sweep-{lane}")
        for lane in lanes.LANES
    ]
    threads += [
        threading.Thread(target=run_periodically, args=(name, stop), name=f"sweep-{name}")
        for name in periodic.TASKS
    ]
    threads.append(threading.Thread(target=send_heartbeats, args=(stop,), name="sweep-heartbeats"))
    for thread in threads:
        thread.start()
    stop.wait()
    for thread in threads:
        thread.join()


def sweep_lane(lane: str, stop: threading.Event) -> None:
    """Sweep one lane until `stop` is set."""

    pool = Pool(lane, stop)
    try:
        _again_and_again(pool.turn, stop, lane)
    finally:
        pool.close()
        connection.close()


def run_periodically(name: str, stop: threading.Event) -> None:
    """Run one periodic task at its interval, until `stop` is set."""
    task, pause = periodic.TASKS[name]

    def turn() -> None:
        task()
        stop.wait(pause.total_seconds())

    try:
        _again_and_again(turn, stop, name)
    finally:
        connection.close()


def send_heartbeats(stop: threading.Event) -> None:
    """Keep every open token alive whose queue asks for heartbeats, until `stop` is set."""
    sender = HeartbeatSender()
    try:
        _again_and_again(sender.turn, stop, "heartbeats")
    finally:
        try:
            sender.close()
        except DATABASE_AWAY as error:  # what was not recorded gets one more heartbeat elsewhere
            log.warning("sweep.database_away", lane="heartbeats", error=str(error)[:300])
        connection.close()


def _again_and_again(turn: Callable[[], object], stop: threading.Event, lane: str) -> None:
    while not stop.is_set():
        try:
            turn()
        except DATABASE_AWAY as error:
            log.warning("sweep.database_away", lane=lane, error=str(error)[:300])
            connection.close()
            stop.wait(PAUSE_WITHOUT_DATABASE)
        except Exception:  # a thread that ended would stop its lane silently
            log.exception("sweep.failed", lane=lane)
            stop.wait(PAUSE_WITHOUT_DATABASE)
