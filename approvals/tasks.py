"""Celery's tasks, one for each wake-up: each takes an id and calls one function.

A task that never runs loses nothing: the worker's loop and its periodic tasks do the same later.
"""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from approvals import bulk
from approvals.delivery import lanes
from approvals.polling import checking
from approvals.reconciliation import execution_history
from approvals.records import wake_ups


@shared_task(name=wake_ups.DELIVER)
def deliver(entry_id: str) -> None:
    """Make one attempt at an outbox entry, if it is still due."""
    lanes.deliver_by_wake_up(UUID(entry_id))


@shared_task(name=wake_ups.CHECK)
def check_queue(queue_id: str) -> None:
    """Ask AWS how a queue is set up, and store the findings for the admin site."""
    checking.check_and_store(UUID(queue_id))


@shared_task(name=wake_ups.CHECK_UNSAVED)
def check_connection(check_id: str) -> None:
    """Ask AWS about a queue that is not saved yet, and store the findings for the admin site."""
    checking.check_unsaved(UUID(check_id))


@shared_task(name=wake_ups.READ)
def read_execution(order_id: str) -> None:
    """Read an order's execution for its page, unless it was read a moment ago."""
    execution_history.read(UUID(order_id))


@shared_task(name=wake_ups.BULK)
def run_bulk_job(job_id: str) -> None:
    """Work on a bulk decision, unless another process does."""
    bulk.run(UUID(job_id))
