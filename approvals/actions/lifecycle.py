"""Ends of reviews without a decision: expired, orphaned, or superseded by a newer review.

Step Functions proves an end: a message or a passed deadline alone ends no review. What is past its deadline and
can never be proved leaves the open lists as `unproved`, and a lead closes it with a reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from approvals import policy
from approvals.actors import SYSTEM, Actor
from approvals.exceptions import AlreadyDecided, Invalid
from approvals.models import Comment, ReviewTask
from approvals.models.ids import uuid7
from approvals.policy import Action
from approvals.records import audit, idempotency, locked_rows, places, tokens
from approvals.records.audit_kinds import AuditKind
from approvals.records.locked_rows import LockedReview
from approvals.records.unit_of_work import UnitOfWork
from approvals.untrusted import typed_text

MAX_REASON = 300  # characters
Status = ReviewTask.Status
LEASE_COLUMNS = ("assignee", "lease_id", "lease_expires_at")
ENDED_COLUMNS = ("status", "superseded_by", "version", *LEASE_COLUMNS)


@transaction.atomic(durable=True)
def expire(review_id: UUID, *, proof: Mapping[str, Any]) -> bool:
    """Expire a review: Step Functions has stopped waiting, so that a decision has no effect any more.

    Returns False, and changes nothing, if the review is neither pending nor unproved.
    """
    return _close(review_id, Status.EXPIRED, proof)


@transaction.atomic(durable=True)
def mark_unproved(review_id: UUID) -> bool:
    """Take a review out of the open ones that is past its deadline and of which nothing can be proved.

    Returns False, and changes nothing, unless it is pending and past the deadline of its message.
    """
    locked = locked_rows.review(review_id, by=SYSTEM)
    review = locked.row
    if (
        review.status != Status.PENDING
        or not review.is_past_deadline(locked.now)
        or places.is_provable(review)
    ):
        return False
    work = UnitOfWork()
    _end(work, locked, Status.UNPROVED, {"deadline_at": review.deadline_at.isoformat()})
    work.write()
    return True


@transaction.atomic(durable=True)
def close_unproved(
    review_id: UUID, reason: str, *, by: Actor, key: idempotency.Key | None = None
) -> ReviewTask:
    """Close an unproved review as `expired`, without a proof and with the reason of a lead.

    Raises NotFound, NotAllowed, AlreadyDecided for a closed review, or Invalid for one that is not unproved
    and for a reason that is not 1 to 300 characters of storable text.
    """
    idempotency.keep(key, review_id)
    locked = locked_rows.review(review_id, by=by)
    review = locked.row
    policy.may(Action.CLOSE_UNPROVED, locked, by=by).or_raise()
    if review.status == Status.PENDING:
        raise Invalid("This review is open: only one that cannot be proved is closed like this.")
    if review.status != Status.UNPROVED:
        raise AlreadyDecided(**review.outcome_details())
    text = typed_text.checked(
        reason, field="reason", longest=MAX_REASON, required="Say why the review is closed."
    )
    review.status = Status.EXPIRED
    review.version += 1
    work = UnitOfWork()
    work.update(review, "status", "version")
    data = {"proof": "none", "reason": tokens.redacted(text, review)}
    audit.record(work, locked.chain, AuditKind.REVIEW_CLOSED_UNPROVED, by=by, data=data)
    work.write()
    return review


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
    older.superseded_by = newer
    work = UnitOfWork()
    data = {"older": str(older.pk), **_take_over(work, older, newer, locked[newer_id].now)}
    _end(work, locked[older_id], Status.SUPERSEDED, {**proof, "by": str(newer.pk)})
    data["comments"] = Comment.objects.filter(review=older).update(review=newer)
    end = locked[newer_id].chain
    audit.record(work, end, AuditKind.REVIEW_SUCCEEDED, by=SYSTEM, data=data)
    work.write()
    return True


def _take_over(
    work: UnitOfWork, older: ReviewTask, newer: ReviewTask, now: datetime
) -> dict[str, Any]:
    """Give an open newer review the escalation and the running claim of the older one; returns what for the event.

    An escalation ends a claim on the newer review: its holder may decide there no more, nor release it. A
    claim is not handed over to a review that others decide.
    """
    if newer.status != Status.PENDING:
        return {}
    changed: list[str] = []
    data: dict[str, Any] = {}
    target = older.escalated_to
    if target is not None and newer.escalated_to_id is None:
        newer.escalated_to = target
        changed += ["escalated_to"]
        data["escalated_to"] = target.slug
        if newer.assignee is not None:
            data["claim_ended_of"] = newer.assignee.email
        newer.drop_lease()
        changed += LEASE_COLUMNS
    have_same_deciders = newer.escalated_to_id == older.escalated_to_id
    holder = older.assignee if older.is_held(now) else None
    if holder is not None and have_same_deciders and not newer.is_held(now):
        newer.assignee, newer.lease_id = holder, uuid7()
        newer.lease_expires_at = older.lease_expires_at
        data["claim_of"] = holder.email
        changed += LEASE_COLUMNS
    if changed:
        newer.version += 1
        work.update(newer, *dict.fromkeys(changed), "version")
    return data


def _close(review_id: UUID, status: Status, proof: Mapping[str, Any]) -> bool:
    locked = locked_rows.review(review_id, by=SYSTEM)
    if locked.row.status not in (Status.PENDING, Status.UNPROVED):
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
