"""Which lane is sent by whom, and the two ways in: one entry by a hint, or all that is due."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import structlog

from approvals.delivery import callbacks, executions
from approvals.models import OutboxEntry
from approvals.records import outbox

log = structlog.get_logger(__name__)

SENDERS: dict[str, Callable[[outbox.Lease], None]] = {
    OutboxEntry.Lane.CALLBACKS: callbacks.send,
    OutboxEntry.Lane.EXECUTIONS: executions.send,
}


def deliver(entry_id: UUID) -> bool:
    """Make one attempt at an entry; False where it is not due or another sender has it."""
    lease = outbox.lease(entry_id)
    if lease is None:
        return False
    SENDERS[lease.entry.lane](lease)
    return True


def drain(lane: str, *, limit: int = 100, stop: Callable[[], bool] = lambda: False) -> int:
    """One attempt at each entry of a lane that is due, up to `limit`; returns how many were made.

    `stop` is asked before each: a silent AWS takes its timeouts' time for every one of them.

    A row that fails in an unforeseen way keeps its lease until that runs out, and never delays the
    others.
    """
    made = 0
    for entry_id in outbox.due(lane, limit=limit):
        if stop():
            break
        try:
            made += deliver(entry_id)
        except Exception:
            log.exception("delivery.failed", lane=lane, entry=str(entry_id))
    return made
