"""Sends redrives and stops to Step Functions: requested once, done once, whichever process dies in between.

A redrive has a client token, which AWS remembers for 15 minutes; after that, the execution's own count
of redrives shows whether it was done. A stop of an ended execution has no effect, so it may be repeated.
"""

from __future__ import annotations

import json

import structlog
from django.db import transaction

from approvals import arns
from approvals.actions import interventions
from approvals.actors import Actor
from approvals.arns import Place
from approvals.gateways import stepfunctions
from approvals.gateways.errors import Answer, Proof
from approvals.gateways.stepfunctions import Execution
from approvals.models import OrderExecution, OrderIntervention, OutboxAttempt
from approvals.models.choices import Surface
from approvals.models.outbox import Detail
from approvals.records import database_time, execution_snapshots, orders, outbox
from approvals.records.orders import Ending
from approvals.records.outbox import AttemptResult, Lease
from approvals.records.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)

Outcome = OrderIntervention.Outcome
Finding = tuple[Answer | None, Outcome | None, Execution | None]

REFUSALS = {Proof.REFUSED, Proof.INVALID_OUTPUT}
GONE, NOT_REDRIVABLE = "ExecutionDoesNotExist", "ExecutionNotRedrivable"
RUNNING = {"running", "pending_redrive"}
SETTLED_AS = {
    Outcome.DONE: Detail.ACKNOWLEDGED,
    Outcome.TOO_LATE: Detail.EXECUTION_ENDED,
    Outcome.NEW_ATTEMPT: Detail.NOT_REDRIVABLE,
    Outcome.REFUSED: Detail.REFUSED,
}
MOST_READS = 6  # of the execution's status, for the effect of a stop that was accepted


def send(lease: Lease) -> None:
    """Make the calls of a leased redrive or stop, and record what they proved."""
    intervention = OrderIntervention.objects.select_related("order").get(pk=lease.entry.subject)
    if intervention.kind == OrderIntervention.Kind.REDRIVE:
        finding = _redrive(intervention, json.loads(bytes(lease.entry.payload)))
    else:
        last = lease.number >= MOST_READS
        finding = _stop(intervention, json.loads(bytes(lease.entry.payload)), last=last)
    _conclude(lease, *finding)


def _redrive(intervention: OrderIntervention, call: dict[str, str]) -> Finding:
    """Describe the execution, note how often it was redriven before, and redrive it unless that has changed.

    DescribeExecution may lag behind our own call; then AWS recognises the second call by its client token.
    """
    place, arn = _where(intervention.order)
    answer, seen = stepfunctions.describe_execution(place, arn)
    if seen is None:
        return (answer, Outcome.NEW_ATTEMPT if answer.code == GONE else None, None)
    before = interventions.note_redrives(intervention.pk, seen.redrives)
    if (outcome := _already_done(seen, before)) is not None:
        return None, outcome, seen
    answer = stepfunctions.redrive_execution(place, arn, call["client_token"])
    if answer.code == NOT_REDRIVABLE:
        _, seen = stepfunctions.describe_execution(place, arn)
        return answer, _not_redrivable(seen, before), seen
    return answer, _of_a_redrive(answer), None


def _of_a_redrive(answer: Answer) -> Outcome | None:
    if answer.code == GONE:
        return Outcome.NEW_ATTEMPT
    if answer.proof in REFUSALS:
        return Outcome.REFUSED
    return Outcome.DONE if answer.proof == Proof.ACCEPTED else None


def _not_redrivable(seen: Execution | None, before: int) -> Outcome | None:
    """What a refused redrive means: it was done before, or it never can be; None if that is not known."""
    if seen is None:
        return None
    if seen.status in RUNNING and seen.redrives == before:
        return Outcome.TOO_LATE  # without a redrive: our row was wrong about its end
    return _already_done(seen, before) or Outcome.NEW_ATTEMPT


def _already_done(seen: Execution, before: int) -> Outcome | None:
    """The outcome if no call is needed any more: redriven since the request, or succeeded."""
    if seen.redrives > before:
        return Outcome.DONE
    return Outcome.TOO_LATE if seen.status == "succeeded" else None


