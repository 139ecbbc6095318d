"""Orders: hand one to Step Functions and wait a moment for its execution, look what became of it,
restart or stop it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from typing import ClassVar, cast
from uuid import UUID

from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response

from approvals.actions import interventions
from approvals.actors import Actor
from approvals.api import pagination, queries, schema
from approvals.api.authentication import Scope
from approvals.api.endpoint import Endpoint
from approvals.api.serializers.orders import (
    OrderAnswer,
    OrderQuery,
    RestartBody,
    StopBody,
    WholeOrderAnswer,
)
from approvals.exceptions import Invalid, NotFound, OrderConflict
from approvals.models import OrderExecution
from approvals.orchestration import fulfillment
from approvals.records import idempotency

CONFLICT = OrderConflict.status
UNSETTLED = 0  # what a receipt says while its order waits for its execution
BY_ARRIVAL = ("-created_at", "-id")


class Orders(Endpoint):
    """All orders."""

    changes_need = Scope.ORDERS

    @schema.listing("orders_list", OrderAnswer, query=OrderQuery)
    def get(self, request: Request) -> Response:
        """List orders, the latest first."""
        asked = self.query(OrderQuery)
        rows = queries.orders(self.actor)
        if asked["status"]:
            rows = rows.filter(status=asked["status"])
        if asked["q"]:
            rows = rows.beginning_with(asked["q"])
        found = pagination.page(rows, BY_ARRIVAL, cursor=asked["cursor"], size=asked["page_size"])
        shown = [OrderAnswer(row).data for row in found.rows]
        return Response(pagination.envelope(request, found, shown))

    @schema.start_order
    def post(self, request: Request) -> Response:
        """Start the workflow of an order, once: 201 once it runs, 202 while Step Functions is away."""
        order = request.data
        if not isinstance(order, dict):
            raise Invalid("An order is a JSON object.", pointer="")
        key = self.idempotency_key(UNSETTLED)
        try:
            row, created = fulfillment.start_order_fulfillment(order, by=self.actor, key=key)
        except idempotency.AlreadyAnswered as earlier:
            row = queries.orders(self.actor).get(pk=cast("UUID", earlier.result))
            status = _first_status(row, cast("idempotency.Key", key))
        else:
            status = _status(fulfillment.await_start(row), created=created)
        if status == CONFLICT:
            raise OrderConflict(row.refusal, order_id=row.order_id)
        idempotency.fill(key, row.pk, status=status)
        return Response(OrderAnswer(row).data, status=status)


def whole(actor: Actor, order_id: str) -> Response:
    """One order as an answer."""
    attempts = queries.order(actor, order_id)
    context = {"attempts": attempts, "interventions": queries.interventions(attempts)}
    return Response(WholeOrderAnswer(attempts[0], context=context).data)


class Order(Endpoint):
    """One order."""

    changes_need = Scope.ORDERS

    @schema.operation("orders_read", WholeOrderAnswer, refused=[404])
    def get(self, request: Request, order_id: str) -> Response:
        """Read an order: its last attempt, its input, and all that happened to it."""
        return whole(self.actor, order_id)


class Hand(Endpoint):
    """Something that is done to an order, by POST.

    An order's id may end in the same word; so its GET reads the order that is called so, if there is one.
    """

    changes_need = Scope.ORDERS
    word: ClassVar[str]

    @schema.of_another_order
    def get(self, request: Request, order_id: str) -> Response:
        """Read the order whose id ends so; where there is none, this address has no GET."""
        try:
            return whole(self.actor, f"{order_id}/{self.word}")
        except NotFound:
            raise MethodNotAllowed("GET") from None

    @property
    def allowed_methods(self) -> list[str]:
        """What Allow says: the GET is another address's."""
        return ["POST", "OPTIONS"]

    def do(self, verb: Callable[..., OrderExecution], order_id: str) -> Response:
        """Run a verb of the caller's, or show its order again where its key says it has run."""
        with contextlib.suppress(idempotency.AlreadyAnswered):
            verb(by=self.actor, key=self.idempotency_key())
        return whole(self.actor, order_id)


class Restart(Hand):
    """Let an order that has failed go on."""

    word = "restart"

    @schema.operation(
        "orders_restart",
        WholeOrderAnswer,
        body=RestartBody,
        refused=[404, schema.NOT_AS_IT_STANDS],
    )
    def post(self, request: Request, order_id: str) -> Response:
        """Redrive a failed order within 14 days, else begin it anew as `order-<id>-r2`."""
        asked = self.body(RestartBody)
        return self.do(partial(interventions.restart, order_id, **asked), order_id)


class Stop(Hand):
    """End an order that is under way."""

    word = "stop"

    @schema.operation(
        "orders_stop",
        WholeOrderAnswer,
        body=StopBody,
        refused=[404, schema.NOT_AS_IT_STANDS],
    )
    def post(self, request: Request, order_id: str) -> Response:
        """Stop an order's execution, for a reason; its open reviews end with it."""
        asked = self.body(StopBody)
        return self.do(partial(interventions.stop, order_id, **asked), order_id)


def _first_status(row: OrderExecution, key: idempotency.Key) -> int:
    """What the first request under this key was answered with.

    Its verb could not know that: whether an order runs shows only after it has been stored. So the
    first request writes it down when its wait ends; a twin in flight waits as long, and finds the
    same by itself where the first one broke off.
    """
    for _ in range(2):
        kept = idempotency.earlier(key)
        noted = kept.status if kept else UNSETTLED
        if noted in {201, 202} or (noted == 200 and row.execution_arn):
            return noted
        fulfillment.await_start(row)
    return _status(row, created=noted != 200)


def _status(row: OrderExecution, *, created: bool) -> int:
    if row.status == OrderExecution.Status.REFUSED:
        return CONFLICT
    if not row.execution_arn and not row.was_never_started:
        return 202
    return 201 if created else 200
