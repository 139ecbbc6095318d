"""Sends decisions to Step Functions: unseal the token, send the frozen bytes, judge the answer.

A 200 proves delivery. A closed token may be our own success whose answer was lost, so the execution's
history is read; what it does not prove is `unconfirmed`, never `delivered`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from approvals.actors import SYSTEM
from approvals.exceptions import KeyMissing
from approvals.gateways import stepfunctions
from approvals.gateways.errors import Answer, Proof
from approvals.models import Decision, OutboxAttempt, OutboxEntry, ReviewTask
from approvals.models.outbox import Delivery, DeliveryState, Detail
from approvals.reconciliation import callback_evidence
from approvals.reconciliation.callback_evidence import Evidence, Fate
from approvals.records import (
    audit,
    callback_payloads,
    circuit_breakers,
    locked_rows,
    outbox,
    places,
    tokens,
)
from approvals.records.audit_kinds import AuditKind
from approvals.records.callback_leases import CallbackLease
from approvals.records.locked_rows import LockedReview
from approvals.records.outbox import AttemptResult, Lease, Verdict
from approvals.records.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)

Result = OutboxAttempt.Result

ACCESS_PAUSE = (
    15.0  # seconds; the token stays good, an operator has to correct rights or keys of AWS
)
LAG_PAUSE = 5.0  # seconds; a history may not yet show what the call was answered
MOST_READS = 6  # of a history that does not show the task
FINAL_FOR_THE_CALL = {Result.CLOSED, Result.INVALID_TOKEN}
RESETS_THE_BREAKER = {Proof.ACCEPTED, Proof.CLOSED, Proof.INVALID_TOKEN}
NEVER_CALLED = {Result.HISTORY, ""}
KEY_MISSING = Answer(Proof.REFUSED, Result.KEY_MISSING)
NOT_ADMITTED = Answer(Proof.ACCESS_DENIED, "StateMachineNotAdmitted")
WRONG_ACCOUNT = Answer(Proof.ACCESS_DENIED, "WrongAccount")
WHY = {
    NOT_ADMITTED.code: "The queue's list of state machines does not name this review's any more.",
    WRONG_ACCOUNT.code: "The execution lies in another AWS account than the one we act in: the queue"
    " needs a role to assume there.",
}


def about(lease: Lease) -> dict[str, str]:
    """The review whose decision this is, for the log."""
    return {"review": str(_review_id(lease))}


def send(lease: Lease) -> None:
    """Make the one call of a leased callback, read the history if the answer needs it, and conclude."""
    review, decision = _review(lease), Decision(pk=lease.entry.subject)
    must_read = _is_final(lease) or conclude(lease, _call(review, bytes(lease.entry.payload)))
    if must_read:
        conclude_by_history(lease, callback_evidence.ask(review, decision))


def _review(lease: Lease) -> ReviewTask:
    """The review of a lease with its queue, of which a `CallbackLease` has both."""
    if isinstance(lease, CallbackLease):
        return lease.review
    decision = Decision.objects.select_related("review__queue").get(pk=lease.entry.subject)
    return decision.review


def _review_id(lease: Lease) -> UUID:
    if isinstance(lease, CallbackLease):
        return lease.review.pk
    found: UUID = Decision.objects.values_list("review", flat=True).get(pk=lease.entry.subject)
    return found


def _is_final(lease: Lease) -> bool:
    """Whether the last answer makes another call useless: only the history shows what became of it."""
    if lease.number == 1:
        return False
    result, _ = _last_answer(lease.entry)
    return result in FINAL_FOR_THE_CALL


def _last_answer(entry: OutboxEntry) -> tuple[str, str]:
    """What the last call that was answered proved, and AWS's error code."""
    answered = entry.journal.exclude(result__in=NEVER_CALLED).order_by("-number")
    return answered.values_list("result", "error_code").first() or ("", "")


def _call(review: ReviewTask, payload: bytes) -> Answer:
    """One request to Step Functions, outside any transaction; none if the queue no longer admits it."""
    if not review.queue.admits(review.state_machine_arn):
        return NOT_ADMITTED
    try:
        token = tokens.unseal(review.sealed_token, row=review.pk, column="sealed_token").decode()
    except KeyMissing:
        return KEY_MISSING
    place, call = places.of_review(review), callback_payloads.thaw(payload)
    if isinstance(call, callback_payloads.Success):
        answer = stepfunctions.send_task_success(place, token, call.output)
    else:
        answer = stepfunctions.send_task_failure(place, token, call.error, call.cause)
    if (
        answer.proof == Proof.INVALID_TOKEN
        and places.is_asked_after(review)  # else it may name any account, and its token be forged
        and stepfunctions.is_in_another_account(place, review.execution_arn)
    ):
        return WRONG_ACCOUNT
    return answer


