"""Approve, reject, undo: a vote each, and the one decision with its frozen answer when votes suffice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from approvals import policy
from approvals.exceptions import (
    AlreadyDecided,
    ClaimedByAnother,
    DeadlinePassed,
    Invalid,
    NotFound,
    StaleVersion,
    UndoClosed,
)
from approvals.models import (
    Decision,
    OutboxEntry,
    ReviewQueue,
    ReviewTask,
    User,
    Vote,
)
from approvals.models.choices import Outcome, Surface
from approvals.records import (
    audit,
    callback_payloads,
    database_time,
    idempotency,
    outbox,
    tokens,
    wake_ups,
)
from approvals.untrusted import json_schema, strict_json

log = structlog.get_logger(__name__)

MAX_REASON = 32_768
DECIDED_COLUMNS = ("status", "decision", "assignee", "lease_id", "lease_expires_at", "version")
NO_UNDO_BELOW = 60  # seconds left before the deadline
MARGIN = timedelta(seconds=60)
OUTCOME_AT_DEADLINE: Mapping[str, Outcome] = {
    ReviewQueue.AtDeadline.REJECT: Outcome.REJECTED,
    ReviewQueue.AtDeadline.APPROVE: Outcome.APPROVED,
}


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """What a reviewer submits beside the outcome.

    `undo_seconds` None means the queue's own; `version` and `lease_id`, where given, must still hold.
    """

    reason: str = ""
    reason_code: str = ""
    edits: Mapping[str, Any] = field(default_factory=dict)
    lease_id: UUID | None = None
    version: int | None = None
    override: bool = False
    undo_seconds: int | None = None
    signed_in: str = ""


@dataclass(frozen=True)
class _Said:
    """What a decision takes over from the vote, or from the queue's rule, that made it."""

    outcome: str
    reason: str = ""
    reason_code: str = ""
    edits: Mapping[str, Any] = field(default_factory=dict)
    signed_in: str = ""


AS_IT_IS = Ruling()  # no reason, no edits, the queue's own undo window


def approve(
    review_id: UUID,
    *,
    by: User,
    surface: str,
    ruling: Ruling = AS_IT_IS,
    receipt: idempotency.Key | None = None,
) -> ReviewTask:
    """Vote to approve; writes the decision, its outbox row and the audit when the votes suffice.

    Raises NotFound, NotAllowed, AlreadyDecided, ClaimedByAnother, DeadlinePassed, StaleVersion or
    Invalid, and then nothing is written.
    """
    return _decide(review_id, Outcome.APPROVED, by, surface, ruling, receipt)


def reject(
    review_id: UUID,
    *,
    by: User,
    surface: str,
    ruling: Ruling = AS_IT_IS,
    receipt: idempotency.Key | None = None,
) -> ReviewTask:
    """Vote to reject; as `approve`, and refuses as it does."""
    return _decide(review_id, Outcome.REJECTED, by, surface, ruling, receipt)


@transaction.atomic(durable=True)
def decide_at_deadline(review_id: UUID) -> ReviewTask | None:
    """Decide as the queue's `at_deadline` says, one margin before Step Functions stops waiting.

    The decision is the system's: it casts no vote, and nobody's claim holds it up. Does nothing
    (None) where the review is decided, has time left, is past its deadline, or has a deadline that
    its message did not give.
    """
    review = ReviewTask.objects.locked(review_id)
    outcome = OUTCOME_AT_DEADLINE.get(review.queue.at_deadline)
    now = database_time.now()
    due = review.deadline_at - deadline_margin(review) <= now
    if (
        outcome is None
        or review.status != ReviewTask.Status.PENDING
        or review.deadline_source != ReviewTask.DeadlineSource.MESSAGE
        or not due
        or review.is_past_deadline(now)
    ):
        return None
    review.drop_lease()
    review.version += 1
    said = _Said(str(outcome), reason=f"Nobody decided before the deadline of {review.queue}.")
    decision = _conclude(review, said, None, Surface.SYSTEM, 0, now)
    review.save(update_fields=DECIDED_COLUMNS)
    told = {"outcome": str(outcome), "reason": said.reason, "decision": str(decision.pk)}
    _record(review, f"review.{outcome}", None, Surface.SYSTEM, told)
    return review


