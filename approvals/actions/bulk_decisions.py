"""Bulk decisions: begun by a person, worked on review by review under a lease, retried, undone and finished.

These verbs write the rows of a bulk decision alone. Each review of it is decided by `decisions.decide`, in a
transaction of its own; `approvals.bulk` calls it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from approvals import policy, visibility
from approvals.actors import SYSTEM, Actor, ensure_user
from approvals.exceptions import Invalid, NotAllowed, NotFound, UndoClosed
from approvals.models import BulkItem, BulkJob, OutboxEntry, ReviewTask
from approvals.models.bulk_jobs import MAX_ITEMS
from approvals.models.choices import Outcome
from approvals.records import (
    audit,
    bulk_jobs,
    decision_reasons,
    idempotency,
    locked_rows,
    outbox,
    tokens,
    unit_of_work,
    wake_ups,
)
from approvals.records.audit_kinds import AuditKind
from approvals.records.bulk_jobs import Result
from approvals.records.locked_rows import LockedRow
from approvals.records.unit_of_work import UnitOfWork

LEASE = timedelta(
    seconds=30
)  # renewed with every few reviews; after a crash nobody goes on for so long
State, Status = BulkItem.State, BulkJob.Status
# What is left to do: reviews without a result; while undoing, also decisions that were not tried to be undone.
TO_DECIDE = Q(state=State.PENDING)
TO_UNDO = TO_DECIDE | Q(state=State.DECIDED, code="")


class LeaseLost(Exception):
    """Another process has the lease of this bulk decision now."""


@dataclass(frozen=True, kw_only=True)
class BulkRequest:
    """What is wanted of every review; `undo_seconds` None means the queue's own."""

    outcome: Outcome
    reason: str = ""
    reason_code: str = ""
    undo_seconds: int | None = None


@dataclass(frozen=True)
class Wanted:
    """A review to be decided, at the version that the person saw, if they saw one.

    With a `code` it is left out from the start, for the reason `detail`, and only reported.
    """

    review: UUID
    version: int | None = None
    code: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Turn:
    """A lease of a bulk decision, with its fencing epoch."""

    job: BulkJob
    epoch: int


@transaction.atomic(durable=True)
def begin(
    wanted: Sequence[Wanted],
    request: BulkRequest,
    *,
    by: Actor,
    key: idempotency.Key | None = None,
) -> BulkJob:
    """Store a bulk decision of up to MAX_ITEMS reviews of one queue, which a worker then decides one by one.

    Raises NotFound, NotAllowed (also where the queue takes none) or Invalid, and then nothing is written.
    """
    user = ensure_user(by)
    idempotency.keep(key)
    reviews = _reviews(wanted, by)
    first = next(iter(reviews.values()))  # any of them: they are of one queue
    policy.may_decide_in_bulk(first.queue, by=by).or_raise()
    text, code = decision_reasons.checked(
        first, request.outcome, request.reason, request.reason_code
    )
    fingerprints = {bytes(review.token_fingerprint) for review in reviews.values()}
    job = BulkJob(
        queue=first.queue,
        outcome=request.outcome,
        reason=tokens.redacted_of_any(text, fingerprints),
        reason_code=code,
        undo_seconds=request.undo_seconds,
        total=len(wanted),
        created_by=user,
        surface=by.surface,
        signed_in=by.signed_in,
    )
    locked = locked_rows.row_with_facts(job, by=by)
    idempotency.fill(key, job.pk)
    work = UnitOfWork()
    work.insert(job)
    audit.record(work, locked.chain, AuditKind.BULK_BEGUN, by=by, data=_begun(job, wanted))
    work.write()
    unit_of_work.insert_new([_item(job, number, one) for number, one in enumerate(wanted, start=1)])
    wake_ups.after_commit(wake_ups.BULK, job.pk)
    return job


