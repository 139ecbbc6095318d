"""Approve, reject and undo: each reviewer casts a vote; when the votes suffice, one decision is made."""

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
    ApprovalsError,
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
    decision_reasons,
    idempotency,
    locked_rows,
    outbox,
    outcome_digests,
    wake_ups,
)
from approvals.records.audit_kinds import AuditKind
from approvals.records.locked_rows import LockedReview
from approvals.records.unit_of_work import ConditionFailed, UnitOfWork
from approvals.untrusted import json_schema, strict_json

MAX_REASON = decision_reasons.MAX_REASON
DECIDED_COLUMNS = ("status", "decision", "assignee", "lease_id", "lease_expires_at", "version")
NO_UNDO_BELOW = 60  # seconds left before the deadline
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
    bulk_job: UUID | None = None  # the bulk decision of which this is a part


DEFAULT_REQUEST = DecisionRequest()  # no reason, no edits, the queue's own undo window


@transaction.atomic(durable=True)
def decide(
    review_id: UUID,
    outcome: Outcome,
    *,
    by: Actor,
    request: DecisionRequest = DEFAULT_REQUEST,
    key: idempotency.Key | None = None,
) -> ReviewTask:
    """Cast a vote; if the votes suffice, also write the decision and the outbox entry of its callback.

    Raises NotFound, NotAllowed, AlreadyDecided, ClaimedByAnother, DeadlinePassed, StaleVersion or
    Invalid, and then nothing is written.
    """
    idempotency.keep(key, review_id)
    locked = locked_rows.review(review_id, by=by)
    review = locked.row
    overridden = _ensure_decidable(locked, request)
    text, code = decision_reasons.checked(review, outcome, request.reason, request.reason_code)
    request = replace(request, reason=text, reason_code=code)
    _check_edits(review, outcome, request)

    work = UnitOfWork()
    content = _content(outcome, by, request) | {"cast_at": locked.now}
    vote = Vote(review=review, reviewer=by.person, on_behalf_of=by.on_behalf_of, **content)
    review.just_cast = work.insert(vote)
    data = {
        "outcome": str(outcome),
        "reason": request.reason,
        "reason_code": request.reason_code,
        "vote": str(vote.pk),
        "vote_sha256": outcome_digests.of_vote(vote),
    }
    data |= {"overridden": overridden} if overridden else {}
    data |= {"bulk": str(request.bulk_job)} if request.bulk_job else {}
    kind = AuditKind.VOTE_CAST
    if policy.votes_suffice([*(vote.outcome for vote in locked.votes), outcome]):
        undo_seconds = _undo_seconds(review, request, locked.now)
        decision = _conclude(work, locked, outcome, request, undo_seconds)
        data |= _identified(decision) | {"undo_until": decision.undo_until.isoformat()}
        kind = AuditKind(f"review.{outcome}")
    _save(work, locked, kind, data)
    return review


def refusal(facts: LockedReview, request: DecisionRequest) -> ApprovalsError | None:
    """Why `decide` would refuse a review with these facts, read without a lock; None if it would not."""
    try:
        _ensure_decidable(facts, request)
    except ApprovalsError as error:
        return error
    return None


@transaction.atomic(durable=True)
def decide_at_deadline(review_id: UUID) -> ReviewTask | None:
    """Decide a review shortly before its deadline, if the queue's `at_deadline` has an outcome.

    The decision is made by the system: it casts no vote and ignores claims. Changes nothing and returns
    None if the review is decided, has more than its margin left, is past its deadline, or has a deadline
    that is not from its message.
    """
    locked = locked_rows.review(review_id, by=SYSTEM)
    review, now = locked.row, locked.now
    outcome = OUTCOME_AT_DEADLINE.get(review.queue.at_deadline)
    due = review.deadline_at - review.margin_before_deadline <= now
    if (
        outcome is None
        or review.status != ReviewTask.Status.PENDING
        or review.deadline_source != ReviewTask.DeadlineSource.MESSAGE
        or not due
        or review.is_past_deadline(now)
    ):
        return None
    work = UnitOfWork()
    request = DecisionRequest(reason=f"Nobody decided before the deadline of {review.queue}.")
    decision = _conclude(work, locked, outcome, request, 0)
    data = {"outcome": str(outcome), "reason": request.reason} | _identified(decision)
    _save(work, locked, AuditKind(f"review.{outcome}"), data)
    return review


