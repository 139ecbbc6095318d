"""The version of a queue's settings, by which a change based on older settings is refused."""

from __future__ import annotations

from uuid import UUID

from approvals.models import AuditEvent
from approvals.records import audit
from approvals.records.audit_kinds import AuditKind

# The events that change settings: a check that was asked for, for example, changes none.
SETTINGS_EVENTS = (AuditKind.QUEUE_CREATED, AuditKind.QUEUE_CHANGED)


def version(queue_id: UUID) -> int:
    """The number of the audit event that last changed the settings of a queue; 0 if there is none."""
    events = AuditEvent.objects.filter(
        chain=audit.chain_of("queue", queue_id), kind__in=SETTINGS_EVENTS
    )
    return events.order_by("-seq").values_list("seq", flat=True).first() or 0
