"""The lanes and the modules that send them: delivers one entry by its id, or all that is due of a lane."""

from __future__ import annotations

from collections.abc import Callable
from threading import BoundedSemaphore
from typing import Protocol
from uuid import UUID

import structlog
from django.conf import settings

from approvals.delivery import batch_executions, callbacks, executions, start_pacing
from approvals.exceptions import DATABASE_AWAY
from approvals.models import OutboxEntry
from approvals.records import callback_leases, circuit_breakers, outbox

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


# Half of a Celery worker's threads may start executions: AWS may leave a start without an answer.
_starts = BoundedSemaphore(settings.CELERY_WORKER_CONCURRENCY // 2)


def deliver(entry_id: UUID, *, lane: str | None = None) -> bool:
    """Make one attempt at an entry; False if it is not due or another sender has it.

    `lane` saves a statement if the caller knows it.
    An unforeseen failure is logged with its review or order and raised; the entry keeps its lease
    until that runs out, and an attempt without an end means that its outcome is unknown.
    """
    lease = _lease(entry_id, lane)
    return lease is not None and _send(entry_id, lease)


def deliver_by_wake_up(entry_id: UUID) -> bool:
    """As `deliver`, but a start is left to the worker's loop while others take half of the Celery threads.

    So no decision waits for starts that AWS does not answer.
    """
    if lease := callback_leases.take(entry_id):
        return _send(entry_id, lease)
    if not _starts.acquire(blocking=False):
        circuit_breakers.hold_back(entry_id)  # if it is a decision that was not to be taken
        return False
    try:
        return deliver(entry_id, lane=OutboxEntry.Lane.EXECUTIONS)
    finally:
        _starts.release()


def _send(entry_id: UUID, lease: outbox.Lease) -> bool:
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


def _lease(entry_id: UUID, lane: str | None) -> outbox.Lease | None:
    """The lease of an entry that is due, and that neither a circuit breaker nor a quota holds back.

    The detail of one that a breaker holds back becomes `breaker_open`.
    """
    if lane in {None, OutboxEntry.Lane.CALLBACKS} and (taken := callback_leases.take(entry_id)):
        return taken
    kind = OutboxEntry.objects.filter(pk=entry_id).values_list("kind", flat=True).first()
    if kind is None:
        return None
    if kind == OutboxEntry.Kind.CALLBACK:
        circuit_breakers.hold_back(entry_id)
        return None
    return outbox.lease(entry_id) if start_pacing.admits(kind) else None


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
            made += deliver(entry_id, lane=name)
        except DATABASE_AWAY:
            raise
        except Exception as error:  # noqa: BLE001  (logged where it happened, with its traceback)
            log.warning("delivery.skipped", entry=str(entry_id), error=type(error).__name__)
    return made
