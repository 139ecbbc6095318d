"""Approve, reject, undo: a vote each, and the one decision with its frozen callback when votes suffice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from approvals import policy
from approvals.actors import SYSTEM, Actor
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
    Vote,
)
from approvals.models.choices import Outcome
from approvals.policy import Action
from approvals.records import (
    audit,
    callback_payloads,
    database_time,
    idempotency,
    outbox,
    tokens,
    wake_ups,
)
from approvals.records.audit_kinds import AuditKind
from approvals.untrusted import json_schema, strict_json, typed_text

MAX_REASON = 32_768
MAX_REASON_CODE = 64
DECIDED_COLUMNS = ("status", "decision", "assignee", "lease_id", "lease_expires_at", "version")
NO_UNDO_BELOW = 60  # seconds left before the deadline
MARGIN = timedelta(seconds=60)
OUTCOME_AT_DEADLINE: Mapping[str, Outcome] = {
    ReviewQueue.AtDeadline.REJECT: Outcome.REJECTED,
    ReviewQueue.AtDeadline.APPROVE: Outcome.APPROVED,
}


@dataclass(frozen=True, kw_only=True)
class DecisionRequest:
    """What a reviewer submits beside the outcome.

    `undo_seconds` None means the queue's own; `version` and `lease_id`, if given, must still hold.
    """

    reason: str = ""
    reason_code: str = ""
    edits: Mapping[str, Any] = field(default_factory=dict)
    lease_id: UUID | None = None
    version: int | None = None
    override: bool = False
    undo_seconds: int | None = None


NOTHING_BESIDE = DecisionRequest()  # no reason, no edits, the queue's own undo window


@transaction.atomic(durable=True)
def decide(
    review_id: UUID,
    outcome: Outcome,
    *,
    by: Actor,
    request: DecisionRequest = NOTHING_BESIDE,
    key: idempotency.Key | None = None,
) -> ReviewTask:
    """Vote; writes the decision, its outbox entry and the audit event when the votes suffice.

    Raises NotFound, NotAllowed, AlreadyDecided, ClaimedByAnother, DeadlinePassed, StaleVersion or
    Invalid, and then nothing is written.
    """
    idempotency.keep(key, review_id)
    review = ReviewTask.objects.locked(review_id)
    now = database_time.now()
    overridden = _ensure_decidable(review, by, request, now)
    request = replace(request, reason=_checked_reason(review, outcome, request))
    _check_edits(review, outcome, request)

    vote = Vote.objects.create(review=review, reviewer=by.person, **_content(outcome, by, request))
    review.drop_lease()
    review.version += 1
    data = {
        "outcome": str(outcome),
        "reason": request.reason,
        "reason_code": request.reason_code,
        "vote": str(vote.pk),
    }
    data |= {"overridden": overridden} if overridden else {}
    votes = Vote.objects.filter(review=review, withdrawn_at=None)
    kind = AuditKind.VOTE_CAST
    if policy.votes_suffice(review, votes.values_list("outcome", flat=True)):
        decision = _conclude(review, outcome, by, request, _undo_seconds(review, request, now), now)
        data |= {"decision": str(decision.pk), "undo_until": decision.undo_until.isoformat()}
        kind = AuditKind(f"review.{outcome}")
    review.save(update_fields=DECIDED_COLUMNS)
    audit.record(review, kind, by=by, data=data)
    return review


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
    request = DecisionRequest(reason=f"Nobody decided before the deadline of {review.queue}.")
    decision = _conclude(review, outcome, SYSTEM, request, 0, now)
    review.save(update_fields=DECIDED_COLUMNS)
    data = {"outcome": str(outcome), "reason": request.reason, "decision": str(decision.pk)}
    audit.record(review, AuditKind(f"review.{outcome}"), by=SYSTEM, data=data)
    return review


def deadline_margin(review: ReviewTask) -> timedelta:
    """How long before its deadline a review is decided by itself: 60 s, a quarter of a short time."""
    return min(MARGIN, (review.deadline_at - review.sent_at) / 4)


@transaction.atomic(durable=True)
def undo(decision_id: UUID, *, by: Actor, key: idempotency.Key | None = None) -> ReviewTask:
    """Take a decision back before it leaves; the review is pending again and its votes withdrawn.

    Raises NotFound, NotAllowed (only who decided, or a lead) or UndoClosed: then the dispatcher won.
    """
    review_id = Decision.objects.filter(pk=decision_id).values_list("review", flat=True).first()
    if review_id is None:
        raise NotFound
    idempotency.keep(key, review_id)
    review = ReviewTask.objects.locked(review_id)
    decision = Decision.objects.select_for_update().get(pk=decision_id)
    policy.may_undo(decision, review, by=by).or_raise()
    if decision.undone_at is not None or not outbox.cancel(OutboxEntry.Kind.CALLBACK, decision.pk):
        raise UndoClosed
    now = database_time.now()
    decision.undone_at = now
    decision.save(update_fields=["undone_at"])
    Vote.objects.filter(review=review, withdrawn_at=None).update(withdrawn_at=now)
    review.status, review.decision = ReviewTask.Status.PENDING, None
    review.version += 1
    review.save(update_fields=["status", "decision", "version"])
    audit.record(review, AuditKind.DECISION_UNDONE, by=by, data={"decision": str(decision.pk)})
    return review


def _content(outcome: Outcome, by: Actor, request: DecisionRequest) -> dict[str, Any]:
    """The columns that a vote and a decision share."""
    return {
        "outcome": outcome,
        "reason": request.reason,
        "reason_code": request.reason_code,
        "edits": dict(request.edits),
        "surface": by.surface,
        "signed_in": by.signed_in,
    }


def _conclude(
    review: ReviewTask,
    outcome: Outcome,
    by: Actor,
    request: DecisionRequest,
    undo_seconds: int,
    now: datetime,
) -> Decision:
    """Write the decision with its frozen callback and the outbox entry that sends it."""
    decision = Decision(
        review=review,
        by=by.user,
        decided_at=now,
        undo_until=now + timedelta(seconds=undo_seconds),
        **_content(outcome, by, request),
    )
    decision.callback = callback_payloads.freeze(review.queue, decision, by.name)
    decision.save(force_insert=True)
    entry = outbox.enqueue(
        OutboxEntry.Kind.CALLBACK,
        decision.pk,
        decision.callback,
        queue=review.queue_id,
        not_before=decision.undo_until,
        undoable=undo_seconds > 0,
    )
    if undo_seconds == 0:  # with an undo window a wake-up would come too early; the worker looks
        wake_ups.after_commit(wake_ups.DELIVER, entry.pk, review=str(review.pk))
    review.status = ReviewTask.Status(outcome)
    review.decision = decision
    return decision


def _ensure_decidable(
    review: ReviewTask, by: Actor, request: DecisionRequest, now: datetime
) -> str:
    """Refuse what may not be decided; returns whose claim a lead has overridden, or nothing."""
    policy.may(Action.DECIDE, review, by=by).or_raise()
    if review.status != ReviewTask.Status.PENDING:
        raise AlreadyDecided(**review.outcome_details())
    if Vote.objects.filter(review=review, reviewer=by.person, withdrawn_at=None).exists():
        raise AlreadyDecided("You have voted on this review already.", **review.outcome_details())
    if request.version is not None and request.version != review.version:
        raise StaleVersion(version=review.version)
    if review.is_past_deadline(now):
        raise DeadlinePassed(deadline_at=review.deadline_at.isoformat())
    return _ensure_not_held(review, by, request, now)


def _ensure_not_held(review: ReviewTask, by: Actor, request: DecisionRequest, now: datetime) -> str:
    """A given lease must still run; without one, nobody else's may, unless a lead overrides it."""
    holder = review.assignee if review.is_held(now) else None
    mine = holder is not None and holder.pk == by.person.pk
    lease_runs = request.lease_id is None or (mine and request.lease_id == review.lease_id)
    if lease_runs and (mine or holder is None):
        return ""
    if not request.override:
        raise ClaimedByAnother(assignee=holder.email if holder else None)
    if holder is None or mine:
        return ""
    policy.may(Action.OVERRIDE, review, by=by).or_raise()
    return holder.email


