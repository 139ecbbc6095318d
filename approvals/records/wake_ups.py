"""Wake-ups: Celery messages that ask a worker to look at a row. A lost one costs seconds, no data.

They are sent by one thread of each process, so that no request waits for the broker, and a process has one
client of it. What a killed process has not sent yet, the worker's loop finds by itself.
"""

from __future__ import annotations

from functools import partial
from uuid import UUID

import structlog
from celery import current_app
from django.db import transaction

from approvals.background_sender import BackgroundSender

log = structlog.get_logger(__name__)

DELIVER = "approvals.deliver"
CHECK = "approvals.check_queue"
CHECK_UNSAVED = "approvals.check_connection"
READ = "approvals.read_execution"
BULK = "approvals.run_bulk_job"

MOST_WAITING = 1_000  # wake-ups; more are lost while the broker does not answer
AT_EXIT = 2.0  # seconds that a process gives to what waits when it ends

WakeUp = tuple[str, str, dict[str, str]]


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
    current_app.send_task(name, args=[row], retry=False, ignore_result=True)


def _log_lost(wake_up: WakeUp, error: str) -> None:
    """Without the broker the worker's loop delivers."""
    name, row, about = wake_up
    log.warning("hint.lost", task=name, row=row, error=error, **about)


_sender = BackgroundSender("wake-ups", _send, _log_lost, most_waiting=MOST_WAITING, at_exit=AT_EXIT)
