"""Which lane is sent by whom, and the two ways in: one entry by a hint, or all that is due."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol
from uuid import UUID

import structlog

from approvals.delivery import batch_executions, callbacks, executions, pacing
from approvals.exceptions import DATABASE_AWAY
from approvals.models import OutboxEntry
from approvals.records import circuit_breakers, outbox

log = structlog.get_logger(__name__)


class Lane(Protocol):
    """What a lane's module offers: who a lease is about, for the log, and the one call it makes."""

    def about(self, lease: outbox.Lease) -> dict[str, str]:
        """The review or the order of this lease, as every line of the log names it."""

    def send(self, lease: outbox.Lease) -> None:
        """Make the one call and write down what it proved."""


LANES: dict[str, Lane] = {
    OutboxEntry.Lane.CALLBACKS: callbacks,
    OutboxEntry.Lane.EXECUTIONS: executions,
}
OF_THEIR_OWN: dict[str, Lane] = {OutboxEntry.Kind.START_BATCH: batch_executions}


def deliver(entry_id: UUID) -> bool:
    """Make one attempt at an entry; False where it is not due or another sender has it.

    An unforeseen failure is logged with its review or order and raised; the entry keeps its lease
    until that runs out, and the attempt without an end says that its outcome is unknown.
    """
    if not _admitted(entry_id) or not pacing.admits(entry_id):
        return False
    lease = outbox.lease(entry_id)
    if lease is None:
        return False
    lane = OF_THEIR_OWN.get(lease.entry.kind) or LANES[lease.entry.lane]
    about: dict[str, str] = {}
    try:
        about = lane.about(lease)
        with structlog.contextvars.bound_contextvars(**about):
            lane.send(lease)
    except Exception:
        log.exception("delivery.failed", entry=str(entry_id), attempt=lease.number, **about)
        raise
    return True


def _admitted(entry_id: UUID) -> bool:
    """Whether the breaker of its queue lets an entry go; what is held back says so."""
    queue = OutboxEntry.objects.filter(pk=entry_id).values_list("queue", flat=True).first()
    if queue is None or circuit_breakers.admits(queue):
        return True
    outbox.hold_back(entry_id)
    return False


def due(name: str, *, limit: int) -> list[UUID]:
    """The entries of a lane that may be sent now and that no breaker holds back."""
    return outbox.due(name, limit=limit, but=circuit_breakers.held_back())


def drain(name: str, *, limit: int = 100, stop: Callable[[], bool] = lambda: False) -> int:
    """One attempt at each entry of a lane that is due, up to `limit`; returns how many were made.

    `stop` is asked before each: a silent AWS takes its timeouts' time for every one of them. One
    entry's failure never delays the others; raises what DATABASE_AWAY names, which is no entry's.
    """
    made = 0
    for entry_id in due(name, limit=limit):
        if stop():
            break
        try:
            made += deliver(entry_id)
        except DATABASE_AWAY:
            raise
        except Exception as error:  # noqa: BLE001  (logged where it happened, with its traceback)
            log.warning("delivery.skipped", entry=str(entry_id), error=type(error).__name__)
    return made
