"""Asks Step Functions about executions that are due, updates their orders, ends the reviews they have ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import structlog

from approvals import arns
from approvals.actions import lifecycle, orders
from approvals.arns import Place
from approvals.exceptions import KeyMissing, Throttled
from approvals.gateways import stepfunctions
from approvals.gateways.errors import Proof
from approvals.gateways.stepfunctions import Execution
from approvals.models import BatchExecution, OrderExecution, ReviewQueue, ReviewTask
from approvals.reconciliation import batch_executions
from approvals.reconciliation.callback_evidence import Evidence, Fate, ask_all
from approvals.records import (
    database_time,
    execution_snapshots,
    failing_rows,
    places,
    rate_limits,
    supersession,
    tokens,
)
from approvals.records.execution_snapshots import Turn
from approvals.records.orders import Ending

log = structlog.get_logger(__name__)

GONE = "ExecutionDoesNotExist"

TASK = "executions"
DESCRIBED_A_MINUTE = 300  # of the 10 to 15 a second that an account may describe
UNPROVED_A_MINUTE = 30  # besides: of those that only a message names, however many there are
NOT_ASKED_FOR = timedelta(
    days=1
)  # the pause of an execution that is not its queue's; its settings may change
SETTLED_AT_ONCE = 500  # reviews of one execution in one look, those with the earliest deadlines
BATCH_INTERVAL = timedelta(
    seconds=15
)  # a batch execution is short, and its orders wait for its output


def ask_due(*, limit: int) -> int:
    """Ask about up to `limit` due executions, the most urgent first; returns how many.

    The rate limit is asked before an execution is taken, so that those it does not allow stay due, in
    their order: with more executions than it carries, each is asked as often as it allows. Those that
    only a message names have a rate limit of their own. An execution whose look fails stops no other.
    """
    asked, paused = 0, failing_rows.paused(TASK)
    for proved in (True, False):
        used_up, seen = set[str](), set[str](paused)
        while asked < limit:
            left = limit - asked + len(seen)
            found = execution_snapshots.due(limit=left, proved=proved, but=used_up)
            fresh = [arn for arn in found if arn not in seen]
            if not fresh:
                break
            seen.update(fresh)
            asked += sum(_ask(arn, used_up, proved=proved) for arn in fresh)
    return asked


def _ask(arn: str, used_up: set[str], *, proved: bool) -> bool:
    """Ask about one execution; if its region's rate limit is used up, add the beginning of its ARNs instead."""
    beginning = _beginning(arn)
    if beginning in used_up:
        return False
    if not _may_describe(beginning, proved=proved):
        used_up.add(beginning)
        return False
    failing_rows.attempt(TASK, arn, inquire)
    return True


def inquire(arn: str) -> None:
    """Ask about an execution that is due: its order's status, and the reviews it has ended.

    Does nothing if another worker is asking about it. AWS is never asked after an execution that is
    neither that of an order nor one of the queue whose reviews name it.
    """
    turn = execution_snapshots.take(arn)
    if turn is None:
        return
    reviews = _waiting(arn)
    place = _place(arn, reviews)
    if place is None:
        execution_snapshots.postpone(arn, NOT_ASKED_FOR, proved=False)
        log.warning("execution.not_of_the_queue", execution=arn)
        return
    answer, seen = stepfunctions.describe_execution(place, arn)
    if seen is None and answer.code != GONE:
        execution_snapshots.postpone(arn, turn.pause, proved=turn.proved)
        log.info("execution.not_described", execution=arn, code=answer.code)
        return
    if seen is None:
        _end_unknown(arn)
    elif not _record(arn, seen):
        execution_snapshots.postpone(arn, turn.pause)
        return
    _put_back(arn, seen, turn, _still_waiting(place, arn, reviews, seen))


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


def _beginning(arn: str) -> str:
    """What the ARNs of a region and service begin with; the whole of what is no ARN."""
    parts = arn.split(":")
    return ":".join(parts[:4]) + ":" if len(parts) > 4 else arn


def _may_describe(beginning: str, *, proved: bool) -> bool:
    """Take one call from the rate limit of all processes; False if it is used up."""
    if beginning.count(":") != 4:
        return True  # no ARN: AWS will not be asked
    name, per_minute = "descriptions", DESCRIBED_A_MINUTE
    if not proved:
        name, per_minute = "unproved-descriptions", UNPROVED_A_MINUTE
    try:
        rate_limits.take(f"{name}:{beginning.split(':')[3][:40]}", per_minute=per_minute)
    except Throttled:
        return False
    return True


def _waiting(arn: str) -> list[ReviewTask]:
    """The undecided reviews of an execution, of the queues that it belongs to; SETTLED_AT_ONCE at most.

    Queues are judged first: reviews of other queues that name the execution would fill the limit. Those
    that are `unproved` belong here too, since a queue's settings may have been mended.
    """
    queues = ReviewQueue.objects.filter(reviews__execution_arn=arn).distinct()
    own = [queue for queue in queues if arn and places.mismatch(queue, arn) is None]
    undecided = (ReviewTask.Status.PENDING, ReviewTask.Status.UNPROVED)
    rows = ReviewTask.objects.filter(execution_arn=arn, queue__in=own, status__in=undecided)
    related = rows.select_related("queue").order_by("deadline_at")
    light = related.defer(*ReviewTask.OF_THE_MESSAGE, "sealed_token")
    return list(light[:SETTLED_AT_ONCE])


