"""Orders: hand one to Step Functions and wait a moment for its execution, or look what became of it."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from approvals.api import documentation as told
from approvals.api import pagination, reading, serializers, shapes
from approvals.api.authentication import Scope
from approvals.api.endpoint import SURFACE, Endpoint
from approvals.exceptions import Invalid, OrderConflict
from approvals.models import OrderExecution
from approvals.orchestration import fulfillment
from approvals.records import receipts

CONFLICT = OrderConflict.status
UNSETTLED = 0  # what a receipt says while its order waits for its execution
BY_ARRIVAL = ("-created_at", "-id")


class Orders(Endpoint):
    """All orders."""

    changes_need = Scope.ORDERS

    @told.listing("orders_list", serializers.OrderAnswer, query=shapes.OrderQuery)
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
        key = self.receipt(UNSETTLED)
        try:
            row, created = fulfillment.start_order_fulfillment(
                order, by=self.caller, surface=SURFACE, receipt=key
            )
        except receipts.AlreadyAnswered as earlier:
            row = reading.orders(self.caller).get(pk=cast("UUID", earlier.result))
            status = _first_status(row, cast("receipts.Key", key))
        else:
            status = _status(fulfillment.await_start(row), created=created)
        if status == CONFLICT:
            raise OrderConflict(row.refusal, order_id=row.order_id)
        receipts.fill(key, row.pk, status=status)
        return Response(serializers.OrderAnswer(row).data, status=status)


class Order(Endpoint):
    """One order."""

    changes_need = Scope.ORDERS

    @told.operation("orders_read", serializers.OrderAnswer, refused=[404])
    def get(self, request: Request, order_id: str) -> Response:
        """Read the last attempt at an order."""
        return Response(serializers.OrderAnswer(reading.order(self.caller, order_id)).data)


def _first_status(row: OrderExecution, key: receipts.Key) -> int:
    """What the first request under this key was answered with.

    Its verb could not know that: whether an order runs shows only after it has been stored. So the
    first request writes it down when its wait ends; a twin in flight waits as long, and finds the
    same by itself where the first one broke off.
    """
    for _ in range(2):
        kept = receipts.earlier(key)
        noted = kept.status if kept else UNSETTLED
        if noted in {201, 202} or (noted == 200 and row.execution_arn):
            return noted
        fulfillment.await_start(row)
    return _status(row, created=noted != 200)


def _status(row: OrderExecution, *, created: bool) -> int:
    if row.status == OrderExecution.Status.REFUSED:
        return CONFLICT
    if not row.execution_arn:
        return 202
    return 201 if created else 200