def deadline_margin(review: ReviewTask) -> timedelta:
    """How long before its deadline a review is decided by itself: 60 s, a quarter of a short time."""
    return min(MARGIN, (review.deadline_at - review.sent_at) / 4)


@transaction.atomic(durable=True)
def undo(
    decision_id: UUID, *, by: User, surface: str, receipt: idempotency.Key | None = None
) -> ReviewTask:
    """Take a decision back before it leaves; the review is pending again and its votes withdrawn.

    Raises NotFound, NotAllowed (only who decided, or a lead) or UndoClosed: then the dispatcher won.
    """
    review_id = Decision.objects.filter(pk=decision_id).values_list("review", flat=True).first()
    if review_id is None:
        raise NotFound
    idempotency.keep(receipt, review_id)
    review = ReviewTask.objects.locked(review_id)
    decision = Decision.objects.select_for_update().get(pk=decision_id)
    policy.may(policy.DECIDE, review, by, surface).or_raise()
    if decision.by_id != by.pk:
        policy.may(policy.OVERRIDE, review, by, surface).or_raise()
    if decision.undone_at is not None or not outbox.cancel(OutboxEntry.Kind.CALLBACK, decision.pk):
        raise UndoClosed
    now = database_time.now()
    decision.undone_at = now
    decision.save(update_fields=["undone_at"])
    Vote.objects.filter(review=review, withdrawn_at=None).update(withdrawn_at=now)
    review.status, review.decision = ReviewTask.Status.PENDING, None
    review.version += 1
    review.save(update_fields=["status", "decision", "version"])
    _record(review, "decision.undone", by, surface, {"decision": str(decision.pk)})
    return review


@transaction.atomic(durable=True)
def _decide(
    review_id: UUID,
    outcome: Outcome,
    by: User,
    surface: str,
    ruling: Ruling,
    receipt: idempotency.Key | None,
) -> ReviewTask:
    idempotency.keep(receipt, review_id)
    review = ReviewTask.objects.locked(review_id)
    now = database_time.now()
    overridden = _ensure_decidable(review, by, surface, ruling, now)
    reason = _checked_reason(review, outcome, ruling)
    _check_edits(review, outcome, ruling)

    vote = Vote.objects.create(
        review=review,
        reviewer=by,
        outcome=outcome,
        reason=reason,
        reason_code=ruling.reason_code,
        edits=dict(ruling.edits),
        surface=surface,
        signed_in=ruling.signed_in,
    )
    review.drop_lease()
    review.version += 1
    said = {"outcome": str(outcome), "reason": reason, "reason_code": ruling.reason_code}
    said |= {"overridden": overridden} if overridden else {}
    outcomes = Vote.objects.filter(review=review, withdrawn_at=None).values_list(
        "outcome", flat=True
    )
    if policy.votes_suffice(review, outcomes):
        said_so = _Said(outcome, reason, ruling.reason_code, ruling.edits, ruling.signed_in)
        undo_seconds = _undo_seconds(review, ruling, now)
        decision = _conclude(review, said_so, by, surface, undo_seconds, now)
        said |= {"decision": str(decision.pk), "undo_until": decision.undo_until.isoformat()}
    review.save(update_fields=DECIDED_COLUMNS)
    kind = f"review.{outcome}" if review.decision_id else "vote.cast"
    _record(review, kind, by, surface, {**said, "vote": str(vote.pk)})
    return review


def _conclude(
    review: ReviewTask,
    said: _Said,
    by: User | None,
    surface: str,
    undo_seconds: int,
    now: datetime,
) -> Decision:
    """Write the decision with its frozen bytes and the outbox row that carries them."""
    decision = Decision(
        review=review,
        by=by,
        outcome=said.outcome,
        reason=said.reason,
        reason_code=said.reason_code,
        edits=dict(said.edits),
        surface=surface,
        signed_in=said.signed_in,
        decided_at=now,
        undo_until=now + timedelta(seconds=undo_seconds),
    )
    decision.callback = callback_payloads.freeze(
        review.queue, decision, by.email if by else audit.SYSTEM
    )
    decision.save(force_insert=True)
    entry = outbox.enqueue(
        OutboxEntry.Kind.CALLBACK,
        decision.pk,
        decision.callback,
        queue=review.queue_id,
        not_before=decision.undo_until,
        undoable=undo_seconds > 0,
    )
    if undo_seconds == 0:  # inside an undo window a hint would come too early; the sweeper wakes
        wake_ups.after_commit(wake_ups.DELIVER, entry.pk, review=str(review.pk))
    review.status = ReviewTask.Status(said.outcome)
    review.decision = decision
    return decision


