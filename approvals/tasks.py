"""Celery's tasks: each takes an id and calls one function. A task that never runs loses nothing."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from approvals.delivery import lanes
from approvals.polling import checking
from approvals.reconciliation import execution_history
from approvals.records import wake_ups


@shared_task(name=wake_ups.DELIVER)
def deliver(entry_id: str) -> None:
    """Make one attempt at an outbox entry, where it is still due."""
    lanes.deliver(UUID(entry_id))


@shared_task(name=wake_ups.CHECK)
def check_queue(queue_id: str) -> None:
    """Ask AWS how a queue is set up, and keep what it says for the admin site."""
    checking.check_and_store(UUID(queue_id))


@shared_task(name=wake_ups.READ)
def read_execution(order_id: str) -> None:
    """Read an order's execution for its page, where it is not fresh."""
    execution_history.read(UUID(order_id))
