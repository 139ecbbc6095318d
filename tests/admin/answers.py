"""What a page of the admin site says, and what the audit trail has of a user."""

from __future__ import annotations

from typing import Any

from approvals.models import AuditEvent, User
from approvals.records import audit


def messages_of(answer: Any) -> list[str]:
    """The messages on a page."""
    return [str(message) for message in answer.context["messages"]]


def last(user: User) -> tuple[str, str, str, dict[str, object]]:
    """Kind, actor, surface and data of the last event of a user's chain."""
    event = AuditEvent.objects.filter(chain=audit.chain_of("user", user.pk)).last()
    return event.kind, event.actor_name, event.surface, event.data
