"""Wake-ups: Celery messages that ask a worker to look at a row. A lost one costs seconds, no data.

They are sent by one thread of each process, so that no request waits for the broker, and a process has one
client of it. What a killed process has not sent yet, the worker's loop finds by itself.
"""

from __future__ import annotations

import atexit
import os
import queue
import threading
import time
from functools import partial
from uuid import UUID

import structlog
from celery import current_app
from django.db import transaction

log = structlog.get_logger(__name__)

DELIVER = "approvals.deliver"
CHECK = "approvals.check_queue"
CHECK_UNSAVED = "approvals.check_connection"
READ = "approvals.read_execution"
BULK = "approvals.run_bulk_job"

MOST_WAITING = 1_000  # wake-ups; more are lost while the broker does not answer
AT_EXIT = 2.0  # seconds that a process gives to what waits when it ends

WakeUp = tuple[str, str, dict[str, str]]


class Sender:
    """A queue of wake-ups and the thread that sends them, which is started with the first one."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[WakeUp] = queue.Queue(MOST_WAITING)
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def put(self, wake_up: WakeUp) -> None:
        """Let the thread send this one; raises nothing."""
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="wake-ups", daemon=True)
                self._thread.start()
        try:
            self._waiting.put_nowait(wake_up)
        except queue.Full:
            _log_lost(wake_up, "Full")

    def flush(self, seconds: float) -> bool:
        """Wait until all that was put is sent or lost; False if that takes longer than so many seconds."""
        until = time.monotonic() + seconds
        waiting = self._waiting
        with waiting.all_tasks_done:
            while waiting.unfinished_tasks:
                left = until - time.monotonic()
                if left <= 0:
                    return False
                waiting.all_tasks_done.wait(left)
        return True

    def _run(self) -> None:
        while True:
            wake_up = self._waiting.get()
            try:
                _send(wake_up)
            finally:
                self._waiting.task_done()


_sender = Sender()


def after_commit(name: str, row: UUID, **about: str) -> None:
    """After the running transaction has committed, have the Celery task `name` sent with the id `row`.

    It raises nothing, and delays the caller by nothing. `about` names the review or the order in the
    log, and is not sent.
    """
    transaction.on_commit(partial(_put, (name, str(row), about)), robust=True)


def flush(seconds: float) -> bool:
    """Wait until this process has sent its wake-ups; False if that takes longer than so many seconds."""
    return _sender.flush(seconds)


def _put(wake_up: WakeUp) -> None:
    _sender.put(wake_up)


def _send(wake_up: WakeUp) -> None:
    name, row, _ = wake_up
    try:
        current_app.send_task(name, args=[row], retry=False, ignore_result=True)
    except Exception as error:  # noqa: BLE001  (without the broker the worker's loop delivers)
        _log_lost(wake_up, type(error).__name__)


def _log_lost(wake_up: WakeUp, error: str) -> None:
    name, row, about = wake_up
    log.warning("hint.lost", task=name, row=row, error=error, **about)


def _begin_anew() -> None:
    """Forget the queue and the thread of the parent: a forked process has no threads but its own."""
    global _sender  # noqa: PLW0603  (one for each process)
    _sender = Sender()


os.register_at_fork(after_in_child=_begin_anew)
atexit.register(flush, AT_EXIT)