def _place(arn: str, reviews: list[ReviewTask]) -> Place | None:
    """Where an execution is asked about; None if it is nobody's of ours.

    `reviews` are those of it that wait and are asked after. Else a decided one counts, or an order.
    """
    if reviews:
        return places.of_review(reviews[0])
    for queue in ReviewQueue.objects.filter(reviews__execution_arn=arn).distinct():
        if places.mismatch(queue, arn) is None:
            return arns.place_of(arn, queue.role_arn)
    ours = (OrderExecution.objects, BatchExecution.objects)
    known = any(rows.filter(execution_arn=arn).exists() for rows in ours)
    return arns.place_of(arn) if known else None


def _record(arn: str, seen: Execution) -> bool:
    """Record the status of an execution at its order or batch; False if its output cannot be read yet."""
    _update_orders(arn, seen)
    return _is_running(seen) or batch_executions.read_end(seen)


def _is_running(seen: Execution | None) -> bool:
    return seen is not None and seen.status in {"running", "pending_redrive"}


def _put_back(arn: str, seen: Execution | None, turn: Turn, left: Left) -> None:
    """Schedule the next look, unless the execution has ended and nothing of it is open."""
    running = _is_running(seen)
    again: datetime | None = None
    routine = False
    if running or left.reviews:
        again, routine = _again(left.reviews, turn.pause, running=running)
    if (
        again is None
        and OrderExecution.objects.filter(execution_arn=arn, status="running").exists()
    ):
        # It was redriven since, or is not unknown to AWS for long enough.
        again, routine = database_time.now() + execution_snapshots.BACK_OFF, False
    if batch_executions.has_open_orders(arn):  # also one that AWS does not know yet
        soon = database_time.now() + BATCH_INTERVAL
        again, routine = min(again or soon, soon), False
    execution_snapshots.put_back(
        arn,
        status=seen.status if seen else execution_snapshots.GONE,
        again_at=again,
        routine=routine or not (seen or turn.proved),
        version_arn=seen.version_arn if seen else "",
        idle=bool(left.reviews) and not left.ended and not routine,
    )


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
        gone = Ending(database_time.now(), GONE, "Step Functions knows it no more.")
        orders.record_status(pk, "aborted", gone)


class Left(NamedTuple):
    """The reviews of an execution that still wait after a look, and how many the look has ended."""

    reviews: list[ReviewTask]
    ended: int


def _still_waiting(
    place: Place, arn: str, reviews: list[ReviewTask], seen: Execution | None
) -> Left:
    """End the reviews whose tokens are proved closed, by one reading of the history.

    An open task of a running execution is not asked about, nor the history of an execution that AWS
    does not know.
    """
    now, running = database_time.now(), _is_running(seen)
    doubtful = [r for r in reviews if not running or r.superseded_by_id or r.deadline_at <= now]
    if seen is None or not doubtful:
        return Left(reviews, 0)
    newest = supersession.newest_of_each([r for r in doubtful if r.superseded_by_id])
    asked = {review.pk: review for review in [*newest.values(), *doubtful]}
    found = ask_all(place, arn, list(asked.values()))
    ended = {r.pk for r in doubtful if _settle(r, newest.get(r.pk), found)}
    return Left([review for review in reviews if review.pk not in ended], len(ended))


def _settle(review: ReviewTask, newer: ReviewTask | None, found: Mapping[UUID, Evidence]) -> bool:
    """End a review whose token is proved closed, in favour of `newer` if there is one; True if it has ended."""
    evidence = found[review.pk]
    if not evidence.fate.is_closed:
        return False
    proof = evidence.as_audit_data()
    newest = Fate.UNKNOWN_TASK if newer is None else found[newer.pk].fate
    if newest in {Fate.NOT_NOW, Fate.HISTORY_UNREADABLE}:
        return False  # to end it now would leave its claim and its comments behind
    is_pending = review.status == ReviewTask.Status.PENDING  # else no claim is left to hand over
    if newer is not None and newest != Fate.UNKNOWN_TASK and is_pending:
        lifecycle.supersede(review.pk, newer.pk, proof=proof)
    elif evidence.fate == Fate.EXPIRED:
        lifecycle.expire(review.pk, proof=proof)
    else:
        lifecycle.orphan(review.pk, proof=proof)
    return True


def _again(left: list[ReviewTask], pause: timedelta, *, running: bool) -> tuple[datetime, bool]:
    """When to ask again: at the next deadline, and after a while in any case; and whether that is routine."""
    now = database_time.now()
    ahead = [r.deadline_at for r in left if r.deadline_at > now]
    late = any(r.deadline_at <= now or r.superseded_by_id for r in left)
    is_routine = running and not late
    soon = now + (execution_snapshots.WITHOUT_NEWS if is_routine else pause)
    again = min([soon, *(at + execution_snapshots.AFTER_DEADLINE for at in ahead)])
    return again, is_routine and again == soon
