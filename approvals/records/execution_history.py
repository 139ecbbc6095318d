"""Cached execution histories for pages: which is requested, being read, or complete.

Reconciliation reads them from AWS. A page shows the stored one, and sends a wake-up for a newer one.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import Q
from django.db.models.functions import Now

from approvals.models import ExecutionHistory, OrderExecution

FRESH = timedelta(seconds=5)
WHILE_READING = timedelta(seconds=30)  # no other worker reads meanwhile, nor after a crash
AFTER_PROBLEM = timedelta(seconds=30)
OUR_OWN_LIMIT = "OurOwnLimit"  # the problem that ends by itself, as soon as others have been read
GONE = "ExecutionDoesNotExist"
ENDS = {"ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"}


def of(order: OrderExecution) -> ExecutionHistory | None:
    """The stored history of an order's execution, without the definition; None if it was never wanted."""
    rows = ExecutionHistory.objects.select_related("workflow").defer("workflow__definition")
    return rows.filter(pk=order.execution_arn).first() if order.execution_arn else None


def is_wanted(order: OrderExecution, history: ExecutionHistory | None, now: datetime) -> bool:
    """Whether the history should be read now: it may hold something newer, and nobody is reading it."""
    if not order.execution_arn:
        return False
    if history is None:
        return True
    if history.trouble == GONE or _is_taken(history, now):
        return False
    if history.read_at is None:
        return True
    if history.read_at > now - FRESH:
        return False
    return order.status in OrderExecution.UNDER_WAY or not is_complete(order, history)


def is_complete(order: OrderExecution, history: ExecutionHistory) -> bool:
    """Whether the history contains the end of the order's execution."""
    if not history.events or history.events[-1]["kind"] not in ENDS or history.read_at is None:
        return False
    return order.ended_at is None or history.read_at > order.ended_at


def request(order: OrderExecution) -> None:
    """Request that the execution is read, however fresh its history is: after a wake-up or periodically."""
    arn = order.execution_arn
    ExecutionHistory.objects.bulk_create(
        [ExecutionHistory(execution_arn=arn)], ignore_conflicts=True
    )
    ExecutionHistory.objects.filter(pk=arn).update(asked_at=Now())


def requested(*, limit: int, but: Collection[str] = ()) -> list[str]:
    """The ARNs of executions whose history was requested and not read since, oldest request first."""
    rows = ExecutionHistory.objects.filter(_FREE, asked_at__isnull=False).exclude(pk__in=list(but))
    return list(rows.order_by("asked_at").values_list("pk", flat=True)[:limit])


_FREE = Q(taken_until=None) | Q(taken_until__lte=Now())


def take(arn: str) -> ExecutionHistory | None:
    """Take the turn to read an execution's history; None if it is fresh or another worker reads it."""
    ExecutionHistory.objects.bulk_create(
        [ExecutionHistory(execution_arn=arn)], ignore_conflicts=True
    )
    worth_it = Q(read_at=None) | Q(read_at__lte=Now() - FRESH) | Q(asked_at__isnull=False)
    mine = ExecutionHistory.objects.filter(_FREE, worth_it, pk=arn)
    if not mine.update(taken_until=Now() + WHILE_READING):
        return None
    return ExecutionHistory.objects.select_related("workflow").get(pk=arn)


def store(history: ExecutionHistory) -> None:
    """Store a history that was read; it also answers requests made meanwhile."""
    history.trouble = ""
    history.save(
        update_fields=["status", "redrives", "workflow", "events", "cut", "status_row", "trouble"]
    )
    ExecutionHistory.objects.filter(pk=history.pk).update(
        read_at=Now(), taken_until=None, asked_at=None
    )


def store_problem(history: ExecutionHistory, code: str) -> None:
    """Store the code of the error that prevented reading; the last history stays, with a pause.

    The workflow is stored too, if it was read before the error: a page shows its graph meanwhile. The
    pause is 30 s, and 5 s after our own rate limit.
    """
    pause = FRESH if code == OUR_OWN_LIMIT else AFTER_PROBLEM
    read = {"workflow": history.workflow} if history.workflow_id else {}
    ExecutionHistory.objects.filter(pk=history.pk).update(
        trouble=code[:100], taken_until=Now() + pause, asked_at=None, **read
    )


def _is_taken(history: ExecutionHistory, now: datetime) -> bool:
    return history.taken_until is not None and history.taken_until > now
