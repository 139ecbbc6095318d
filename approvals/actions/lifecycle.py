"""Ends of reviews without a decision: expired, orphaned, or superseded by a newer review.

Each verb takes a proof from Step Functions: a message or a passed deadline alone ends no review.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from approvals.actors import SYSTEM
from approvals.models import Comment, ReviewTask
from approvals.models.ids import uuid7
from approvals.records import audit, locked_rows
from approvals.records.audit_kinds import AuditKind
from approvals.records.locked_rows import LockedReview
from approvals.records.unit_of_work import UnitOfWork

Status = ReviewTask.Status
ENDED_COLUMNS = (
    *("status", "superseded_by", "version"),
    *("assignee", "lease_id", "lease_expires_at"),
)


@transaction.atomic(durable=True)
def expire(review_id: UUID, *, proof: Mapping[str, Any]) -> bool:
    """Expire a review: Step Functions has stopped waiting, so that a decision has no effect any more.

    Returns False, and changes nothing, if the review is not pending.
    """
    return _close(review_id, Status.EXPIRED, proof)


@transaction.atomic(durable=True)
def orphan(review_id: UUID, *, proof: Mapping[str, Any]) -> bool:
    """Orphan a review: another party has closed its step, or its execution has ended. Returns as `expire`."""
    return _close(review_id, Status.ORPHANED, proof)


@transaction.atomic(durable=True)
def supersede(older_id: UUID, newer_id: UUID, *, proof: Mapping[str, Any]) -> bool:
    """Replace a review by a newer one of the same step, which takes over its claim and its comments.

    Returns False, and changes nothing, if the older one is not pending.
    """
    locked = {pk: locked_rows.review(pk, by=SYSTEM) for pk in sorted((older_id, newer_id))}
    older, newer = locked[older_id].row, locked[newer_id].row
    if older.status != Status.PENDING:
        return False
    holder, until = older.assignee, older.lease_expires_at
    older.superseded_by = newer
    work = UnitOfWork()
    _end(work, locked[older_id], Status.SUPERSEDED, {**proof, "by": str(newer.pk)})
    moved = Comment.objects.filter(review=older).update(review=newer)
    now = locked[newer_id].now
    if (
        holder is not None
        and until is not None
        and until > now
        and newer.status == Status.PENDING
        and not newer.is_held(now)
    ):
        newer.assignee, newer.lease_id, newer.lease_expires_at = holder, uuid7(), until
        newer.version += 1
        work.update(newer, "assignee", "lease_id", "lease_expires_at", "version")
    data = {"older": str(older.pk), "comments": moved}
    data |= {"claim_of": holder.email} if holder and newer.assignee_id == holder.pk else {}
    end = locked[newer_id].chain
    audit.record(work, end, AuditKind.REVIEW_SUCCEEDED, by=SYSTEM, data=data)
    work.write()
    return True


def _close(review_id: UUID, status: Status, proof: Mapping[str, Any]) -> bool:
    locked = locked_rows.review(review_id, by=SYSTEM)
    if locked.row.status != Status.PENDING:
        return False
    work = UnitOfWork()
    _end(work, locked, status, proof)
    work.write()
    return True


def _end(work: UnitOfWork, locked: LockedReview, status: Status, proof: Mapping[str, Any]) -> None:
    review = locked.row
    review.status = status
    review.drop_lease()
    review.version += 1
    work.update(review, *ENDED_COLUMNS)
    kind = AuditKind(f"review.{status}")
    audit.record(work, locked.chain, kind, by=SYSTEM, data=proof, fate=proof.get("fate", ""))
