"""Orders: hand one to Step Functions and wait a moment for its execution, or look what became of it."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from approvals.api import documentation as told
from approvals.api import pagination, reading, serializers, shapes
from approvals.api.authentication import Scope
from approvals.api.endpoint import SURFACE, Endpoint
from approvals.exceptions import Invalid, OrderConflict
from approvals.models import OrderExecution
from approvals.orchestration import fulfillment

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
        row, created = fulfillment.start_order_fulfillment(order, by=self.caller, surface=SURFACE)
        if fulfillment.await_start(row).status == OrderExecution.Status.REFUSED:
            raise OrderConflict(row.refusal, order_id=row.order_id)
        shown = serializers.OrderAnswer(row).data
        return Response(shown, status=_status(row, created=created))


class Order(Endpoint):
    """One order."""

    changes_need = Scope.ORDERS

    @told.operation("orders_read", serializers.OrderAnswer, refused=[403, 404])
    def get(self, request: Request, order_id: str) -> Response:
        """Read the last attempt at an order."""
        return Response(serializers.OrderAnswer(reading.order(self.caller, order_id)).data)


def _status(row: OrderExecution, *, created: bool) -> int:
    if not row.execution_arn:
        return 202
    return 201 if created else 200
