"""Celery's tasks: each takes an id and calls one function. A task that never runs loses nothing."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from approvals.delivery import lanes
from approvals.records import hints


@shared_task(name=hints.DELIVER)
def deliver(entry_id: str) -> None:
    """Make one attempt at an outbox entry, where it is still due."""
    lanes.deliver(UUID(entry_id))
