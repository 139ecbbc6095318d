"""Restarts whose answer is lost, and whose execution fails again before anybody looks: one redrive each."""

from __future__ import annotations

from uuid import UUID

from approvals.actions import interventions
from approvals.actors import COMMAND_LINE
from approvals.delivery import lanes
from approvals.models import OrderIntervention, OutboxEntry
from approvals.orchestration import fulfillment
from approvals.reconciliation import executions
from approvals.records import execution_snapshots
from tests.faults.report import Result
from tests.faults.stage import Stage

ORDERS = 40
FORGOTTEN = 1_000  # seconds: AWS keeps a client token for 900


def campaign(stage: Stage, scale: float) -> Result:
    """40 failed orders at scale 1; AWS has forgotten every client token when the redrive is tried again."""
    result = Result("restarts", planned=max(3, round(ORDERS * scale)))
    orders = [
        fulfillment.start_order_fulfillment({"order_id": f"R-{n}"}, by=COMMAND_LINE)[0]
        for n in range(result.planned)
    ]
    for order in orders:
        stage.settle(order.pk)
        order.refresh_from_db()
        stage.aws.end(order.execution_arn, "FAILED", error="Lambda.Unknown")
        execution_snapshots.hurry(order.execution_arn)
        executions.inquire(order.execution_arn)
    stage.aws.plan("RedriveExecution", ["lost_after"] * len(orders))
    requested = [_restarted(order.order_id) for order in orders]
    for order in orders:
        stage.aws.end(order.execution_arn, "FAILED", error="Lambda.Unknown")
    stage.aws.advance(FORGOTTEN)
    for intervention in requested:
        stage.settle(intervention)
    faults = stage.aws.fired().get("RedriveExecution", {})
    result.fired = sum(faults.values())
    result.breaches = stage.judge()
    result.notes = {"orders": len(orders), "faults": faults}
    return result


def _restarted(order_id: str) -> UUID:
    """Ask for a restart and make one attempt at it; what is to be settled later."""
    order = interventions.restart(order_id, by=COMMAND_LINE)
    intervention = OrderIntervention.objects.get(order=order)
    lanes.deliver(OutboxEntry.objects.get(subject=intervention.pk).pk)
    return intervention.pk