def _stop(intervention: OrderIntervention, call: dict[str, str], *, last: bool) -> Finding:
    """Stop it; StopExecution answers alike whether it ran or had ended, so the status is read.

    While the status lags the call is repeated, which has no further effect, until the `last` attempt.
    """
    order = intervention.order
    if not order.execution_arn:
        never_started = order.status == OrderExecution.Status.REFUSED
        return None, Outcome.TOO_LATE if never_started else None, None
    place, arn = _where(order)
    answer = stepfunctions.stop_execution(place, arn, call["error"], call["cause"])
    if answer.code == GONE:
        return answer, Outcome.TOO_LATE, None
    if answer.proof != Proof.ACCEPTED:
        return answer, Outcome.REFUSED if answer.proof in REFUSALS else None, None
    _, seen = stepfunctions.describe_execution(place, arn)
    if seen is None or seen.status in RUNNING:
        return answer, Outcome.DONE if last else None, None
    return answer, Outcome.DONE if _is_ours(seen, call["cause"]) else Outcome.TOO_LATE, seen


def _is_ours(seen: Execution, cause: str) -> bool:
    """Whether this stop aborted it: the cause ends with our mark, if AWS shows a cause."""
    return seen.status == "aborted" and (not seen.cause or seen.cause[-40:] == cause[-40:])


def _where(order: OrderExecution) -> tuple[Place, str]:
    return arns.place_of(order.execution_arn), order.execution_arn


@transaction.atomic(durable=True)
def _conclude(
    lease: Lease, answer: Answer | None, outcome: Outcome | None, seen: Execution | None
) -> None:
    """Journal the answer, move the row, end the intervention and update the order.

    Locks the order, the intervention and the entry, in this order.
    """
    known = OrderIntervention.objects.only("order").get(pk=lease.entry.subject)
    order = OrderExecution.objects.select_for_update().get(pk=known.order_id)
    intervention = OrderIntervention.objects.select_for_update(of=("self",)).get(pk=known.pk)
    answered = answer or Answer(Proof.NOT_SENT, seen.status if seen else "NotStartedYet")
    result = answered.proof if answer else OutboxAttempt.Result.HISTORY
    unended = intervention.ended_at is None
    verdict = outbox.retrying() if outcome is None else outbox.settled(SETTLED_AS[outcome])
    work = UnitOfWork()
    concluded = outbox.conclude(
        work,
        lease,
        AttemptResult(result, answered.code, answered.request_id),
        lambda _: verdict if unended else None,
        proved=unended and outcome == Outcome.DONE,
    )
    work.write()
    if concluded.verdict is None:
        return
    if outcome is None:
        log.info(
            "intervention.retrying",
            order=order.order_id,
            kind=intervention.kind,
            code=answered.code,
        )
        return
    _update_order(order, intervention, outcome, seen)
    orders.end_intervention(intervention, order, outcome, error_code=answered.code)
    if outcome == Outcome.NEW_ATTEMPT:
        orders.begin_attempt(
            order,
            by=Actor(intervention.created_by, Surface.SYSTEM),
            why="not_redrivable",
            reason=intervention.reason,
        )


def _update_order(
    order: OrderExecution, intervention: OrderIntervention, outcome: Outcome, seen: Execution | None
) -> None:
    """Record the order's status as it was described; what was not described yet is asked about soon."""
    if seen is not None:
        orders.record_status(order, seen.status, Ending(seen.stopped_at, seen.error, seen.cause))
    elif outcome == Outcome.DONE and intervention.kind == OrderIntervention.Kind.REDRIVE:
        orders.record_status(order, "running")
    if outcome == Outcome.DONE:
        soon = intervention.kind == OrderIntervention.Kind.STOP and order.status == "running"
        wait = execution_snapshots.BACK_OFF if soon else execution_snapshots.WITHOUT_NEWS
        execution_snapshots.watch({order.execution_arn: database_time.now() + wait}, proved=True)
