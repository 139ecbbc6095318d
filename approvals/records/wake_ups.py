"""Hints: `go and look at this row`. The only send_task; a hint that is lost costs seconds."""

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
    """Once the running transaction has committed, ask a worker to run task `name` on `row`.

    It never fails and never delays the request: one attempt, one second, no retry. `about` names
    the review or the order for the log, and does not travel.
    """
    transaction.on_commit(partial(_send, name, str(row), about), robust=True)


def _send(name: str, row: str, about: dict[str, str]) -> None:
    try:
        current_app.send_task(name, args=[row], retry=False, ignore_result=True)
    except Exception as error:  # noqa: BLE001  (whatever the broker does, the sweeper delivers)
        log.warning("hint.lost", task=name, row=row, error=type(error).__name__, **about)
