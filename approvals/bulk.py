"""Works on bulk decisions: decides their reviews one by one, by the verb and the policy of a decision by hand.

Any process may go on with one whose lease is free. Two never decide one review twice, though a lease may run out:
each is decided under a key of its own, which the verb stores in its transaction.
"""

from __future__ import annotations

import time
from uuid import UUID

import structlog

from approvals.actions import bulk_decisions, decisions
from approvals.actions.bulk_decisions import LeaseLost, Turn
from approvals.actions.decisions import DecisionRequest
from approvals.exceptions import DATABASE_AWAY, ApprovalsError, UndoClosed
from approvals.models import BulkItem, BulkJob, Decision
from approvals.models.choices import Outcome
from approvals.records import bulk_jobs, failing_rows
from approvals.records.bulk_jobs import Result
from approvals.records.idempotency import AlreadyAnswered

log = structlog.get_logger(__name__)

TASK = "bulk"
AT_ONCE = 100  # bulk decisions of one round
CHUNK = 20  # reviews between two looks at the bulk decision
SECONDS = 30.0  # of work at one bulk decision, below the time limit of a Celery task
MAY_PASS = (429, 503)  # statuses of refusals that say nothing about the review
State, Status = BulkItem.State, BulkJob.Status


def run_due() -> int:
    """Work on every bulk decision under way whose lease is free; returns how many there were."""
    under_way = BulkJob.objects.exclude(status=Status.FINISHED)
    able = under_way.exclude(pk__in=failing_rows.paused(TASK)).order_by("created_at")
    ids = list(able.values_list("pk", flat=True)[:AT_ONCE])
    return sum(bool(failing_rows.attempt(TASK, pk, run)) for pk in ids)


def run(job_id: UUID) -> bool:
    """Work on a bulk decision until it ends, or for SECONDS; False if another process does, or it has ended."""
    turn = bulk_decisions.take(job_id)
    if turn is None:
        return False
    until = time.monotonic() + SECONDS
    try:
        while not (_chunk(turn) and bulk_decisions.finish(turn)) and time.monotonic() < until:
            turn = bulk_decisions.renew(turn)
    except LeaseLost:
        log.info("bulk.lease_lost", bulk_job=str(job_id))
    finally:
        bulk_decisions.give_back(turn)
    return True


def explanation(error: ApprovalsError) -> str:
    """Why a review is refused, as a sentence, with who is in the way."""
    who = error.extra.get("assignee") or error.extra.get("by")
    return f"{error.message.removesuffix('.')}: {who}." if who else error.message


def _chunk(turn: Turn) -> bool:
    """Work on the next few reviews; whether there were none."""
    job = turn.job
    undoing = job.status == Status.UNDOING
    left = bulk_decisions.TO_UNDO if undoing else bulk_decisions.TO_DECIDE
    items = list(job.items.filter(left).order_by("number")[:CHUNK])
    for item in items:
        if not undoing:
            bulk_decisions.record(item, _decided(job, item))
        elif item.state == State.PENDING:
            _cancel(item)
        else:
            bulk_decisions.record(item, _undone(job, item))
    return not items


def _decided(job: BulkJob, item: BulkItem) -> Result:
    """Decide a review as a person would by hand."""
    request = DecisionRequest(
        reason=job.reason,
        reason_code=job.reason_code,
        version=item.version,
        undo_seconds=job.undo_seconds,
        bulk_job=job.pk,
    )
    try:
        review = decisions.decide(
            item.review_id,
            Outcome(job.outcome),
            by=bulk_jobs.decider(job),
            request=request,
            key=bulk_jobs.key_of(item),
        )
    except AlreadyAnswered:  # by a worker that did not come to recording it
        return bulk_jobs.recorded(item)
    except Exception as error:  # noqa: BLE001  (one review stops no other)
        return _unsuccessful(item, error)
    if review.decision_id is None:
        return Result(State.VOTED)
    return Result(State.DECIDED, decision=review.decision_id)


def _unsuccessful(item: BulkItem, error: Exception) -> Result:
    """Why a review was not decided. Raises what no review causes, such as a database that is away."""
    if isinstance(error, ApprovalsError):
        passes = error.status in MAY_PASS
        return Result(State.FAILED if passes else State.REFUSED, error.code, explanation(error))
    if isinstance(error, DATABASE_AWAY) and not failing_rows.is_of_one_row(error):
        raise error
    log.error("bulk.review_failed", review=str(item.review_id), exc_info=error)
    return Result(State.FAILED, "error", "The service could not decide this review.")


def _undone(job: BulkJob, item: BulkItem) -> Result:
    """Undo a decision, unless it is on its way."""
    if item.decision is None:
        raise TypeError(f"{item!r} has no decision")
    try:
        decisions.undo(item.decision, by=bulk_jobs.undoer(job))
    except UndoClosed as error:
        if Decision.objects.filter(pk=item.decision, undone_at__isnull=False).exists():
            return Result(State.UNDONE, decision=item.decision)  # by hand, or by a worker before
        return Result(State.DECIDED, error.code, error.message, item.decision)
    except ApprovalsError as error:
        return Result(State.DECIDED, error.code, explanation(error), item.decision)
    return Result(State.UNDONE, decision=item.decision)


def _cancel(item: BulkItem) -> None:
    try:
        bulk_decisions.cancel(item)
    except AlreadyAnswered:
        bulk_decisions.record(item, bulk_jobs.recorded(item))