@transaction.atomic(durable=True)
def retry(job_id: UUID, *, by: Actor, key: idempotency.Key | None = None) -> BulkJob:
    """Have the failed reviews of a bulk decision tried again; without any, nothing changes.

    Raises NotFound, NotAllowed (only who began it may: it is decided in their name), or UndoClosed if it was
    undone.
    """
    locked = _locked(job_id, by, key)
    job = locked.row
    if job.created_by_id != by.person.pk:
        raise NotAllowed("Only who began a bulk decision may have it tried again.")
    policy.may_decide_in_bulk(job.queue, by=by).or_raise()
    if job.undo_by_id is not None:
        raise UndoClosed("This bulk decision was undone; nothing of it is tried again.")
    failed = job.items.filter(state=State.FAILED)
    count = failed.update(state=State.PENDING, code="", detail="", at=None)
    if count:
        _go_on(locked, Status.RUNNING, AuditKind.BULK_RETRIED, {"reviews": count})
    return job


@transaction.atomic(durable=True)
def undo(job_id: UUID, *, by: Actor, key: idempotency.Key | None = None) -> BulkJob:
    """Have the decisions of a bulk decision undone that are not sent yet; what is still pending is cancelled.

    A worker undoes them one by one. Raises NotFound, NotAllowed (who began it and leads may), or UndoClosed if
    nothing is left that could be undone.
    """
    locked = _locked(job_id, by, key)
    job = locked.row
    policy.may_undo_bulk(job, by=by).or_raise()
    if job.status == Status.UNDOING:
        return job
    if not undoable(job).exists() and not job.items.filter(TO_DECIDE).exists():
        raise UndoClosed
    job.items.filter(state=State.DECIDED).update(code="", detail="")
    job.undo_by, job.undo_surface, job.undo_signed_in = by.person, by.surface, by.signed_in
    _go_on(locked, Status.UNDOING, AuditKind.BULK_UNDO_ASKED, {})
    return job


def undoable(job: BulkJob) -> QuerySet[OutboxEntry]:
    """The outbox entries of its decisions of which no attempt was made."""
    return OutboxEntry.objects.filter(
        kind=OutboxEntry.Kind.CALLBACK,
        subject__in=job.items.values("decision"),
        **outbox.CANCELLABLE,
    )


def take(job_id: UUID) -> Turn | None:
    """Lease a bulk decision that has not ended; None if another process has the lease, or it has ended."""
    free = Q(lease_until=None) | Q(lease_until__lte=Now())
    mine = BulkJob.objects.filter(free, pk=job_id).exclude(status=Status.FINISHED)
    if not mine.update(lease_until=Now() + LEASE, lease_epoch=F("lease_epoch") + 1):
        return None
    job = _with_people().get(pk=job_id)
    return Turn(job, job.lease_epoch)


def renew(turn: Turn) -> Turn:
    """Extend the lease, and read the bulk decision again: it may be undone by now. Raises LeaseLost."""
    mine = BulkJob.objects.filter(pk=turn.job.pk, lease_epoch=turn.epoch)
    if not mine.update(lease_until=Now() + LEASE):
        raise LeaseLost
    return Turn(_with_people().get(pk=turn.job.pk), turn.epoch)


def give_back(turn: Turn) -> None:
    """Give the lease back, so that another process can take it at once."""
    mine = BulkJob.objects.filter(pk=turn.job.pk, lease_epoch=turn.epoch)
    mine.update(lease_until=None)


def record(item: BulkItem, result: Result) -> bool:
    """Record the result of a review; False if its state has changed since it was read."""
    unchanged = BulkItem.objects.filter(pk=item.pk, state=item.state)
    return bool(
        unchanged.update(
            state=result.state,
            code=result.code,
            detail=result.detail[:300],
            decision=result.decision,
            at=Now(),
        )
    )


@transaction.atomic(durable=True)
def cancel(item: BulkItem) -> None:
    """Take a review out of a bulk decision that is being undone, so that no worker decides it any more.

    Raises AlreadyAnswered if one has decided it.
    """
    idempotency.keep(bulk_jobs.key_of(item))
    record(item, Result(State.CANCELLED))


