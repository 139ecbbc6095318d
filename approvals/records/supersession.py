"""Supersession: a step that is retried or redriven sends a new message, with a new token.

A message alone closes no review, because anybody who may send to the queue could forge one. It links the
older review to the newer one, and makes their execution due for reconciliation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from approvals.actors import MESSAGE_QUEUE
from approvals.models import OutboxEntry, ReviewTask
from approvals.models.outbox import PROVED
from approvals.records import audit, execution_snapshots
from approvals.records.audit_kinds import AuditKind
from approvals.records.unit_of_work import UnitOfWork

Step = tuple[UUID, str, str, str, int | None]


def link(new: Sequence[ReviewTask], now: datetime) -> None:
    """Link older reviews of the same steps to these, and schedule the reconciliation of their executions.

    The newest review of a step is the one whose message was sent last, in whatever order messages
    arrive. The caller has just stored `new` in its transaction; `now` is the database's time.
    """
    due: dict[str, datetime] = {}
    for row in new:
        at = min(
            row.deadline_at + execution_snapshots.AFTER_DEADLINE,
            now + execution_snapshots.WITHOUT_NEWS,
        )
        due[row.execution_arn] = min(at, due.get(row.execution_arn, at))
    for arn in _link_steps({row.execution_arn for row in new} - {""}):
        due[arn] = now
    execution_snapshots.watch(due)


def _link_steps(arns: Iterable[str]) -> set[str]:
    """Link the older reviews of each step in these executions; returns the executions that changed."""
    steps: dict[Step, list[ReviewTask]] = defaultdict(list)
    for row in ReviewTask.objects.without_secrets().defer("payload").filter(execution_arn__in=arns):
        steps[_step(row)].append(row)
    links: dict[UUID, ReviewTask] = {}
    for rows in steps.values():
        *before, newest = sorted(rows, key=_age)
        links |= {row.pk: newest for row in before if row.superseded_by_id != newest.pk}
    if not links:
        return set()
    delivered = _delivered(links)
    changed, work = set(), UnitOfWork()
    # Locked in the order of their ids, as everywhere, against deadlocks.
    linked = ReviewTask.objects.without_secrets().filter(pk__in=links).order_by("pk")
    for older in linked.select_for_update():
        if not _may_be_replaced(older, delivered):
            continue
        older.superseded_by = links[older.pk]
        work.update(older, "superseded_by")
        changed.add(older.execution_arn)
        end, kind = audit.end_of(older), AuditKind.REVIEW_NEWER_ARRIVED
        data = {"newer": str(links[older.pk].pk)}
        audit.record(work, end, kind, by=MESSAGE_QUEUE, data=data)
    work.write()
    return changed


def _age(row: ReviewTask) -> tuple[datetime, int, int, UUID]:
    """Sort key: the time of sending; within a millisecond, the counts of redrives and retries."""
    return row.sent_at, row.redrive_count, row.retry_count, row.pk


def _step(row: ReviewTask) -> Step:
    return row.queue_id, row.execution_arn, row.state_name, row.reference, row.item_index


def _delivered(reviews: Iterable[UUID]) -> set[UUID]:
    """The decisions on these reviews that are proved delivered: those reviews are not superseded."""
    decided = ReviewTask.objects.filter(pk__in=list(reviews), decision__isnull=False)
    proved = OutboxEntry.objects.filter(
        kind=OutboxEntry.Kind.CALLBACK,
        subject__in=decided.values("decision"),
        state=OutboxEntry.State.SETTLED,
        detail__in=PROVED,
    )
    return set(proved.values_list("subject", flat=True))


def _may_be_replaced(row: ReviewTask, delivered: set[UUID]) -> bool:
    if row.status == ReviewTask.Status.PENDING:
        return True
    return row.decision_id is not None and row.decision_id not in delivered
