"""Claims: a lease on a pending review, held by one user until it runs out by the database's clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef

from approvals import policy, visibility
from approvals.actors import SYSTEM, Actor
from approvals.exceptions import ClaimedByAnother, Invalid
from approvals.models import ReviewTask, Skip, User
from approvals.models.ids import uuid7
from approvals.models.review_routing import AWAKE
from approvals.models.review_tasks import ReviewQuerySet
from approvals.policy import Action
from approvals.records import audit, idempotency, locked_rows
from approvals.records.audit_kinds import AuditKind
from approvals.records.locked_rows import LockedReview
from approvals.records.unit_of_work import UnitOfWork

LEASE_COLUMNS = ("assignee", "lease_id", "lease_expires_at")


@transaction.atomic(durable=True)
def claim(
    review_id: UUID,
    *,
    by: Actor,
    override: bool = False,
    version: int | None = None,
    key: idempotency.Key | None = None,
) -> ReviewTask:
    """Claim a pending review; the actor's own claim is renewed, a lead may `override` another user's.

    Raises NotFound, NotAllowed, AlreadyDecided, StaleVersion or ClaimedByAnother (extra: assignee).
    """
    locked = _locked(review_id, by, version, key)
    review, held = locked.row, locked.row.is_held(locked.now)
    taken_from = None
    if held and review.assignee_id != by.person.pk:
        if not override:
            raise ClaimedByAnother(**_holder(review))
        policy.may(Action.OVERRIDE, locked, by=by).or_raise()
        taken_from = review.assignee
    lease_id = review.lease_id if held and review.assignee_id == by.person.pk else None
    _give(locked, by.person, lease_id)
    data = {"taken_from": taken_from.email} if taken_from else {}
    return _save(locked, AuditKind.REVIEW_CLAIMED, data=data)


@transaction.atomic(durable=True)
def claim_next(
    reviews: ReviewQuerySet,
    *,
    by: Actor,
    but_skipped_since: datetime | None = None,
    key: idempotency.Key | None = None,
) -> ReviewTask | None:
    """Claim the first of `reviews`, in their order, that nobody holds and whose deadline is not past.

    Reviews that are snoozed are left out. Those that the actor has skipped come last; with
    `but_skipped_since`, those skipped since then are left out. Concurrent calls claim different reviews.
    Returns None if there is none left.
    """
    idempotency.keep(key)
    free = reviews.filter(visibility.decidable_reviews(by), AWAKE).pending()
    free = free.unclaimed().before_deadline()
    skipped = Skip.objects.filter(review=OuterRef("pk"), user=by.user)
    if but_skipped_since is not None:
        review = _first(free.exclude(Exists(skipped.filter(at__gte=but_skipped_since))))
    else:
        review = _first(free.exclude(Exists(skipped))) or _first(free)
    if review is None:
        return None
    idempotency.fill(key, review.pk)
    locked = locked_rows.with_facts(review, by=by)
    _give(locked, by.person)
    return _save(locked, AuditKind.REVIEW_CLAIMED, data={"next": True})


def _first(reviews: ReviewQuerySet) -> ReviewTask | None:
    """The first of these that no other transaction has locked, locked."""
    return reviews.select_for_update(skip_locked=True, of=("self",)).first()


@transaction.atomic(durable=True)
def renew(
    review_id: UUID,
    *,
    by: Actor,
    lease_id: UUID | None = None,
    version: int | None = None,
    key: idempotency.Key | None = None,
) -> ReviewTask:
    """Extend the actor's own claim. Not audited, because the holder stays the same.

    Raises NotFound, NotAllowed, AlreadyDecided, StaleVersion, or ClaimedByAnother if somebody else or
    nobody holds it.
    """
    locked = _locked(review_id, by, version, key)
    review = locked.row
    _ensure_own(review, by, lease_id)
    review.lease_expires_at = locked.now + review.queue.lease
    work = UnitOfWork()
    work.update(review, "lease_expires_at")
    work.write()
    return review


@transaction.atomic(durable=True)
def release(
    review_id: UUID,
    *,
    by: Actor,
    lease_id: UUID | None = None,
    version: int | None = None,
    key: idempotency.Key | None = None,
) -> ReviewTask:
    """Release the actor's own claim; a review that nobody holds stays as it is.

    Raises NotFound, NotAllowed, AlreadyDecided, StaleVersion or ClaimedByAnother.
    """
    locked = _locked(review_id, by, version, key)
    review = locked.row
    if not review.is_held(locked.now):
        return review
    _ensure_own(review, by, lease_id)
    review.drop_lease()
    return _save(locked, AuditKind.REVIEW_RELEASED)


@transaction.atomic(durable=True)
def reassign(
    review_id: UUID,
    to: User,
    *,
    by: Actor,
    version: int | None = None,
    key: idempotency.Key | None = None,
) -> ReviewTask:
    """Hand a pending review over to another user: the holder their own, a lead any.

    Raises NotFound, NotAllowed, AlreadyDecided, StaleVersion, or Invalid if `to` may not decide in
    this queue.
    """
    locked = _locked(review_id, by, version, key)
    review = locked.row
    holder = review.assignee if review.is_held(locked.now) else None
    if holder is None or holder.pk != by.person.pk:
        policy.may(Action.OVERRIDE, locked, by=by).or_raise()
    if not policy.may(Action.DECIDE, review, by=Actor(to, by.surface)).allowed:
        raise Invalid(f"{to.email} may not decide in {review.queue}.", pointer="/to")
    _give(locked, to)
    data = {"to": to.email} | ({"taken_from": holder.email} if holder else {})
    return _save(locked, AuditKind.REVIEW_REASSIGNED, data=data)


@transaction.atomic(durable=True)
def end_lease(review_id: UUID) -> bool:
    """Drop a lease that has run out; returns False if it was renewed or released meanwhile.

    The review's version stays: since the lease ran out, any reviewer may decide.
    """
    locked = locked_rows.review(review_id, by=SYSTEM)
    review = locked.row
    holder = review.assignee
    if holder is None or review.is_held(locked.now):
        return False
    review.drop_lease()
    work = UnitOfWork()
    work.update(review, *LEASE_COLUMNS)
    data = {"held_by": holder.email}
    audit.record(work, locked.chain, AuditKind.REVIEW_LEASE_ENDED, by=SYSTEM, data=data, **data)
    work.write()
    return True


def _locked(
    review_id: UUID, by: Actor, version: int | None, key: idempotency.Key | None
) -> LockedReview:
    """The pending review, locked, for an actor who may claim in its queue."""
    idempotency.keep(key, review_id)
    locked = locked_rows.review(review_id, by=by)
    policy.may(Action.CLAIM, locked, by=by).or_raise()
    locked.ensure_pending(version)
    return locked


def _give(locked: LockedReview, to: User, lease_id: UUID | None = None) -> None:
    """Let `to` hold the review for the queue's time from now, under a lease id that is new unless given."""
    review = locked.row
    review.assignee, review.lease_id = to, lease_id or uuid7()
    review.lease_expires_at = locked.now + review.queue.lease


def _ensure_own(review: ReviewTask, by: Actor, lease_id: UUID | None) -> None:
    if review.assignee_id != by.person.pk or (lease_id and review.lease_id != lease_id):
        raise ClaimedByAnother(**_holder(review))


def _holder(review: ReviewTask) -> dict[str, Any]:
    return {"assignee": review.assignee.email if review.assignee else None}


def _save(
    locked: LockedReview, kind: AuditKind, *, data: Mapping[str, str | bool] | None = None
) -> ReviewTask:
    locked.row.version += 1
    work = UnitOfWork()
    work.update(locked.row, *LEASE_COLUMNS, "version")
    audit.record(work, locked.chain, kind, by=locked.by, data=data)
    work.write()
    return locked.row
