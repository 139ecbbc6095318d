"""The lanes and the modules that send them: delivers one entry by its id, or all that is due of a lane."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol
from uuid import UUID

import structlog

from approvals.delivery import batch_executions, callbacks, executions, start_pacing
from approvals.exceptions import DATABASE_AWAY
from approvals.models import OutboxEntry
from approvals.records import circuit_breakers, outbox

log = structlog.get_logger(__name__)


class Sender(Protocol):
    """What the module of a lane offers: the fields that name a lease in the log, and its one call."""

    def about(self, lease: outbox.Lease) -> dict[str, str]:
        """The review or the order of a lease, as fields of every log line about it."""

    def send(self, lease: outbox.Lease) -> None:
        """Make the one call and record what it proved."""


LANES: dict[str, Sender] = {
    OutboxEntry.Lane.CALLBACKS: callbacks,
    OutboxEntry.Lane.EXECUTIONS: executions,
}
BY_KIND: dict[str, Sender] = {OutboxEntry.Kind.START_BATCH: batch_executions}


def deliver(entry_id: UUID) -> bool:
    """Make one attempt at an entry; False if it is not due or another sender has it.

    An unforeseen failure is logged with its review or order and raised; the entry keeps its lease
    until that runs out, and an attempt without an end means that its outcome is unknown.
    """
    known = OutboxEntry.objects.filter(pk=entry_id).values_list("kind", "queue").first()
    if known is None:
        return False
    kind, queue = known
    if not _admitted(entry_id, queue) or not start_pacing.admits(kind):
        return False
    lease = outbox.lease(entry_id)
    if lease is None:
        return False
    sender = BY_KIND.get(lease.entry.kind) or LANES[lease.entry.lane]
    about: dict[str, str] = {}
    try:
        about = sender.about(lease)
        with structlog.contextvars.bound_contextvars(**about):
            sender.send(lease)
    except Exception:
        log.exception("delivery.failed", entry=str(entry_id), attempt=lease.number, **about)
        raise
    return True


def _admitted(entry_id: UUID, queue: UUID | None) -> bool:
    """Whether the circuit breaker of its queue lets an entry go; otherwise its detail becomes `breaker_open`."""
    if queue is None or circuit_breakers.admits(queue):
        return True
    outbox.hold_back(entry_id)
    return False


def due(name: str, *, limit: int) -> list[UUID]:
    """The entries of a lane that are due and that no circuit breaker holds back."""
    return outbox.due(name, limit=limit, but=circuit_breakers.held_back())


def drain(name: str, *, limit: int = 100, stop: Callable[[], bool] = lambda: False) -> int:
    """Make one attempt at each due entry of a lane, up to `limit`; returns how many were made.

    `stop` is called before each: if AWS does not answer, every attempt lasts as long as its timeouts.
    The failure of one entry never delays the others. Raises what DATABASE_AWAY names.
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
