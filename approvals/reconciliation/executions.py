"""Asks Step Functions about executions that are due, updates their orders, ends the reviews they have ended."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from approvals import arns
from approvals.actions import lifecycle, orders
from approvals.exceptions import KeyMissing, Throttled
from approvals.gateways import stepfunctions
from approvals.gateways.errors import Answer, Proof
from approvals.gateways.stepfunctions import Execution
from approvals.models import OrderExecution, ReviewTask
from approvals.reconciliation import batch_executions
from approvals.reconciliation.evidence import Fate, ask
from approvals.records import database_time, execution_snapshots, places, rate_limits, tokens
from approvals.records.orders import Ending

log = structlog.get_logger(__name__)

DESCRIBED_A_MINUTE = 300  # of the 10 to 15 a second that an account may describe
BATCH_INTERVAL = timedelta(
    seconds=15
)  # a batch execution is short, and its orders wait for its output


def ask_due(*, limit: int) -> int:
    """Ask about up to `limit` due executions, the most urgent first; returns how many.

    The rate limit is asked before an execution is taken, so that those it does not allow stay due, in
    their order: with more executions than it carries, each is asked as often as it allows.
    """
    asked, used_up = 0, set[str]()
    for arn in execution_snapshots.due(limit=limit):
        region = _region(arn)
        if region in used_up:
            continue
        if not _may_describe(region):
            used_up.add(region)
            continue
        inquire(arn)
        asked += 1
    return asked


def inquire(arn: str) -> None:
    """Ask about an execution that is due: its order's status, and the reviews it has ended.

    Does nothing if another worker is asking about it.
    """
    if not execution_snapshots.take(arn):
        return
    reviews = list(_waiting(arn))
    seen, answer = _describe(arn, reviews)
    status = seen.status if seen else ""
    if not status and answer.code != "ExecutionDoesNotExist":
        execution_snapshots.postpone(arn, execution_snapshots.BACK_OFF)
        log.info("execution.not_described", execution=arn, code=answer.code)
        return
    running = status in {"running", "pending_redrive"}
    if seen is None:
        _end_unknown(arn)
    else:
        _update_orders(arn, seen)
        if not running and not batch_executions.read_end(seen):
            execution_snapshots.postpone(arn, execution_snapshots.BACK_OFF)
            return
    left = [review for review in reviews if not _settle(review, running=running)]
    again, routine = _again(left, running=running) if running or left else (None, False)
    if (
        again is None
        and OrderExecution.objects.filter(execution_arn=arn, status="running").exists()
    ):
        # It was redriven since, or is not unknown to AWS for long enough.
        again, routine = database_time.now() + execution_snapshots.BACK_OFF, False
    version = seen.version_arn if seen else ""
    if batch_executions.has_open_orders(arn):  # also one that AWS does not know yet
        soon = database_time.now() + BATCH_INTERVAL
        again, routine = min(again or soon, soon), False
    execution_snapshots.put_back(
        arn, status=status or "gone", again_at=again, routine=routine, version_arn=version
    )


def probe(review_id: UUID) -> str:
    """Ask by a heartbeat whether a token is still open, for a review that names no execution.

    SendTaskHeartbeat has no effect on a state without HeartbeatSeconds, so it is only used for queues
    that allow it. The caller passes overdue reviews only: one whose token is closed has expired. Returns what
    was found: `expired`, `open`, `key_missing`, or the error code of an answer that proves nothing.
    """
    review = ReviewTask.objects.select_related("queue").get(pk=review_id)
    try:
        token = tokens.unseal(review.sealed_token, row=review.pk, column="sealed_token").decode()
    except KeyMissing:
        log.warning("probe.key_missing", review=str(review.pk))
        return "key_missing"
    answer = stepfunctions.send_task_heartbeat(places.of_review(review), token)
    if answer.proof == Proof.CLOSED:
        proof = {"fate": "closed", "by": "heartbeat", "error_code": answer.code}
        lifecycle.expire(review.pk, proof=proof)
        return "expired"
    return "open" if answer.proof == Proof.ACCEPTED else answer.code or str(answer.proof)


def _region(arn: str) -> str:
    """The region of an execution; empty for what is no ARN."""
    try:
        return arns.region_of(arn)
    except ValueError:
        return ""


def _may_describe(region: str) -> bool:
    """Take one call from the rate limit of all processes; False if it is used up."""
    try:
        rate_limits.take(f"descriptions:{region}", per_minute=DESCRIBED_A_MINUTE)
    except Throttled:
        return False
    return True


def _waiting(arn: str) -> Any:
    pending = ReviewTask.objects.pending().filter(execution_arn=arn)
    return pending.select_related("queue").defer(
        "raw_body", "sealed_extras", "sealed_token", "payload"
    )


def _describe(arn: str, reviews: list[ReviewTask]) -> tuple[Execution | None, Answer]:
    try:
        place = places.of_review(reviews[0]) if reviews else arns.place_of(arn)
    except ValueError:
        return None, Answer(Proof.REFUSED, "InvalidArn")
    answer, execution = stepfunctions.describe_execution(place, arn)
    return execution, answer


def _update_orders(arn: str, seen: Execution) -> None:
    ending = Ending(seen.stopped_at, seen.error, seen.cause)
    for pk in OrderExecution.objects.filter(execution_arn=arn).values_list("pk", flat=True):
        orders.record_status(pk, seen.status, ending, redrives=seen.redrives)


def _end_unknown(arn: str) -> None:
    """End the orders of an execution that Step Functions does not know, for longer than it may lag."""
    batch_executions.end_unknown(arn)
    since = database_time.now() - batch_executions.UNKNOWN_SINCE
    lost = OrderExecution.objects.filter(execution_arn=arn, status="running", started_at__lt=since)
    for pk in lost.values_list("pk", flat=True):
        gone = Ending(
            database_time.now(), "ExecutionDoesNotExist", "Step Functions knows it no more."
        )
        orders.record_status(pk, "aborted", gone)


def _settle(review: ReviewTask, *, running: bool) -> bool:
    """End a review whose token is proved closed; True if it has ended."""
    newer = review.superseded_by
    if running and newer is None and review.deadline_at > database_time.now():
        return False  # an open task of a running execution: nothing to be asked
    evidence = ask(review)
    if not evidence.fate.is_closed:
        return False
    proof = evidence.as_audit_data()
    newest = Fate.UNKNOWN_TASK if newer is None else ask(newer).fate
    if newest in {Fate.NOT_NOW, Fate.HISTORY_UNREADABLE}:
        return False  # to end it now would leave its claim and its comments behind
    if newer is not None and newest != Fate.UNKNOWN_TASK:
        lifecycle.supersede(review.pk, newer.pk, proof=proof)
    elif evidence.fate == Fate.EXPIRED:
        lifecycle.expire(review.pk, proof=proof)
    else:
        lifecycle.orphan(review.pk, proof=proof)
    return True


def _again(left: list[ReviewTask], *, running: bool) -> tuple[datetime, bool]:
    """When to ask again: at the next deadline, and after a while in any case; and whether that is routine."""
    now = database_time.now()
    ahead = [r.deadline_at for r in left if r.deadline_at > now]
    late = any(r.deadline_at <= now or r.superseded_by_id for r in left)
    is_routine = running and not late
    while_waiting = execution_snapshots.WITHOUT_NEWS if is_routine else execution_snapshots.BACK_OFF
    soon = now + while_waiting
    again = min([soon, *(at + execution_snapshots.AFTER_DEADLINE for at in ahead)])
    return again, is_routine and again == soon
