"""The cached histories of executions that pages show: requests to read one, its lease, and its content.

Rows only; reconciliation reads the executions. A page never reads one itself: it requests it, sends a
wake-up, and shows what is cached.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q
from django.db.models.functions import Now

from approvals.models import ExecutionHistory, OrderExecution

FRESH = timedelta(seconds=5)
WHILE_READING = timedelta(seconds=30)  # no other worker reads meanwhile; a crash costs this long
AFTER_FAILURE = timedelta(seconds=30)
GONE = "ExecutionDoesNotExist"
ENDS = {"ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"}


def of(order: OrderExecution) -> ExecutionHistory | None:
    """The cached history of an order's execution; None if it was never read."""
    rows = ExecutionHistory.objects.select_related("workflow")
    return rows.filter(pk=order.execution_arn).first() if order.execution_arn else None


def is_wanted(order: OrderExecution, history: ExecutionHistory | None, now: datetime) -> bool:
    """Whether a page would show something newer if the execution were read now."""
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
    return order.status in OrderExecution.UNDER_WAY or not is_whole(order, history)


def is_whole(order: OrderExecution, history: ExecutionHistory) -> bool:
    """Whether the cached history holds the order's end."""
    if not history.events or history.events[-1]["kind"] not in ENDS or history.read_at is None:
        return False
    return order.ended_at is None or history.read_at > order.ended_at


def ask(order: OrderExecution) -> None:
    """Request that an order's execution is read, however fresh its history: by a wake-up or periodically."""
    arn = order.execution_arn
    ExecutionHistory.objects.bulk_create(
        [ExecutionHistory(execution_arn=arn)], ignore_conflicts=True
    )
    ExecutionHistory.objects.filter(pk=arn).update(asked_at=Now())


def asked(*, limit: int) -> list[str]:
    """The executions that were requested and have not been read since, the oldest request first."""
    rows = ExecutionHistory.objects.filter(_FREE, asked_at__isnull=False).order_by("asked_at")
    return list(rows.values_list("pk", flat=True)[:limit])


_FREE = Q(taken_until=None) | Q(taken_until__lte=Now())


def take(arn: str) -> ExecutionHistory | None:
    """The row, with the lease to read its execution now; None if it is fresh or being read."""
    ExecutionHistory.objects.bulk_create(
        [ExecutionHistory(execution_arn=arn)], ignore_conflicts=True
    )
    worth_it = Q(read_at=None) | Q(read_at__lte=Now() - FRESH) | Q(asked_at__isnull=False)
    mine = ExecutionHistory.objects.filter(_FREE, worth_it, pk=arn)
    if not mine.update(taken_until=Now() + WHILE_READING):
        return None
    return ExecutionHistory.objects.select_related("workflow").get(pk=arn)


def keep(history: ExecutionHistory) -> None:
    """Store what was read; it answers the requests made meanwhile, too."""
    history.trouble = ""
    history.save(
        update_fields=["status", "redrives", "workflow", "events", "cut", "status_row", "trouble"]
    )
    ExecutionHistory.objects.filter(pk=history.pk).update(
        read_at=Now(), taken_until=None, asked_at=None
    )


def keep_failure(history: ExecutionHistory, code: str) -> None:
    """Store the error code of a failed read; the content stays, and no worker tries again for a while."""
    ExecutionHistory.objects.filter(pk=history.pk).update(
        trouble=code[:100], taken_until=Now() + AFTER_FAILURE, asked_at=None
    )


def _is_taken(history: ExecutionHistory, now: datetime) -> bool:
    return history.taken_until is not None and history.taken_until > now
