"""Live hints: NOTIFY of PostgreSQL that tells open pages of the desk to look again. A lost one costs seconds.

A hint names a queue and nothing else; a page asks through its own, permission-checked views. Hints are sent
after the commit by one thread of each process, which puts those of a tenth of a second together: NOTIFY
inside a transaction would make commits wait for each other
(https://www.postgresql.org/docs/current/sql-notify.html).
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from functools import partial
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction

log = structlog.get_logger(__name__)

TOGETHER = 0.1  # seconds in which hints are collected
IDLE = 30.0  # seconds after which the thread gives its connection back
_NOTIFY = "SELECT pg_notify(%s, queue) FROM unnest(%s::text[]) AS queue"


class Sender:
    """The queues to be named, and the thread that names them, which is started with the first one."""

    def __init__(self) -> None:
        self._waiting: set[str] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def put(self, queues: Iterable[UUID]) -> None:
        """Let the thread name these queues soon."""
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="live-hints", daemon=True)
                self._thread.start()
            self._waiting.update(str(queue) for queue in queues)
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._changed.wait_for(lambda: bool(self._waiting), IDLE):
                    connection.close()
                    continue
            time.sleep(TOGETHER)
            with self._changed:
                named, self._waiting = sorted(self._waiting), set()
            _send(named)


_sender = Sender()


def after_commit(*queues: UUID) -> None:
    """After the running transaction has committed, tell open pages that reviews of these queues changed."""
    if settings.LIVE_HINTS:
        transaction.on_commit(partial(_put, queues), robust=True)


def _put(queues: Iterable[UUID]) -> None:
    _sender.put(queues)


def _send(queues: list[str]) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute(_NOTIFY, [settings.LIVE_CHANNEL, queues])
    except (DatabaseError, InterfaceError) as error:
        log.warning("live_hints.lost", error=type(error).__name__, queues=len(queues))
        connection.close()


def _begin_anew() -> None:
    """Forget the thread of the parent: a forked process has no threads but its own."""
    global _sender  # noqa: PLW0603  (one for each process)
    _sender = Sender()


os.register_at_fork(after_in_child=_begin_anew)
