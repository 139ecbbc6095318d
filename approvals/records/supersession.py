"""Which review stands in whose place: a retried or redriven step asks again, under a new token.

A message alone never closes a review, because anyone who may send to the queue could forge one. It
links the older to the newer, and asks for the execution to be looked at.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from approvals.models import OutboxEntry, ReviewTask
from approvals.models.decisions import Surface
from approvals.models.outbox import PROVED
from approvals.records import audit, database_time, execution_snapshots

Step = tuple[UUID, str, str, str, int | None]


def begin(new: Sequence[ReviewTask]) -> None:
    """Link the reviews that these may replace, and have their executions asked about in time.

    The newest of a step is the one that was sent last, in whatever order they arrive. The caller has
    just stored `new` in its transaction.
    """
    now = database_time.now()
    due: dict[str, datetime] = {}
    for row in new:
        at = min(
            row.deadline_at + execution_snapshots.AFTER_DEADLINE,
            now + execution_snapshots.WITHOUT_NEWS,
        )
        due[row.execution_arn] = min(at, due.get(row.execution_arn, at))
    for arn in _link({row.execution_arn for row in new} - {""}):
        due[arn] = now
    execution_snapshots.watch(due)


def _link(arns: Iterable[str]) -> set[str]:
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
    changed = set()
    # In the order of their ids, as whoever else locks several reviews does.
    linked = ReviewTask.objects.without_secrets().filter(pk__in=links).order_by("pk")
    for older in linked.select_for_update():
        if not _may_be_replaced(older, delivered):
            continue
        older.superseded_by = links[older.pk]
        older.save(update_fields=["superseded_by"])
        changed.add(older.execution_arn)
        chain = audit.chain_of("review", older.pk)
        told = {"newer": str(links[older.pk].pk)}
        audit.record(chain, "review.newer_arrived", by=None, surface=Surface.QUEUE, data=told)
    return changed


def _age(row: ReviewTask) -> tuple[datetime, int, int, UUID]:
    """When it was sent; of one millisecond's messages, what each says of its retry counts."""
    return row.sent_at, row.redrive_count, row.retry_count, row.pk


def _step(row: ReviewTask) -> Step:
    return row.queue_id, row.execution_arn, row.state_name, row.reference, row.item_index


def _delivered(reviews: Iterable[UUID]) -> set[UUID]:
    """The decisions on these reviews that are proved to have arrived: their step asks for another reason."""
    decided = ReviewTask.objects.filter(pk__in=list(reviews), decision__isnull=False)
    arrived = OutboxEntry.objects.filter(
        kind=OutboxEntry.Kind.CALLBACK,
        subject__in=decided.values("decision"),
        state=OutboxEntry.State.SETTLED,
        detail__in=PROVED,
    )
    return set(arrived.values_list("subject", flat=True))


def _may_be_replaced(row: ReviewTask, delivered: set[UUID]) -> bool:
    if row.status == ReviewTask.Status.PENDING:
        return True
    return row.decision_id is not None and row.decision_id not in delivered
