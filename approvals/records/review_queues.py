"""Review queues as verbs need them: locked by slug, and the version of their settings."""

from __future__ import annotations

from uuid import UUID

from approvals.actors import Actor
from approvals.exceptions import NotFound
from approvals.models import AuditEvent, ReviewQueue
from approvals.records import audit, locked_rows
from approvals.records.audit_kinds import AuditKind
from approvals.records.locked_rows import LockedRow

# The events that change settings: a check that was asked for, for example, changes none.
SETTINGS_EVENTS = (AuditKind.QUEUE_CREATED, AuditKind.QUEUE_CHANGED)


def locked(slug: str | None, *, by: Actor) -> LockedRow[ReviewQueue]:
    """The queue with this slug, locked. Raises NotFound, as for None, which is no queue's."""
    queue = ReviewQueue.objects.select_for_update(of=("self",)).filter(slug=slug).first()
    if queue is None:
        raise NotFound(f"No queue {slug!r}: register_queue makes one.")
    return locked_rows.row_with_facts(queue, by=by)


def settings_version(queue_id: UUID) -> int:
    """The number of the audit event that last changed a queue's settings; 0 if there is none.

    A change that is based on an older version is refused.
    """
    events = AuditEvent.objects.filter(
        chain=audit.chain_of("queue", queue_id), kind__in=SETTINGS_EVENTS
    )
    return events.order_by("-seq").values_list("seq", flat=True).first() or 0
