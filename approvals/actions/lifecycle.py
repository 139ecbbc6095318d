"""How a review ends without a decision: it expires, its execution is over, or a newer one replaces it.

Each verb wants a proof from Step Functions; a message or a passed deadline alone ends nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from approvals.models import Comment, ReviewTask
from approvals.models.choices import Surface
from approvals.models.ids import uuid7
from approvals.records import audit, database_time

log = structlog.get_logger(__name__)

Status = ReviewTask.Status


@transaction.atomic(durable=True)
def expire(review_id: UUID, *, proof: Mapping[str, Any]) -> bool:
    """Step Functions has stopped waiting: the review can have no effect any more.

    Returns False, and changes nothing, where it is not pending.
    """
    return _close(review_id, Status.EXPIRED, proof)


@transaction.atomic(durable=True)
def orphan(review_id: UUID, *, proof: Mapping[str, Any]) -> bool:
    """The step was closed by somebody else, or its execution is over. As `expire` otherwise."""
    return _close(review_id, Status.ORPHANED, proof)


@transaction.atomic(durable=True)
def supersede(older_id: UUID, newer_id: UUID, *, proof: Mapping[str, Any]) -> bool:
    """A newer review of the same step stands in the older one's place; claim and comments move along.

    Returns False, and changes nothing, where the older one is not pending.
    """
    locked = {pk: ReviewTask.objects.locked(pk) for pk in sorted((older_id, newer_id))}
    older, newer = locked[older_id], locked[newer_id]
    if older.status != Status.PENDING:
        return False
    holder, until = older.assignee, older.lease_expires_at
    older.superseded_by = newer
    _end(older, Status.SUPERSEDED, {**proof, "by": str(newer.pk)})
    moved = Comment.objects.filter(review=older).update(review=newer)
    now = database_time.now()
    if (
        holder is not None
        and until is not None
        and until > now
        and newer.status == Status.PENDING
        and not newer.is_held(now)
    ):
        newer.assignee, newer.lease_id, newer.lease_expires_at = holder, uuid7(), until
        newer.version += 1
        newer.save(update_fields=["assignee", "lease_id", "lease_expires_at", "version"])
    told = {"older": str(older.pk), "comments": moved}
    told |= {"claim_of": holder.email} if holder and newer.assignee_id == holder.pk else {}
    _record(newer, "review.succeeded", told)
    return True


def _close(review_id: UUID, status: Status, proof: Mapping[str, Any]) -> bool:
    review = ReviewTask.objects.locked(review_id)
    if review.status != Status.PENDING:
        return False
    _end(review, status, proof)
    return True


def _end(review: ReviewTask, status: Status, proof: Mapping[str, Any]) -> None:
    review.status = status
    review.drop_lease()
    review.version += 1
    review.save(
        update_fields=[
            "status", "assignee", "lease_id", "lease_expires_at", "version", "superseded_by",
        ]
    )  # fmt: skip
    _record(review, f"review.{status}", proof)


def _record(review: ReviewTask, kind: str, data: Mapping[str, Any]) -> None:
    chain = audit.chain_of("review", review.pk)
    audit.record(chain, kind, by=None, surface=Surface.SYSTEM, data=data)
    log.info(kind, review=str(review.pk), fate=data.get("fate", ""))
