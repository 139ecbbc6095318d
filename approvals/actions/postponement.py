"""Skip and snooze: a review that is not decided now, by one person or by anybody."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from approvals import policy
from approvals.actors import Actor
from approvals.exceptions import Invalid
from approvals.models import ReviewTask, Skip
from approvals.policy import Action
from approvals.records import audit, idempotency, locked_rows, tokens
from approvals.records.audit_kinds import AuditKind
from approvals.records.locked_rows import LockedReview
from approvals.records.unit_of_work import UnitOfWork
from approvals.untrusted import typed_text

MAX_REASON = 1_000
LEASE_COLUMNS = ("assignee", "lease_id", "lease_expires_at")


@transaction.atomic(durable=True)
def skip(
    review_id: UUID,
    *,
    by: Actor,
    reason: str = "",
    version: int | None = None,
    key: idempotency.Key | None = None,
) -> ReviewTask:
    """Have the actor given other reviews first; their claim on this one ends.

    Without a claim the review's version stays: to others it is as it was, and what they decide holds.
    Raises NotFound, NotAllowed, AlreadyDecided, StaleVersion, ClaimedByAnother, or Invalid for a reason that
    cannot be stored.
    """
    idempotency.keep(key, review_id)
    locked = locked_rows.review(review_id, by=by)
    policy.may(Action.CLAIM, locked, by=by).or_raise()
    locked.ensure_free(version)
    review = locked.row
    data: dict[str, str | bool] = {"reason": _checked_reason(review, reason)}
    work = UnitOfWork()
    earlier = Skip.objects.filter(review=review, user=by.person).first()
    if earlier is None:
        work.insert(Skip(review=review, user=by.person, at=locked.now))
    else:
        earlier.at = locked.now
        work.update(earlier, "at")
    if review.is_held(locked.now):
        review.drop_lease()
        review.version += 1
        work.update(review, *LEASE_COLUMNS, "version")
        data["claim_ended"] = True
    audit.record(work, locked.chain, AuditKind.REVIEW_SKIPPED, by=by, data=data)
    work.write()
    return review


@transaction.atomic(durable=True)
def snooze(
    review_id: UUID,
    until: datetime | None,
    *,
    by: Actor,
    version: int | None = None,
    key: idempotency.Key | None = None,
) -> ReviewTask:
    """Set a review aside for everybody until a time before its deadline; None ends that.

    Nobody is given it next before then; its claim ends, and it can still be decided. Raises NotFound,
    NotAllowed, AlreadyDecided, StaleVersion, ClaimedByAnother, or Invalid for a time that is past or too late
    (extra: latest).
    """
    idempotency.keep(key, review_id)
    locked = locked_rows.review(review_id, by=by)
    policy.may(Action.CLAIM, locked, by=by).or_raise()
    locked.ensure_free(version)
    review = locked.row
    if until is not None:
        _check_time(locked, until)
    review.snoozed_until = until
    review.drop_lease()
    review.version += 1
    work = UnitOfWork()
    work.update(review, *LEASE_COLUMNS, "snoozed_until", "version")
    data = {"until": until.isoformat() if until else None}
    audit.record(work, locked.chain, AuditKind.REVIEW_SNOOZED, by=by, data=data)
    work.write()
    return review


def latest(review: ReviewTask) -> datetime:
    """Until when a review can be snoozed at most: when it would be decided by itself before its deadline."""
    return review.deadline_at - review.margin_before_deadline


def _check_time(locked: LockedReview, until: datetime) -> None:
    last = latest(locked.row)
    if until <= locked.now:
        raise Invalid("Choose a time that is still to come.", pointer="/until")
    if until > last:
        raise Invalid(
            f"The deadline comes first: {last:%Y-%m-%d %H:%M:%S} UTC is the latest.",
            pointer="/until",
            latest=last.isoformat(),
        )


def _checked_reason(review: ReviewTask, reason: str) -> str:
    checked = typed_text.checked(reason, field="reason", longest=MAX_REASON, required="")
    return tokens.redacted(checked, review)
