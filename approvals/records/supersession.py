"""Supersession: a step that is retried or redriven sends a new message, with a new token.

A message alone closes no review, because anybody who may send to the queue could forge one. It links the
older review to the newer one, once, and makes their execution due for reconciliation.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import UUIDField
from django.db.models.expressions import RawSQL

from approvals.actors import MESSAGE_QUEUE
from approvals.models import OutboxEntry, ReviewTask
from approvals.models.outbox import PROVED
from approvals.records import audit, execution_snapshots
from approvals.records.audit_kinds import AuditKind
from approvals.records.unit_of_work import UnitOfWork

Step = tuple[UUID, str, str, str, int | None]

RECENT = 10  # reviews of a step that a new one is compared with; more than two only after a race
_COLUMNS = (
    *("id", "queue_id", "execution_arn", "state_name", "reference", "item_index"),
    *("sent_at", "redrive_count", "retry_count", "superseded_by_id"),
)
# What the index `review_by_step` holds of a step: its texts themselves may be longer than an index takes.
_HASH = (
    "md5({0}.queue_id::text || E'\\x1f' || {0}.execution_arn || E'\\x1f' || {0}.state_name || E'\\x1f'"
    " || {0}.reference || E'\\x1f' || COALESCE({0}.item_index::text, ''))::uuid"
)
_NEWEST_FIRST = "sent_at DESC, redrive_count DESC, retry_count DESC, id DESC"
# The newest reviews of each of these steps, without those of these ids.
_RECENT = f"""
    SELECT recent.* FROM unnest(%s::uuid[]) AS wanted (step) CROSS JOIN LATERAL (
        SELECT {", ".join(_COLUMNS)} FROM approvals_reviewtask AS same
        WHERE {_HASH.format("same")} = wanted.step AND execution_arn <> '' AND id <> ALL (%s::uuid[])
        ORDER BY {_NEWEST_FIRST} LIMIT {RECENT}
    ) AS recent
"""  # noqa: S608  (names of columns alone)
_OPEN = f"""
    CASE WHEN approvals_reviewtask.superseded_by_id IS NOT NULL THEN COALESCE(
        (SELECT newest.id FROM (
            SELECT id, status FROM approvals_reviewtask AS same
            WHERE {_HASH.format("same")} = {_HASH.format("approvals_reviewtask")}
                AND same.execution_arn = approvals_reviewtask.execution_arn AND execution_arn <> ''
                AND same.state_name = approvals_reviewtask.state_name
                AND same.reference = approvals_reviewtask.reference
            ORDER BY {_NEWEST_FIRST} LIMIT 1
        ) AS newest WHERE newest.status = 'pending' AND newest.id <> approvals_reviewtask.id),
        (SELECT id FROM approvals_reviewtask AS linked
            WHERE linked.id = approvals_reviewtask.superseded_by_id AND linked.status = 'pending')
    ) END
"""  # noqa: S608  (names of columns alone)


def newer_open() -> RawSQL:
    """For `annotate`: the id of the newest review of the same step, if it is another one and open; else null."""
    return RawSQL(_OPEN, [], output_field=UUIDField())  # noqa: S611  (names of columns alone)


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
    for arn in _link_steps([row for row in new if row.execution_arn]):
        due[arn] = now
    execution_snapshots.watch(due)


def newest_of(review: ReviewTask) -> ReviewTask | None:
    """The newest review of the same step, with its queue; None if that is the review itself."""
    return newest_of_each([review]).get(review.pk)


def newest_of_each(reviews: Sequence[ReviewTask]) -> dict[UUID, ReviewTask]:
    """The newest review of the same step, with its queue, of each of these that is not the newest itself.

    A review is linked to the one that was the newest when it was linked; there may be newer ones by now.
    """
    recent = _recent({_step(review) for review in reviews}) if reviews else {}
    keys: dict[UUID, UUID] = {}
    for review in reviews:
        found = max(recent[_step(review)], key=_age, default=review)
        key = found.pk if _age(found) > _age(review) else review.superseded_by_id
        if key is not None:
            keys[review.pk] = key
    light = ReviewTask.objects.defer("payload", "raw_body", "sealed_extras", "sealed_token")
    rows = light.select_related("queue").in_bulk(set(keys.values()))
    return {pk: rows[key] for pk, key in keys.items()}


def _link_steps(new: Sequence[ReviewTask]) -> set[str]:
    """Link all but the newest review of each step of these; returns the executions that changed.

    Each review is linked once: those that came before the previous newest are linked already.
    """
    steps: dict[Step, list[ReviewTask]] = defaultdict(list)
    for row in new:
        steps[_step(row)].append(row)
    recent = _recent(steps, but=[row.pk for row in new])
    links: dict[UUID, ReviewTask] = {}
    for step, rows in steps.items():
        *before, newest = sorted([*recent[step], *rows], key=_age)
        links |= {row.pk: newest for row in before if row.superseded_by_id is None}
    if not links:
        return set()
    delivered = _delivered(links)
    changed, work = set(), UnitOfWork()
    # Locked in the order of their ids, as everywhere, against deadlocks.
    linked = ReviewTask.objects.without_secrets().defer("payload", "flags", "error_cause")
    for older in linked.filter(pk__in=links).order_by("pk").select_for_update():
        if older.superseded_by_id or not _may_be_replaced(older, delivered):
            continue
        older.superseded_by = links[older.pk]
        work.update(older, "superseded_by")
        changed.add(older.execution_arn)
        end, kind = audit.end_of(older), AuditKind.REVIEW_NEWER_ARRIVED
        data = {"newer": str(links[older.pk].pk)}
        audit.record(work, end, kind, by=MESSAGE_QUEUE, data=data)
    work.write()
    return changed


def _recent(steps: Iterable[Step], *, but: Sequence[UUID] = ()) -> dict[Step, list[ReviewTask]]:
    """The RECENT newest reviews of each of these steps, without those of these ids."""
    found: dict[Step, list[ReviewTask]] = defaultdict(list)
    digests = sorted({_digest(step) for step in steps})
    for row in ReviewTask.objects.raw(_RECENT, [digests, list(but)]):
        found[_step(row)].append(row)
    return found


def _digest(step: Step) -> UUID:
    """The same hash as in the index."""
    queue, *texts, item = step
    parts = [str(queue), *map(str, texts), "" if item is None else str(item)]
    return UUID(bytes=hashlib.md5("\x1f".join(parts).encode(), usedforsecurity=False).digest())


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
