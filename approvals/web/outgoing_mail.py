"""Sends mails from a thread of the process, so that no request waits for the mail server.

A server that is silent would hold the threads of requests, and one that answers would show by the time of
the response whether an address has an account.
"""

from __future__ import annotations

import atexit
import os
import queue
import threading
import time

import structlog
from django.core.mail import EmailMessage

log = structlog.get_logger(__name__)

MOST_WAITING = (
    100  # mails; more are lost while the server does not answer: whoever asked asks again
)
AT_EXIT = 5.0  # seconds that a process gives to what waits when it ends


class Sender:
    """A queue of mails and the thread that sends them, which is started with the first one."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[EmailMessage] = queue.Queue(MOST_WAITING)
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def put(self, message: EmailMessage) -> None:
        """Let the thread send this one; raises nothing."""
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="mails", daemon=True)
                self._thread.start()
        try:
            self._waiting.put_nowait(message)
        except queue.Full:
            log.warning("mail.lost", error="Full")

    def flush(self, seconds: float) -> bool:
        """Wait until all that was put is sent or lost; False if that takes longer than so many seconds."""
        until = time.monotonic() + seconds
        with self._waiting.all_tasks_done:
            while self._waiting.unfinished_tasks:
                left = until - time.monotonic()
                if left <= 0:
                    return False
                self._waiting.all_tasks_done.wait(left)
        return True

    def _run(self) -> None:
        while True:
            message = self._waiting.get()
            try:
                message.send()
            except Exception as error:  # noqa: BLE001  (whoever asked for it asks again)
                log.warning("mail.lost", error=type(error).__name__)
            finally:
                self._waiting.task_done()


_sender = Sender()


def send(message: EmailMessage) -> None:
    """Have a mail sent soon; raises nothing, and waits for nothing."""
    _sender.put(message)


def flush(seconds: float) -> bool:
    """Wait until this process has sent its mails; False if that takes longer than so many seconds."""
    return _sender.flush(seconds)


def _begin_anew() -> None:
    """Forget the queue and the thread of the parent: a forked process has no threads but its own."""
    global _sender  # noqa: PLW0603  (one for each process)
    _sender = Sender()


os.register_at_fork(after_in_child=_begin_anew)
atexit.register(flush, AT_EXIT)
