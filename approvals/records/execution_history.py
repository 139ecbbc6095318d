"""Readings of executions for pages: who reads one now, who has asked for it, and whether it is worth it.

Rows only; the reading is reconciliation's. A page never reads by itself: it hints, and shows what is there.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q
from django.db.models.functions import Now

from approvals.models import ExecutionHistory, OrderExecution

FRESH = timedelta(seconds=5)
WHILE_READING = timedelta(seconds=30)  # nobody else reads meanwhile; a crash costs this long
AFTER_TROUBLE = timedelta(seconds=30)
GONE = "ExecutionDoesNotExist"
ENDS = {"ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"}


def of(order: OrderExecution) -> ExecutionHistory | None:
    """What was last read of an order's execution."""
    rows = ExecutionHistory.objects.select_related("workflow")
    return rows.filter(pk=order.execution_arn).first() if order.execution_arn else None


def is_wanted(order: OrderExecution, reading: ExecutionHistory | None, now: datetime) -> bool:
    """Whether a page would show something newer if the execution were read now."""
    if not order.execution_arn:
        return False
    if reading is None:
        return True
    if reading.trouble == GONE or _is_taken(reading, now):
        return False
    if reading.read_at is None:
        return True
    if reading.read_at > now - FRESH:
        return False
    return order.status in OrderExecution.UNDER_WAY or not is_whole(order, reading)


def is_whole(order: OrderExecution, reading: ExecutionHistory) -> bool:
    """Whether the reading holds the order's end."""
    if not reading.events or reading.events[-1]["kind"] not in ENDS or reading.read_at is None:
        return False
    return order.ended_at is None or reading.read_at > order.ended_at


def ask(order: OrderExecution) -> None:
    """Somebody wants it read, however fresh it is: a worker that gets the hint does, or the sweeper."""
    arn = order.execution_arn
    ExecutionHistory.objects.bulk_create(
        [ExecutionHistory(execution_arn=arn)], ignore_conflicts=True
    )
    ExecutionHistory.objects.filter(pk=arn).update(asked_at=Now())


def asked(*, limit: int) -> list[str]:
    """The executions that somebody has asked for and nobody has read since."""
    rows = ExecutionHistory.objects.filter(_FREE, asked_at__isnull=False).order_by("asked_at")
    return list(rows.values_list("pk", flat=True)[:limit])


_FREE = Q(taken_until=None) | Q(taken_until__lte=Now())


def take(arn: str) -> ExecutionHistory | None:
    """The row, where it is ours to read this execution now; None where it is fresh or being read."""
    ExecutionHistory.objects.bulk_create(
        [ExecutionHistory(execution_arn=arn)], ignore_conflicts=True
    )
    worth_it = Q(read_at=None) | Q(read_at__lte=Now() - FRESH) | Q(asked_at__isnull=False)
    mine = ExecutionHistory.objects.filter(_FREE, worth_it, pk=arn)
    if not mine.update(taken_until=Now() + WHILE_READING):
        return None
    return ExecutionHistory.objects.select_related("workflow").get(pk=arn)


def keep(reading: ExecutionHistory) -> None:
    """Store what was read; whoever has asked meanwhile has asked for this."""
    reading.trouble = ""
    reading.save(
        update_fields=["status", "redrives", "workflow", "events", "cut", "status_row", "trouble"]
    )
    ExecutionHistory.objects.filter(pk=reading.pk).update(
        read_at=Now(), taken_until=None, asked_at=None
    )


def keep_trouble(reading: ExecutionHistory, code: str) -> None:
    """It could not be read now: what was known before stays, and nobody tries for a while."""
    ExecutionHistory.objects.filter(pk=reading.pk).update(
        trouble=code[:100], taken_until=Now() + AFTER_TROUBLE, asked_at=None
    )


def _is_taken(reading: ExecutionHistory, now: datetime) -> bool:
    return reading.taken_until is not None and reading.taken_until > now