def _checked_reason(review: ReviewTask, outcome: Outcome, request: DecisionRequest) -> str:
    typed_text.checked(request.reason_code, field="reason_code", longest=MAX_REASON_CODE)
    verb = "approves" if outcome == Outcome.APPROVED else "rejects"
    needed = review.queue.needs_reason(outcome)
    reason = typed_text.checked(
        request.reason,
        field="reason",
        longest=MAX_REASON,
        required=f"Whoever {verb} here says why: write a reason." if needed else "",
    )
    return tokens.redacted(reason, review)


def _check_edits(review: ReviewTask, outcome: Outcome, request: DecisionRequest) -> None:
    """Edits travel only with an approval, and only as the queue's output schema allows."""
    if not request.edits:
        return
    if outcome != Outcome.APPROVED:
        raise Invalid("Edits go with an approval, not with a rejection.", pointer="/edits")
    schema = review.queue.output_schema
    if schema is None:
        raise Invalid("This queue takes no edits: it has no output schema.", pointer="/edits")
    try:
        strict_json.check_storable(request.edits)
    except strict_json.Unreadable as error:
        raise Invalid(error.explanation, pointer="/edits") from None
    try:
        mismatch = json_schema.first_mismatch(schema, dict(request.edits))
    except json_schema.UnusableSchema as error:
        raise Invalid(str(error), pointer="/edits") from None
    if mismatch is not None:
        raise Invalid(mismatch.explanation, pointer="/edits" + mismatch.pointer)


def _undo_seconds(review: ReviewTask, request: DecisionRequest, now: datetime) -> int:
    """The least of what was asked, the queue's maximum and a quarter of the time left; 0 near the end."""
    allowed = review.queue.undo_seconds
    asked = allowed if request.undo_seconds is None else request.undo_seconds
    left = (review.deadline_at - now).total_seconds()
    if left < NO_UNDO_BELOW:
        return 0
    return max(0, min(asked, allowed, int(left / 4)))
