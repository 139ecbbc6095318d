"""Wake-ups: Celery messages that ask a worker to look at a row. A lost one costs seconds, no data.

They are sent by one thread of each process, so that no request waits for the broker, and a process has one
client of it. What a killed process has not sent yet, the worker's loop finds by itself.

SQS takes ten messages in one request, whose signature and round trip cost several times what a message
does. So wake-ups that follow one another within a fiftieth of a second are sent together; one
that comes alone is sent at once.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections import deque
from functools import partial
from uuid import UUID

import structlog
from celery import current_app
from django.conf import settings
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
TOGETHER = 0.02  # seconds after a request to SQS in which wake-ups are collected for the next one
MOST_TOGETHER = 10  # of one request to SQS
STARTS_A_SECOND = 10  # wake-ups for starts that a process sends

WakeUp = tuple[str, str, dict[str, str]]


class Sender(BackgroundSender[WakeUp]):
    """Sends wake-ups over SQS several in a request, and over another broker one after another."""

    _sent = 0.0  # when the last request to SQS ended

    def _send_next(self) -> None:
        if not _is_sqs():
            super()._send_next()
            return
        wake_ups = [self._waiting.get()]
        try:
            time.sleep(max(0.0, self._sent + TOGETHER - time.monotonic()))
            with contextlib.suppress(queue.Empty):
                while len(wake_ups) < MOST_TOGETHER:
                    wake_ups.append(self._waiting.get_nowait())
            _send_together(wake_ups)
            self._sent = time.monotonic()
        finally:
            for _ in wake_ups:
                self._waiting.task_done()


def after_commit(name: str, row: UUID, **about: str) -> None:
    """After the running transaction has committed, have the Celery task `name` sent with the id `row`.

    It raises nothing, and delays the caller by nothing. `about` names the review or the order in the
    log, and is not sent.
    """
    transaction.on_commit(partial(_put, (name, str(row), about)), robust=True)


def start_after_commit(entry: UUID, *, order: str) -> None:
    """As `after_commit` for an entry that starts an execution, but not for more than STARTS_A_SECOND of them.

    The worker's loop finds the others within a second. So no decision waits at the broker behind many orders.
    """
    now = time.monotonic()
    with _starts_lock:
        if len(_starts) == STARTS_A_SECOND and now - _starts[0] < 1.0:
            return
        _starts.append(now)
    after_commit(DELIVER, entry, order=order)


def flush(seconds: float) -> bool:
    """Wait until this process has sent its wake-ups; False if that takes longer than so many seconds."""
    return _sender.flush(seconds)


def _put(wake_up: WakeUp) -> None:
    _sender.put(wake_up)


def _send(wake_up: WakeUp) -> None:
    name, row, _ = wake_up
    current_app.send_task(name, args=[row], retry=False, ignore_result=True)


def _is_sqs() -> bool:
    return str(settings.CELERY_BROKER_URL).startswith("sqs:")


def _send_together(wake_ups: list[WakeUp]) -> None:
    """Send them with one request to SQS."""
    try:
        with current_app.producer_or_acquire() as producer:
            calls = [(name, [row]) for name, row, _ in wake_ups]
            failed = producer.channel.send_calls(calls)  # of config.wake_up_queue
    except Exception as error:  # noqa: BLE001  (without the broker the worker's loop delivers)
        failed = dict.fromkeys(range(len(wake_ups)), type(error).__name__)
    for at, reason in failed.items():
        _log_lost(wake_ups[at], reason)


def _log_lost(wake_up: WakeUp, error: str) -> None:
    """Without the broker the worker's loop delivers."""
    name, row, about = wake_up
    log.warning("hint.lost", task=name, row=row, error=error, **about)


def new_sender() -> Sender:
    """A sender of wake-ups, with a queue and a thread of its own."""
    return Sender("wake-ups", _send, _log_lost, most_waiting=MOST_WAITING, at_exit=AT_EXIT)


_sender = new_sender()
_starts: deque[float] = deque(maxlen=STARTS_A_SECOND)  # when the last ones were sent for
_starts_lock = threading.Lock()
