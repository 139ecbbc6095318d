"""Escalate: ask others to decide, the leads of the review's queue or the people of another one."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from approvals import policy
from approvals.actors import Actor
from approvals.exceptions import Invalid
from approvals.models import ReviewQueue, ReviewTask
from approvals.policy import Action
from approvals.records import audit, idempotency, locked_rows, tokens
from approvals.records.audit_kinds import AuditKind
from approvals.records.unit_of_work import UnitOfWork
from approvals.untrusted import typed_text

MAX_REASON = 4_000
ESCALATED_COLUMNS = (
    "escalated_to", "snoozed_until", "assignee", "lease_id", "lease_expires_at", "version",
)  # fmt: skip


@transaction.atomic(durable=True)
def escalate(
    review_id: UUID,
    reason: str,
    *,
    by: Actor,
    version: int | None = None,
    key: idempotency.Key | None = None,
) -> ReviewTask:
    """Give a pending review to the queue in `escalate_to`, else to the leads of its own queue.

    The review's queue stays, and with it everything that answers Step Functions: token, deadline, role,
    region, `reject_as`, error name, output schema and reason codes. Only who decides changes. Raises
    NotFound, NotAllowed, AlreadyDecided, StaleVersion, ClaimedByAnother, or Invalid without a reason, for a
    review that was escalated before, or where nobody could decide it.
    """
    idempotency.keep(key, review_id)
    locked = locked_rows.review(review_id, by=by)
    policy.may(Action.CLAIM, locked, by=by).or_raise()
    locked.ensure_free(version)
    review = locked.row
    if review.escalated_to_id is not None:
        raise Invalid("This review has been escalated already.")
    text = typed_text.checked(
        reason, field="reason", longest=MAX_REASON, required="To escalate, write a reason."
    )
    review.escalated_to = target = destination(review)
    if not policy.deciders_of(review).exists():
        raise Invalid(f"It cannot go to {_name(review)}: nobody there may decide it.")
    review.snoozed_until = None
    review.drop_lease()
    review.version += 1
    work = UnitOfWork()
    work.update(review, *ESCALATED_COLUMNS)
    data = {
        "to": target.slug,
        "leads": review.is_for_leads,
        "reason": tokens.redacted(text, review),
    }
    audit.record(work, locked.chain, AuditKind.REVIEW_ESCALATED, by=by, data=data)
    work.write()
    return review


def destination(review: ReviewTask) -> ReviewQueue:
    """The queue whose people decide an escalated review; its own means its leads."""
    return review.queue.escalate_to or review.queue


def _name(review: ReviewTask) -> str:
    return f"the leads of {review.queue}" if review.is_for_leads else str(review.escalated_to)