@transaction.atomic(durable=True)
def conclude(lease: Lease, answer: Answer) -> bool:
    """Journal the answer and move the row; True if only the history can show what became of it.

    Locks the review, then the entry.
    """
    locked = _locked(lease)
    final = _result(answer) in FINAL_FOR_THE_CALL
    work = UnitOfWork()
    concluded = outbox.conclude(
        work,
        lease,
        AttemptResult(_result(answer), answer.code, answer.request_id),
        lambda _: None if final else _verdict(locked, answer),
    )
    entry, before = concluded.entry, concluded.before
    if entry.detail != before.detail and not _is_one_more_retry(entry, before):
        why = {"why": WHY[answer.code]} if answer.code in WHY else {}
        known = {"error_code": answer.code, "aws_request_id": answer.request_id, **why}
        _record(work, locked, entry, known)
    work.write()
    _count_refusal(concluded, answer)
    # An answer that is not final has moved the entry.
    return outbox.still_ours(entry, lease)


@transaction.atomic(durable=True)
def conclude_by_history(lease: Lease, found: Evidence) -> None:
    """Move the row as the execution's history proves; what it does not prove is not settled."""
    locked, work = _locked(lease), UnitOfWork()
    concluded = outbox.conclude(
        work,
        lease,
        AttemptResult(Result.HISTORY, str(found.fate), if_unknown=True),
        lambda entry: _verdict_by_history(entry, found),
    )
    if concluded.entry.detail != concluded.before.detail:
        _, code = _last_answer(concluded.entry)
        _record(work, locked, concluded.entry, {"error_code": code, **found.as_audit_data()})
    work.write()


def _locked(lease: Lease) -> LockedReview:
    return locked_rows.review(_review_id(lease), by=SYSTEM)


def _verdict(locked: LockedReview, answer: Answer) -> Verdict:
    """What follows from an answer that neither proves delivery nor is final for the call."""
    if answer == KEY_MISSING:
        return outbox.parked(Detail.KEY_MISSING)
    if answer == NOT_ADMITTED:
        return outbox.parked(Detail.ACCESS_DENIED)
    if answer.proof == Proof.INVALID_OUTPUT:
        return outbox.parked(Detail.INVALID_OUTPUT)
    if answer.proof == Proof.ACCESS_DENIED:
        if locked.row.is_past_deadline(locked.now):
            return outbox.parked(Detail.ACCESS_DENIED)
        return outbox.retrying(at_least=ACCESS_PAUSE)
    return outbox.retrying()


def _is_one_more_retry(entry: OutboxEntry, before: Delivery) -> bool:
    """Whether this is a later retry, made while the circuit breaker was open: only the first is audited."""
    return entry.attempts > 1 and (before.detail, entry.detail) == (
        Detail.BREAKER_OPEN,
        Detail.RETRYING,
    )


def _verdict_by_history(entry: OutboxEntry, found: Evidence) -> Verdict:
    fate = found.fate
    if fate == Fate.OURS:
        return outbox.settled(Detail.PROVED_BY_HISTORY)
    if fate.is_closed:
        return outbox.settled(Detail(fate))
    if fate == Fate.NOT_NOW or (fate in UNSHOWN and _reads(entry) < MOST_READS):
        return outbox.retrying(at_least=LAG_PAUSE)
    if _last_answer(entry)[0] == Result.INVALID_TOKEN:
        return outbox.parked(Detail.INVALID_TOKEN)
    return outbox.parked(Detail.HISTORY_UNREADABLE if fate in UNSHOWN else Detail(fate))


UNSHOWN = {Fate.OPEN, Fate.UNKNOWN_TASK}  # the call was answered that it is over: the history lags


def _reads(entry: OutboxEntry) -> int:
    return entry.journal.filter(result=Result.HISTORY).count()


def _count_refusal(concluded: outbox.Conclusion, answer: Answer) -> None:
    """Count a refusal that no decision caused against the queue's breaker; one about the token resets it."""
    entry = concluded.entry
    if entry.queue_id is None or answer in {NOT_ADMITTED, KEY_MISSING}:
        return
    if answer.proof in {Proof.ACCESS_DENIED, Proof.THROTTLED}:
        if (
            circuit_breakers.record_refusal(entry.queue_id, answer.code)
            and entry.state == entry.State.WAITING
        ):
            outbox.explain(entry, Detail.BREAKER_OPEN)
    elif concluded.has_breaker and answer.proof in RESETS_THE_BREAKER:
        circuit_breakers.close(entry.queue_id)


def _result(answer: Answer) -> str:
    return answer.code if answer == KEY_MISSING else str(answer.proof)


def _record(
    work: UnitOfWork, locked: LockedReview, entry: OutboxEntry, known: Mapping[str, Any]
) -> None:
    state, detail = entry.delivery
    kind = AuditKind("callback.retrying" if state == DeliveryState.WAITING else f"callback.{state}")
    data = {"decision": str(entry.subject), "detail": detail, "attempts": entry.attempts, **known}
    logged = {"detail": detail, "attempts": entry.attempts, "code": known.get("error_code", "")}
    audit.record(work, locked.chain, kind, by=SYSTEM, data=data, **logged)
