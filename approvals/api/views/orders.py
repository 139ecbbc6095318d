"""Orders: start one and wait a moment for its execution, list them, read one, restart or stop it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, cast
from uuid import UUID

from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response

from approvals.actions import interventions
from approvals.actors import Actor
from approvals.api import pagination, presentation, queries, schema
from approvals.api.authentication import Scope
from approvals.api.endpoint import Endpoint
from approvals.api.parsers import OrderParser
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
from config.client_limits import give_way

CONFLICT = OrderConflict.status
NOT_KNOWN_YET = 0  # the stored status of a key while its order waits for its execution
BY_ARRIVAL = ("-created_at", "-id")


class Orders(Endpoint):
    """All orders."""

    write_scope = Scope.ORDERS
    parser_classes = [OrderParser]

    @schema.listing("orders_list", OrderAnswer, query=OrderQuery)
    def get(self, request: Request) -> Response:
        """List orders, newest first."""
        asked = self.query(OrderQuery)
        rows = queries.orders(self.actor)
        if asked["status"]:
            rows = rows.filter(status=asked["status"])
        if asked["q"]:
            rows = rows.beginning_with(asked["q"])
        found = pagination.page(rows, BY_ARRIVAL, cursor=asked["cursor"], size=asked["page_size"])
        results = presentation.listed(found.rows, presentation.order)
        return Response(pagination.envelope(request, found, results))

    @schema.start_order
    def post(self, request: Request) -> Response:
        """Start the workflow of an order, once: 201 if it runs, 202 while Step Functions cannot be reached."""
        order = request.data
        if not isinstance(order, dict):
            raise Invalid("An order is a JSON object.", pointer="")
        row, status = self.run_once(
            partial(self._start, order), self._started_before, status=NOT_KNOWN_YET
        )
        if status == CONFLICT:
            raise OrderConflict(row.refusal, order_id=row.order_id)
        idempotency.fill(self.idempotency_key(), row.pk, status=status)
        return Response(presentation.order(row), status=status)

    def _started_before(self, first: idempotency.AlreadyAnswered) -> tuple[OrderExecution, int]:
        """The order that the first request under this key has stored, with that request's status."""
        row = queries.orders(self.actor).get(pk=cast("UUID", first.result))
        return row, self._first_status(row, cast("idempotency.Key", self.idempotency_key()))

    def _start(self, order: dict[str, Any], **caller: Any) -> tuple[OrderExecution, int]:
        """Store an order and wait for its execution; returns it with the response's status."""
        row, created = fulfillment.start_order_fulfillment(order, **caller)
        return row, _status(self._await_start(row), created=created)

    def _first_status(self, row: OrderExecution, key: idempotency.Key) -> int:
        """The status of the response to the first request under this key.

        Its verb could not store the status: whether an order runs is known only after it has been stored.
        So the first request stores it when its wait ends. A concurrent repetition waits as long, and
        works out the same status itself if the first request broke off.
        """
        for _ in range(2):
            earlier = idempotency.earlier(key)
            stored = earlier.status if earlier else NOT_KNOWN_YET
            if stored in {201, 202} or (stored == 200 and row.execution_arn):
                return stored
            self._await_start(row)
        return _status(row, created=stored != 200)

    def _await_start(self, row: OrderExecution) -> OrderExecution:
        """Wait a moment for the execution; further requests of the same client do not wait with it."""
        return fulfillment.await_start_if_few_wait(row, partial(give_way, self.request.META))


def order_response(actor: Actor, order_id: str) -> Response:
    """Returns one order with its attempts and interventions. Raises NotAllowed or NotFound."""
    attempts = queries.order(actor, order_id)
    return Response(presentation.whole_order(attempts, queries.interventions(attempts)))


class Order(Endpoint):
    """One order."""

    write_scope = Scope.ORDERS

    @schema.operation("orders_read", WholeOrderAnswer, refused=[404])
    def get(self, request: Request, order_id: str) -> Response:
        """Read an order: its input, its attempts and its interventions."""
        return order_response(self.actor, order_id)


class Intervention(Endpoint):
    """An endpoint whose POST intervenes in an order; `segment` is the last segment of its path.

    An order's id may end in `/restart` or `/stop` too. So GET reads the order whose id ends in this
    segment, if there is one.
    """

    write_scope = Scope.ORDERS
    segment: ClassVar[str]

    @schema.undocumented
    def get(self, request: Request, order_id: str) -> Response:
        """Read the order whose id ends in this segment; 405 if there is none."""
        try:
            return order_response(self.actor, f"{order_id}/{self.segment}")
        except NotFound:
            raise MethodNotAllowed("GET") from None

    @property
    def allowed_methods(self) -> list[str]:
        """The Allow header: the GET belongs to another address, that of the order."""
        return ["POST", "OPTIONS"]

    def act(self, verb: Callable[..., OrderExecution], order_id: str) -> Response:
        """Run a verb as the caller, once under the request's key, and show the order as it is then."""
        self.run_once(verb, lambda _: None)
        return order_response(self.actor, order_id)


class Restart(Intervention):
    """Restarts an order."""

    segment = "restart"

    @schema.operation(
        "orders_restart",
        WholeOrderAnswer,
        body=RestartBody,
        refused=[404, schema.NOT_RESTARTABLE],
    )
    def post(self, request: Request, order_id: str) -> Response:
        """Restart a failed order: redrive its execution within 14 days, or start a new one, `order-<id>-r2`."""
        asked = self.body(RestartBody)
        return self.act(partial(interventions.restart, order_id, **asked), order_id)


class Stop(Intervention):
    """Stops an order."""

    segment = "stop"

    @schema.operation(
        "orders_stop",
        WholeOrderAnswer,
        body=StopBody,
        refused=[404, schema.NOT_RESTARTABLE],
    )
    def post(self, request: Request, order_id: str) -> Response:
        """Stop the execution of an order, with a reason. Its open reviews end with it."""
        asked = self.body(StopBody)
        return self.act(partial(interventions.stop, order_id, **asked), order_id)


def _status(row: OrderExecution, *, created: bool) -> int:
    """201 for a new order that runs, 200 for one that ran before, 202 while it waits, 409 if refused."""
    if row.status == OrderExecution.Status.REFUSED:
        return CONFLICT
    if not row.execution_arn and not row.was_never_started:
        return 202
    return 201 if created else 200
