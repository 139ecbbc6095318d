"""Claims: a lease on a pending review, held by one person and ended by the database's clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from approvals import policy
from approvals.exceptions import AlreadyDecided, ClaimedByAnother, Invalid, StaleVersion
from approvals.models import ReviewTask, User
from approvals.models.choices import Surface
from approvals.models.ids import uuid7
from approvals.models.review_tasks import ReviewQuerySet
from approvals.records import audit, database_time, idempotency

log = structlog.get_logger(__name__)


@transaction.atomic(durable=True)
def claim(
    review_id: UUID,
    *,
    by: User,
    surface: str,
    override: bool = False,
    version: int | None = None,
    receipt: idempotency.Key | None = None,
) -> ReviewTask:
    """Take a pending review; one's own claim is renewed, a lead may `override` another's.

    Raises NotFound, NotAllowed, AlreadyDecided, StaleVersion or ClaimedByAnother (extra: assignee).
    """
    idempotency.keep(receipt, review_id)
    review = ReviewTask.objects.locked(review_id)
    policy.may(policy.CLAIM, review, by, surface).or_raise()
    _ensure_pending(review, version)
    now = database_time.now()
    taken_from = None
    if review.is_held(now) and review.assignee_id != by.pk:
        if not override:
            raise ClaimedByAnother(**_holder(review))
        policy.may(policy.OVERRIDE, review, by, surface).or_raise()
        taken_from = review.assignee
    if not (review.is_held(now) and review.assignee_id == by.pk):
        review.lease_id = uuid7()
    review.assignee = by
    review.lease_expires_at = now + review.queue.lease
    return _save(
        review,
        "review.claimed",
        by=by,
        surface=surface,
        data={"taken_from": taken_from.email} if taken_from else {},
    )


@transaction.atomic(durable=True)
def claim_next(
    reviews: ReviewQuerySet, *, by: User, surface: str, receipt: idempotency.Key | None = None
) -> ReviewTask | None:
    """Claim the first of `reviews`, in their order, that nobody holds and whose deadline lies ahead.

    Two people who ask at once get two different reviews. None where there is none left.
    """
    idempotency.keep(receipt)
    queues = policy.decidable_queues(by).order_by()
    free = reviews.filter(queue__in=queues).pending().unclaimed().before_deadline()
    review = free.select_for_update(skip_locked=True, of=("self",)).first()
    if review is None:
        return None
    idempotency.fill(receipt, review.pk)
    review.assignee, review.lease_id = by, uuid7()
    review.lease_expires_at = database_time.now() + review.queue.lease
    return _save(review, "review.claimed", by=by, surface=surface, data={"next": True})


@transaction.atomic(durable=True)
def renew(
    review_id: UUID,
    *,
    by: User,
    surface: str,
    lease_id: UUID | None = None,
    version: int | None = None,
    receipt: idempotency.Key | None = None,
) -> ReviewTask:
    """Lengthen one's own claim. Not audited: nothing changed hands.

    Raises NotFound, NotAllowed, AlreadyDecided, StaleVersion or ClaimedByAnother where it is not
    one's own now.
    """
    idempotency.keep(receipt, review_id)
    review = ReviewTask.objects.locked(review_id)
    policy.may(policy.CLAIM, review, by, surface).or_raise()
    _ensure_pending(review, version)
    _ensure_own(review, by, lease_id)
    review.lease_expires_at = database_time.now() + review.queue.lease
    review.save(update_fields=["lease_expires_at"])
    return review


@transaction.atomic(durable=True)
def release(
    review_id: UUID,
    *,
    by: User,
    surface: str,
    lease_id: UUID | None = None,
    version: int | None = None,
    receipt: idempotency.Key | None = None,
) -> ReviewTask:
    """Give a claim back. Releasing what nobody holds is no error and changes nothing.

    Raises NotFound, NotAllowed, AlreadyDecided, StaleVersion or ClaimedByAnother.
    """
    idempotency.keep(receipt, review_id)
    review = ReviewTask.objects.locked(review_id)
    policy.may(policy.CLAIM, review, by, surface).or_raise()
    _ensure_pending(review, version)
    if not review.is_held(database_time.now()):
        return review
    _ensure_own(review, by, lease_id)
    review.drop_lease()
    return _save(review, "review.released", by=by, surface=surface, data={})


@transaction.atomic(durable=True)
def reassign(
    review_id: UUID,
    to: User,
    *,
    by: User,
    surface: str,
    version: int | None = None,
    receipt: idempotency.Key | None = None,
) -> ReviewTask:
    """Hand a pending review to somebody else: the holder hands on their own, a lead anyone's.

    Raises NotFound, NotAllowed, AlreadyDecided, StaleVersion, or Invalid where `to` may not decide
    there.
    """
    idempotency.keep(receipt, review_id)
    review = ReviewTask.objects.locked(review_id)
    policy.may(policy.CLAIM, review, by, surface).or_raise()
    _ensure_pending(review, version)
    now = database_time.now()
    holder = review.assignee if review.is_held(now) else None
    if holder is None or holder.pk != by.pk:
        policy.may(policy.OVERRIDE, review, by, surface).or_raise()
    if not policy.may(policy.DECIDE, review, to, surface).allowed:
        raise Invalid(f"{to.email} may not decide in {review.queue}.", pointer="/to")
    review.assignee, review.lease_id = to, uuid7()
    review.lease_expires_at = now + review.queue.lease
    handed = {"to": to.email} | ({"taken_from": holder.email} if holder else {})
    return _save(review, "review.reassigned", by=by, surface=surface, data=handed)


@transaction.atomic(durable=True)
def end_lease(review_id: UUID) -> bool:
    """Write down that a claim has run out; False where it was renewed or given back meanwhile.

    Nobody's version grows stale by it: since the lease ran out, anybody may decide anyway.
    """
    review = ReviewTask.objects.locked(review_id)
    holder = review.assignee
    if holder is None or review.is_held(database_time.now()):
        return False
    review.drop_lease()
    review.save(update_fields=["assignee", "lease_id", "lease_expires_at"])
    chain = audit.chain_of("review", review.pk)
    data = {"held_by": holder.email}
    audit.record(chain, "review.lease_ended", by=None, surface=Surface.SYSTEM, data=data)
    log.info("review.lease_ended", review=str(review.pk), held_by=holder.email)
    return True


def _ensure_pending(review: ReviewTask, version: int | None) -> None:
    if review.status != ReviewTask.Status.PENDING:
        raise AlreadyDecided(**review.outcome_details())
    if version is not None and version != review.version:
        raise StaleVersion(version=review.version)


def _ensure_own(review: ReviewTask, by: User, lease_id: UUID | None) -> None:
    if review.assignee_id != by.pk or (lease_id and review.lease_id != lease_id):
        raise ClaimedByAnother(**_holder(review))


def _holder(review: ReviewTask) -> dict[str, Any]:
    return {"assignee": review.assignee.email if review.assignee else None}


def _save(
    review: ReviewTask, kind: str, *, by: User, surface: str, data: Mapping[str, str | bool]
) -> ReviewTask:
    review.version += 1
    review.save(update_fields=["assignee", "lease_id", "lease_expires_at", "version"])
    audit.record(audit.chain_of("review", review.pk), kind, by=by, surface=surface, data=data)
    log.info(kind, review=str(review.pk), by=by.email, surface=surface)
    return review