def _ensure_decidable(
    review: ReviewTask, by: User, surface: str, ruling: Ruling, now: datetime
) -> str:
    """Refuse what may not be decided; returns whose claim a lead has overridden, or nothing."""
    policy.may(policy.DECIDE, review, by, surface).or_raise()
    if review.status != ReviewTask.Status.PENDING:
        raise AlreadyDecided(**review.outcome_details())
    if Vote.objects.filter(review=review, reviewer=by, withdrawn_at=None).exists():
        raise AlreadyDecided("You have voted on this review already.", **review.outcome_details())
    if ruling.version is not None and ruling.version != review.version:
        raise StaleVersion(version=review.version)
    if review.is_past_deadline(now):
        raise DeadlinePassed(deadline_at=review.deadline_at.isoformat())
    return _ensure_not_held(review, by, surface, ruling, now)


def _ensure_not_held(
    review: ReviewTask, by: User, surface: str, ruling: Ruling, now: datetime
) -> str:
    """A given lease must still run; without one, nobody else's may, unless a lead overrides it."""
    holder = review.assignee if review.is_held(now) else None
    mine = holder is not None and holder.pk == by.pk
    lease_runs = ruling.lease_id is None or (mine and ruling.lease_id == review.lease_id)
    if lease_runs and (mine or holder is None):
        return ""
    if not ruling.override:
        raise ClaimedByAnother(assignee=holder.email if holder else None)
    if holder is None or mine:
        return ""
    policy.may(policy.OVERRIDE, review, by, surface).or_raise()
    return holder.email


def _checked_reason(review: ReviewTask, outcome: Outcome, ruling: Ruling) -> str:
    for name, text, limit in (
        ("reason", ruling.reason, MAX_REASON),
        ("reason_code", ruling.reason_code, 64),
    ):
        if len(text) > limit:
            raise Invalid(f"{name} is longer than {limit} characters.", pointer=f"/{name}")
        if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
            raise Invalid(f"{name} holds a character that cannot be stored.", pointer=f"/{name}")
    reason = tokens.redacted(ruling.reason.strip(), review)
    if not reason and review.queue.needs_reason(outcome):
        done = "approves" if outcome == Outcome.APPROVED else "rejects"
        raise Invalid(f"Whoever {done} here says why: write a reason.", pointer="/reason")
    return reason


def _check_edits(review: ReviewTask, outcome: Outcome, ruling: Ruling) -> None:
    """Edits travel only with an approval, and only as the queue's output schema allows."""
    if not ruling.edits:
        return
    if outcome != Outcome.APPROVED:
        raise Invalid("Edits go with an approval, not with a rejection.", pointer="/edits")
    schema = review.queue.output_schema
    if schema is None:
        raise Invalid("This queue takes no edits: it has no output schema.", pointer="/edits")
    try:
        strict_json.check_storable(ruling.edits)
    except strict_json.Unreadable as error:
        raise Invalid(error.explanation, pointer="/edits") from None
    try:
        mismatch = json_schema.first_mismatch(schema, dict(ruling.edits))
    except json_schema.UnusableSchema as error:
        raise Invalid(str(error), pointer="/edits") from None
    if mismatch is not None:
        raise Invalid(mismatch.explanation, pointer="/edits" + mismatch.pointer)


def _undo_seconds(review: ReviewTask, ruling: Ruling, now: datetime) -> int:
    """The least of what was asked, the queue's maximum and a quarter of the time left; 0 near the end."""
    allowed = review.queue.undo_seconds
    asked = allowed if ruling.undo_seconds is None else ruling.undo_seconds
    left = (review.deadline_at - now).total_seconds()
    if left < NO_UNDO_BELOW:
        return 0
    return max(0, min(asked, allowed, int(left / 4)))


def _record(
    review: ReviewTask, kind: str, by: User | None, surface: str, data: dict[str, Any]
) -> None:
    audit.record(audit.chain_of("review", review.pk), kind, by=by, surface=surface, data=data)
    who = by.email if by else audit.SYSTEM
    log.info(kind, review=str(review.pk), by=who, surface=surface)
