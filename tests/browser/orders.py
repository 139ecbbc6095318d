"""Orders in the middle of a working day: one waits for a person, one is fulfilled, others broke off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from pytest_django.fixtures import Settings

from approvals.actions import interventions, people
from approvals.actions import orders as order_actions
from approvals.actors import COMMAND_LINE
from approvals.models import OrderExecution, OrderIntervention, OutboxEntry, ReviewTask, User
from approvals.orchestration import fulfillment
from approvals.records import orders
from approvals.records.orders import Ending
from tests import factories, histories
from tests.browser import world
from tests.factories import actor
from tests.histories import History

MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:order-fulfillment"
OUTAGE = {
    "error": "Lambda.Unknown",
    "cause": "The carrier's API answered 503 for all of 14 minutes; six tries were made.",
}


def build(settings: Settings) -> tuple[User, dict[str, OrderExecution]]:
    """Make the day; returns who may restart and stop orders, and the orders by what they are."""
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = MACHINE
    queue = factories.queue("manual-review", name="Manual review", fields=world.FIELDS)
    keeper = world.person("olga@example.com", "Olga Ivanova", "reviewer", queue)
    people.grant_site(keeper, "orders", by=COMMAND_LINE)
    made = {
        "waiting": order("ORD-0048213", keeper, total=2448.0),
        "fulfilled": order("ORD-0048188", keeper, total=618.0),
        "failed": order("ORD-0048195", keeper, total=134.5),
        "rejected": order("ORD-0048201", keeper, total=1149.0),
        "stopped": order("ORD-0048207", keeper, total=74.95),
        "stored": stored("ORD-0048260", keeper, total=31.4),
    }
    review = world.order(queue, world.OPEN[0])
    ReviewTask.objects.filter(pk=review.pk).update(execution_arn=made["waiting"].execution_arn)
    status = {"order_id": "ORD-0048213", "status": "PROCESSING", "reason": "started"}
    waits = History().go(histories.TO_THE_REVIEW, stay=True)
    histories.read(made["waiting"], waits, status_row=status)
    whole = History().go(histories.TO_THE_REVIEW[:6])
    whole.fork("ParallelFulfillment", histories.BRANCHES).go(histories.AFTER_PAYMENT)
    histories.read(made["fulfilled"], whole.end("Succeeded"))
    order_actions.record_status(made["fulfilled"].pk, "succeeded", Ending(datetime.now(UTC)))
    fail(made["failed"])
    reject(made["rejected"])
    interventions.stop("ORD-0048207", "The customer has cancelled.", by=actor(keeper))
    return keeper, {kind: OrderExecution.objects.get(pk=row.pk) for kind, row in made.items()}


def stored(order_id: str, by: User, **fields: Any) -> OrderExecution:
    """An order that nobody has begun to start."""
    given = {
        "order_id": order_id,
        "channel": "web",
        "customer": {"name": "Amara Okafor", "email": "amara.okafor@example.com"},
        "items": [
            {"sku": "CAM-X-45", "name": "Mirrorless camera body", "quantity": 1, "price": 1899.0},
            {"sku": "LNS-35-18", "name": "35 mm f/1.8 lens", "quantity": 1, "price": 549.0},
        ],
        "currency": "EUR",
        **fields,
    }
    return fulfillment.start_order_fulfillment(given, by=actor(by, "api"))[0]


def order(order_id: str, by: User, **fields: Any) -> OrderExecution:
    """An order whose execution runs."""
    row = stored(order_id, by, **fields)
    OutboxEntry.objects.filter(subject=row.pk).update(
        state="settled", detail="acknowledged", ended_at=datetime.now(UTC)
    )
    arn = f"{MACHINE.replace('stateMachine', 'execution')}:{row.name}"

    with transaction.atomic():
        orders.record_started(row, arn, OrderExecution.Status.RUNNING)
    return row


def fail(row: OrderExecution) -> None:
    """It breaks off at the shipment, of an outage."""
    history = History().go(histories.TO_THE_REVIEW[:6])
    history.fork("ParallelFulfillment", histories.BRANCHES)
    history.go(["ScheduleShipment"], stay=True, **OUTAGE).end("Failed", **OUTAGE)
    histories.read(row, history)
    order_actions.record_status(row.pk, "failed", Ending(datetime.now(UTC), **OUTAGE))


def reject(row: OrderExecution) -> None:
    """A person turned it down, and it began anew."""
    history = History().go(histories.TO_THE_REVIEW).go(histories.TO_THE_REJECTION)
    histories.read(row, history.end("Failed", error="OrderRejected"))
    ending = Ending(datetime.now(UTC) - timedelta(minutes=3), "OrderRejected", "Rejected by Ada.")
    order_actions.record_status(row.pk, "failed", ending)
    interventions.restart(row.order_id, by=actor(row.created_by), reason="It was a mistake.")


def ended(row: OrderExecution) -> None:
    """No intervention in it is under way any more."""
    OrderIntervention.objects.filter(order=row).update(outcome="done", ended_at=datetime.now(UTC))