@transaction.atomic(durable=True)
def finish(turn: Turn) -> bool:
    """End a bulk decision in which every review has its result; False if one has not, or the lease is lost."""
    locked = locked_rows.row(BulkJob, turn.job.pk, by=SYSTEM)
    job = locked.row
    left = TO_UNDO if job.status == Status.UNDOING else TO_DECIDE
    if job.status == Status.FINISHED or job.lease_epoch != turn.epoch:
        return False
    if job.items.filter(left).exists():
        return False
    counts = Counter(job.items.values_list("state", flat=True))
    job.status, job.ended_at, job.lease_until = Status.FINISHED, locked.now, None
    work = UnitOfWork()
    work.update(job, "status", "ended_at", "lease_until")
    audit.record(work, locked.chain, AuditKind.BULK_FINISHED, by=locked.by, data=dict(counts))
    work.write()
    return True


def _begun(job: BulkJob, wanted: Sequence[Wanted]) -> dict[str, Any]:
    """What the audit trail keeps of a bulk decision that is begun."""
    return {
        "queue": job.queue.slug,
        "outcome": str(job.outcome),
        "reason": job.reason,
        "reason_code": job.reason_code,
        "reviews": job.total,
        "left_out": sum(bool(one.code) for one in wanted),
    }


def _with_people() -> QuerySet[BulkJob]:
    return BulkJob.objects.select_related("created_by", "undo_by")


def _reviews(wanted: Sequence[Wanted], by: Actor) -> dict[UUID, ReviewTask]:
    """The wanted reviews by their ids. Raises NotFound or Invalid."""
    ids = [one.review for one in wanted]
    if not 1 <= len(ids) <= MAX_ITEMS:
        raise Invalid(f"Choose 1 to {MAX_ITEMS:,} reviews.", pointer="/reviews")
    rows = visibility.visible_reviews(by).select_related("queue").filter(pk__in=ids)
    found = {row.pk: row for row in rows.only("queue", "token_fingerprint")}
    if not found:
        raise NotFound
    seen: set[UUID] = set()
    for index, pk in enumerate(ids):
        if pk not in found:
            raise Invalid("There is no such review.", pointer=f"/reviews/{index}")
        if pk in seen:
            raise Invalid("This review stands here twice.", pointer=f"/reviews/{index}")
        if found[pk].queue_id != found[ids[0]].queue_id:
            raise Invalid(
                "A bulk decision is for one queue; this review is in another one.",
                pointer=f"/reviews/{index}",
            )
        seen.add(pk)
    return found


def _item(job: BulkJob, number: int, one: Wanted) -> BulkItem:
    state = State.REFUSED if one.code else State.PENDING
    return BulkItem(
        job=job,
        number=number,
        review_id=one.review,
        version=one.version,
        state=state,
        code=one.code,
        detail=one.detail[:300],
    )


def _locked(job_id: UUID, by: Actor, key: idempotency.Key | None) -> LockedRow[BulkJob]:
    """A bulk decision that the actor may see, locked. Raises NotFound."""
    ensure_user(by)
    if not visibility.visible_bulk_jobs(by).filter(pk=job_id).exists():
        raise NotFound
    idempotency.keep(key, job_id)
    return locked_rows.row(BulkJob, job_id, by=by)


def _go_on(
    locked: LockedRow[BulkJob], status: BulkJob.Status, kind: AuditKind, data: dict[str, Any]
) -> None:
    """Have a worker look at a bulk decision again."""
    job = locked.row
    job.status, job.ended_at = status, None
    work = UnitOfWork()
    work.update(job, "status", "ended_at", "undo_by", "undo_surface", "undo_signed_in")
    audit.record(work, locked.chain, kind, by=locked.by, data=data)
    work.write()
    wake_ups.after_commit(wake_ups.BULK, job.pk)
