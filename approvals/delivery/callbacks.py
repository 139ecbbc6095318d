"""Decisions on their way to Step Functions: open the token, send the frozen bytes, judge the answer.

A 200 is the only proof of delivery here. A closed token, after an attempt whose answer got lost,
may be our own success: what cannot be proved is `unconfirmed`, never `delivered`.
"""

from __future__ import annotations

import structlog
from django.db import transaction

from approvals.exceptions import KeyMissing
from approvals.gateways import stepfunctions
from approvals.gateways.aws import Place
from approvals.gateways.errors import Answer, Proof
from approvals.models import Decision, OutboxAttempt, OutboxEntry, ReviewTask
from approvals.models.decisions import Surface
from approvals.records import audit, callbacks, clock, outbox, tokens
from approvals.records.outbox import Lease

log = structlog.get_logger(__name__)

ACCESS_PAUSE = 15.0  # seconds; the token stays good, somebody has to mend rights or keys of AWS
AFTER_REFUSAL = {
    Proof.INVALID_TOKEN: "invalid_token",
    Proof.INVALID_OUTPUT: "invalid_output",
}
KEY_MISSING = Answer(Proof.REFUSED, OutboxAttempt.Result.KEY_MISSING)
NOT_ADMITTED = Answer(Proof.ACCESS_DENIED, "StateMachineNotAdmitted")
WRONG_ACCOUNT = Answer(Proof.ACCESS_DENIED, "WrongAccount")
WHY = {
    NOT_ADMITTED.code: "The queue's list of state machines does not name this review's any more.",
    WRONG_ACCOUNT.code: "The execution lies in another AWS account than the one we act in: the queue"
    " needs a role to assume there.",
}


def about(lease: Lease) -> dict[str, str]:
    """The review whose decision this is, for the log."""
    review = Decision.objects.values_list("review", flat=True).get(pk=lease.entry.subject)
    return {"review": str(review)}


def send(lease: Lease) -> None:
    """Make the one call of a leased callback and write down what it proved."""
    decision = Decision.objects.select_related("review__queue").get(pk=lease.entry.subject)
    conclude(lease, _call(decision.review, bytes(lease.entry.payload)))


def place_of(review: ReviewTask) -> Place:
    """Where this review's token is answered: its execution's region, else its queue's; as the queue's role.

    A token is only good in its execution's region; without an ARN, the queue's is the best word.
    """
    try:
        region = stepfunctions.region_of(review.execution_arn)
    except ValueError:
        region = review.queue.region
    return Place(region, review.queue.role_arn)


def _call(review: ReviewTask, payload: bytes) -> Answer:
    """One request to Step Functions, outside any transaction; none where the queue no longer admits it."""
    if not review.queue.admits(review.state_machine_arn):
        return NOT_ADMITTED
    try:
        token = tokens.unseal(review.sealed_token, row=review.pk, column="sealed_token").decode()
    except KeyMissing:
        return KEY_MISSING
    place, call = place_of(review), callbacks.thaw(payload)
    if isinstance(call, callbacks.Success):
        answer = stepfunctions.send_task_success(place, token, call.output)
    else:
        answer = stepfunctions.send_task_failure(place, token, call.error, call.cause)
    if answer.proof == Proof.INVALID_TOKEN and stepfunctions.is_in_another_account(
        place, review.execution_arn
    ):
        return WRONG_ACCOUNT
    return answer


@transaction.atomic(durable=True)
def conclude(lease: Lease, answer: Answer) -> None:
    """Journal the answer and move the row: the verdict reads all attempts, whoever made them.

    Locks the review, then the entry. A 200 that comes late, after the lease went to another sender,
    still proves delivery; everything else only moves a row whose lease is still ours.
    """
    decision = Decision.objects.get(pk=lease.entry.subject)
    review = ReviewTask.objects.select_for_update(of=("self",)).get(pk=decision.review_id)
    entry = outbox.journal(
        lease, _result(answer), error_code=answer.code, request_id=answer.request_id
    )
    before = entry.delivery
    if outbox.was_accepted(entry):
        if before.state != "delivered":
            outbox.settle(entry, "acknowledged")
    elif outbox.still_ours(entry, lease):
        _judge(entry, review, answer)
    if entry.detail != before.detail:
        _record(review, decision, entry, answer)  # the first retry is news, the fortieth is not


def _judge(entry: OutboxEntry, review: ReviewTask, answer: Answer) -> None:
    if answer is KEY_MISSING:
        outbox.park(entry, "key_missing")
    elif answer is NOT_ADMITTED:
        outbox.park(entry, "access_denied")
    elif answer.proof in AFTER_REFUSAL:
        outbox.park(entry, AFTER_REFUSAL[answer.proof])
    elif answer.proof == Proof.CLOSED:
        outbox.park(entry, "history_unreadable" if review.execution_arn else "no_execution_arn")
    elif answer.proof == Proof.ACCESS_DENIED:
        if review.deadline_at <= clock.now():
            outbox.park(entry, "access_denied")
        else:
            outbox.retry_later(entry, at_least=ACCESS_PAUSE)
    else:
        outbox.retry_later(entry)


def _result(answer: Answer) -> str:
    return answer.code if answer is KEY_MISSING else str(answer.proof)


def _record(review: ReviewTask, decision: Decision, entry: OutboxEntry, answer: Answer) -> None:
    state, detail = entry.delivery
    kind = {"waiting": "callback.retrying"}.get(state, f"callback.{state}")
    why = {"why": WHY[answer.code]} if answer.code in WHY else {}
    audit.record(
        audit.chain_of("review", review.pk),
        kind,
        by=None,
        surface=Surface.SYSTEM,
        data={
            "decision": str(decision.pk),
            "detail": detail,
            "attempts": entry.attempts,
            "error_code": answer.code,
            "aws_request_id": answer.request_id,
            **why,
        },
    )
    log.info(kind, review=str(review.pk), detail=detail, attempts=entry.attempts, code=answer.code)
