"""Redrives and stops on their way to Step Functions: asked for once, done once, whatever dies in between.

A redrive has a client token, which AWS remembers for 15 minutes; for longer than that the execution's
own count of redrives tells. A stop of what has ended is without effect, so it is safely said again.
"""

from __future__ import annotations

import json

import structlog
from django.db import transaction

from approvals import arns
from approvals.actions import orders
from approvals.actions.orders import Ending
from approvals.arns import Place
from approvals.gateways import stepfunctions
from approvals.gateways.errors import Answer, Proof
from approvals.gateways.stepfunctions import Execution
from approvals.models import OrderExecution, OrderIntervention, OutboxAttempt
from approvals.models.decisions import Surface
from approvals.models.outbox import Detail
from approvals.records import database_time, execution_snapshots, outbox
from approvals.records.outbox import Learned, Lease

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
MOST_ASKED = 6  # times that a stop which was taken is looked for in the execution's status


def send(lease: Lease) -> None:
    """Make the calls of a leased redrive or stop, and write down what they proved."""
    hand = OrderIntervention.objects.select_related("order").get(pk=lease.entry.subject)
    if hand.kind == OrderIntervention.Kind.REDRIVE:
        finding = _redrive(hand, json.loads(bytes(lease.entry.payload)))
    else:
        last = lease.number >= MOST_ASKED
        finding = _stop(hand, json.loads(bytes(lease.entry.payload)), last=last)
    _conclude(lease, *finding)


def _redrive(hand: OrderIntervention, call: dict[str, str]) -> Finding:
    """Look, note how often it was redriven before, and redrive it if it still stands as it did.

    DescribeExecution may lag behind our own call; then the client token makes the second call the first.
    """
    place, arn = _where(hand.order)
    answer, seen = stepfunctions.describe_execution(place, arn)
    if seen is None:
        return (answer, Outcome.NEW_ATTEMPT if answer.code == GONE else None, None)
    before = orders.note_redrives(hand.pk, seen.redrives)
    if (outcome := _as_it_stands(seen, before)) is not None:
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
    """Why Step Functions would not: because it has been, or never will be; None where nobody can tell."""
    if seen is None:
        return None
    if seen.status in RUNNING and seen.redrives == before:
        return Outcome.TOO_LATE  # by nobody's redrive: the row was wrong about its end
    return _as_it_stands(seen, before) or Outcome.NEW_ATTEMPT


def _as_it_stands(seen: Execution, before: int) -> Outcome | None:
    """What needs no call any more: it has been redriven since we asked, or has succeeded."""
    if seen.redrives > before:
        return Outcome.DONE
    return Outcome.TOO_LATE if seen.status == "succeeded" else None


def _stop(hand: OrderIntervention, call: dict[str, str], *, last: bool) -> Finding:
    """Stop it; StopExecution answers alike whether it ran or had ended, so the status tells.

    While the status lags it is said again, which does nothing more, until the `last` time.
    """
    order = hand.order
    if not order.execution_arn:
        started_never = order.status == OrderExecution.Status.REFUSED
        return None, Outcome.TOO_LATE if started_never else None, None
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
    """Whether it was aborted by this stop: the cause ends with our mark, where AWS shows one."""
    return seen.status == "aborted" and (not seen.cause or seen.cause[-40:] == cause[-40:])


def _where(order: OrderExecution) -> tuple[Place, str]:
    return arns.place_of(order.execution_arn), order.execution_arn


@transaction.atomic(durable=True)
def _conclude(
    lease: Lease, answer: Answer | None, outcome: Outcome | None, seen: Execution | None
) -> None:
    """Journal the answer, move the row, end the intervention and tell the order: order, hand, entry."""
    known = OrderIntervention.objects.only("order").get(pk=lease.entry.subject)
    order = OrderExecution.objects.select_for_update().get(pk=known.order_id)
    hand = OrderIntervention.objects.select_for_update(of=("self",)).get(pk=known.pk)
    said = answer or Answer(Proof.NOT_SENT, seen.status if seen else "NotStartedYet")
    result = said.proof if answer else OutboxAttempt.Result.HISTORY
    unended = hand.ended_at is None
    verdict = outbox.retrying() if outcome is None else outbox.settled(SETTLED_AS[outcome])
    concluded = outbox.conclude(
        lease,
        Learned(result, said.code, said.request_id),
        lambda _: verdict if unended else None,
        proved=unended and outcome == Outcome.DONE,
    )
    if concluded.verdict is None:
        return
    if outcome is None:
        log.info("intervention.retrying", order=order.order_id, kind=hand.kind, code=said.code)
        return
    _tell(order, hand, outcome, seen)
    orders.end_intervention(hand, order, outcome, error_code=said.code)
    if outcome == Outcome.NEW_ATTEMPT:
        orders.begin_attempt(
            order,
            by=hand.created_by,
            surface=Surface.SYSTEM,
            why="not_redrivable",
            reason=hand.reason,
        )


def _tell(
    order: OrderExecution, hand: OrderIntervention, outcome: Outcome, seen: Execution | None
) -> None:
    """The order stands as it was seen to; what was not seen yet is asked about soon."""
    if seen is not None:
        orders.told(order, seen.status, Ending(seen.stopped_at, seen.error, seen.cause))
    elif outcome == Outcome.DONE and hand.kind == OrderIntervention.Kind.REDRIVE:
        orders.told(order, "running")
    if outcome == Outcome.DONE:
        soon = hand.kind == OrderIntervention.Kind.STOP and order.status == "running"
        wait = execution_snapshots.BACK_OFF if soon else execution_snapshots.WITHOUT_NEWS
        execution_snapshots.watch({order.execution_arn: database_time.now() + wait})