@transaction.atomic(durable=True)
def undo(decision_id: UUID, *, by: Actor, key: idempotency.Key | None = None) -> ReviewTask:
    """Undo a decision before it is sent: the review is pending again, and its votes are withdrawn.

    Raises NotFound, NotAllowed (the decider and leads may undo), or UndoClosed if sending has begun.
    """
    review_id = Decision.objects.filter(pk=decision_id).values_list("review", flat=True).first()
    if review_id is None:
        raise NotFound
    idempotency.keep(key, review_id)
    locked = locked_rows.review(review_id, by=by)
    review = locked.row
    decision = Decision.objects.get(pk=decision_id)  # it changes under the review's lock alone
    policy.may_undo(decision, locked, by=by).or_raise()
    entry = outbox.cancellable(OutboxEntry.Kind.CALLBACK, decision.pk)
    if entry is None:  # sent, or undone before
        raise UndoClosed
    work = UnitOfWork()
    decision.undone_at = locked.now
    work.update(decision, "undone_at")
    outbox.cancel(work, entry, locked.now)
    for vote in locked.votes:
        vote.withdrawn_at = locked.now
        work.update(vote, "withdrawn_at")
    review.status, review.decision = ReviewTask.Status.PENDING, None
    review.version += 1
    work.update(review, "status", "decision", "version")
    data = {"decision": str(decision.pk)}
    audit.record(work, locked.chain, AuditKind.DECISION_UNDONE, by=by, data=data)
    try:
        work.write()
    except ConditionFailed:  # a sender has leased the entry since it was read
        raise UndoClosed from None
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


def _identified(decision: Decision) -> dict[str, str]:
    """What the event says about the decision itself: its digest shows later changes of its row."""
    digest = outcome_digests.of_decision(decision)
    return {"decision": str(decision.pk), "decision_sha256": digest}


def _conclude(
    work: UnitOfWork,
    locked: LockedReview,
    outcome: Outcome,
    request: DecisionRequest,
    undo_seconds: int,
) -> Decision:
    """Add the decision with its frozen callback, and the outbox entry that sends it, to the unit of work."""
    review, by = locked.row, locked.by
    decision = Decision(
        review=review,
        by=by.user,
        decided_at=locked.now,
        undo_until=locked.now + timedelta(seconds=undo_seconds),
        **_content(outcome, by, request),
    )
    decision.callback = callback_payloads.freeze(review.queue, decision, by.name)
    work.insert(decision)
    entry = outbox.new_entry(
        OutboxEntry.Kind.CALLBACK,
        decision.pk,
        decision.callback,
        queue=review.queue_id,
        not_before=decision.undo_until,
        undoable=bool(undo_seconds),
    )
    work.insert(entry)
    if not undo_seconds:  # with an undo window a wake-up would come too early; the worker looks
        wake_ups.after_commit(wake_ups.DELIVER, entry.pk, review=str(review.pk))
    review.status = ReviewTask.Status(outcome)
    review.decision = decision
    return decision


def _save(work: UnitOfWork, locked: LockedReview, kind: AuditKind, data: Mapping[str, Any]) -> None:
    """Write the unit of work, with the review, whose claim ends, and the event."""
    locked.row.drop_lease()
    locked.row.version += 1
    work.update(locked.row, *DECIDED_COLUMNS)
    audit.record(work, locked.chain, kind, by=locked.by, data=data)
    work.write()


def _ensure_decidable(locked: LockedReview, request: DecisionRequest) -> str:
    """Check that the review can be decided; returns the holder whose claim is overridden, or nothing."""
    review, by = locked.row, locked.by
    policy.may(Action.DECIDE, locked, by=by).or_raise()
    if review.status == ReviewTask.Status.UNPROVED:
        raise DeadlinePassed(deadline_at=review.deadline_at.isoformat())
    if review.status != ReviewTask.Status.PENDING:
        raise AlreadyDecided(**review.outcome_details())
    if any(vote.reviewer_id == by.person.pk for vote in locked.votes):
        raise AlreadyDecided("You have voted on this review already.", **review.outcome_details())
    if request.version is not None and request.version != review.version:
        raise StaleVersion(version=review.version)
    if review.is_past_deadline(locked.now):
        raise DeadlinePassed(deadline_at=review.deadline_at.isoformat())
    return _ensure_not_held(locked, request)


def _ensure_not_held(locked: LockedReview, request: DecisionRequest) -> str:
    """Check the claim: a named lease must run; otherwise nobody else may hold one, unless a lead overrides it."""
    review, by = locked.row, locked.by
    holder = review.assignee if review.is_held(locked.now) else None
    mine = holder is not None and holder.pk == by.person.pk
    lease_runs = request.lease_id is None or (mine and request.lease_id == review.lease_id)
    if lease_runs and (mine or holder is None):
        return ""
    if not request.override:
        raise ClaimedByAnother(assignee=holder.email if holder else None)
    if holder is None or mine:
        return ""
    policy.may(Action.OVERRIDE, locked, by=by).or_raise()
    return holder.email


def _check_edits(review: ReviewTask, outcome: Outcome, request: DecisionRequest) -> None:
    """Check the edits: only an approval has them, and they match the output schema of the queue."""
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
    """The least of the requested seconds, the queue's and a quarter of the time left; 0 under 60 s left."""
    allowed = review.queue.undo_seconds
    wanted = allowed if request.undo_seconds is None else request.undo_seconds
    left = (review.deadline_at - now).total_seconds()
    if left < NO_UNDO_BELOW:
        return 0
    return max(0, min(wanted, allowed, int(left / 4)))
