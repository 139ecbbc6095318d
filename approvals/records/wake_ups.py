"""Wake-ups: Celery messages that ask a worker to look at a row. A lost one costs seconds, no data."""

from __future__ import annotations

from functools import partial
from uuid import UUID

import structlog
from celery import current_app
from django.db import transaction

log = structlog.get_logger(__name__)

DELIVER = "approvals.deliver"
CHECK = "approvals.check_queue"
READ = "approvals.read_execution"


def after_commit(name: str, row: UUID, **about: str) -> None:
    """After the running transaction has committed, send the Celery task `name` with the id `row`.

    It raises nothing, and delays the request by one attempt of at most a second. `about` names the
    review or the order in the log, and is not sent.
    """
    transaction.on_commit(partial(_send, name, str(row), about), robust=True)


def _send(name: str, row: str, about: dict[str, str]) -> None:
    try:
        current_app.send_task(name, args=[row], retry=False, ignore_result=True)
    except Exception as error:  # noqa: BLE001  (without the broker the worker's loop delivers)
        log.warning("hint.lost", task=name, row=row, error=type(error).__name__, **about)
