"""Orders: hand one to Step Functions and wait a moment for its execution, or look what became of it."""

from __future__ import annotations

import time

from rest_framework.request import Request
from rest_framework.response import Response

from approvals.api import documentation as told
from approvals.api import pagination, reading, serializers, shapes
from approvals.api.authentication import Scope
from approvals.api.endpoint import SURFACE, Endpoint
from approvals.exceptions import Invalid
from approvals.models import OrderExecution
from approvals.orchestration import fulfillment
from approvals.records import clock

WAIT = 3.0  # seconds
FIRST_PAUSE, LONGEST_PAUSE = 0.03, 0.25

BY_ARRIVAL = ("-created_at", "-id")


class Orders(Endpoint):
    """All orders."""

    changes_need = Scope.ORDERS

    @told.listing("orders_list", serializers.OrderAnswer, query=shapes.OrderQuery, refused=[403])
    def get(self, request: Request) -> Response:
        """List orders, the latest first."""
        asked = self.query(shapes.OrderQuery)
        rows = reading.orders(self.caller)
        if asked["status"]:
            rows = rows.filter(status=asked["status"])
        found = pagination.page(rows, BY_ARRIVAL, cursor=asked["cursor"], size=asked["page_size"])
        shown = [serializers.OrderAnswer(row).data for row in found.rows]
        return Response(pagination.envelope(request, found, shown))

    @told.start_order
    def post(self, request: Request) -> Response:
        """Start the workflow of an order, once: 201 once it runs, 202 while Step Functions is away."""
        order = request.data
        if not isinstance(order, dict):
            raise Invalid("An order is a JSON object.", pointer="")
        asked_at = clock.now()
        row = fulfillment.start_order_fulfillment(order, by=self.caller, surface=SURFACE)
        known_before = row.created_at < asked_at
        _wait_for_execution(row)
        shown = serializers.OrderAnswer(row).data
        return Response(shown, status=_status(row, known_before=known_before))


class Order(Endpoint):
    """One order."""

    changes_need = Scope.ORDERS

    @told.operation("orders_read", serializers.OrderAnswer, refused=[403, 404])
    def get(self, request: Request, order_id: str) -> Response:
        """Read the last attempt at an order."""
        return Response(serializers.OrderAnswer(reading.order(self.caller, order_id)).data)


def _status(row: OrderExecution, *, known_before: bool) -> int:
    if not row.execution_arn:
        return 202
    return 200 if known_before else 201


def _wait_for_execution(row: OrderExecution) -> None:
    """The hint that was sent with the order is usually answered within a blink; the row tells."""
    until, pause = time.monotonic() + WAIT, FIRST_PAUSE
    while row.status == OrderExecution.Status.PENDING and time.monotonic() < until:
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)
        row.refresh_from_db(fields=["execution_arn", "status", "started_at", "refusal"])
