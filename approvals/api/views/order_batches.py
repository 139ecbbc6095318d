"""Batches of orders: store one, and read its progress."""

from __future__ import annotations

import json
from functools import partial
from typing import Any, cast
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from approvals import policy
from approvals.api import presentation, queries, schema
from approvals.api.authentication import Scope
from approvals.api.endpoint import Endpoint
from approvals.api.parsers import OrderParser
from approvals.api.serializers.order_batches import BatchBody, OrderBatchAnswer
from approvals.models import OrderBatch
from approvals.orchestration import order_amounts
from approvals.orchestration.batches import acceptance, sources
from approvals.orchestration.batches.sources import Source
from approvals.policy import Action

ACCEPTED = 202


class OrderBatches(Endpoint):
    """All batches of orders."""

    write_scope = Scope.ORDERS
    parser_classes = [OrderParser]

    @schema.operation("order_batches_start", OrderBatchAnswer, body=BatchBody, status=ACCEPTED)
    def post(self, request: Request) -> Response:
        """Store a batch of orders. A worker reads it and starts each order once."""
        policy.may(Action.START_ORDER, None, by=self.actor).or_raise()
        given = self.body(BatchBody)
        source, body = _source(given)
        wish = acceptance.BatchOptions(given["mode"], given["batch_size"], given["on_bad_row"])
        row = self.run_once(
            partial(acceptance.accept, source, wish, body=body),
            lambda first: queries.order_batch(self.actor, cast("UUID", first.result)),
            status=ACCEPTED,
        )
        return _batch_response(row, ACCEPTED)


class OneBatch(Endpoint):
    """One batch of orders."""

    write_scope = Scope.ORDERS

    @schema.operation("order_batches_read", OrderBatchAnswer, refused=[404])
    def get(self, request: Request, batch_id: UUID) -> Response:
        """Read the progress of a batch and the rows that were refused."""
        return _batch_response(queries.order_batch(self.actor, batch_id), 200)


def _source(given: dict[str, Any]) -> tuple[Source, str]:
    """Returns the source of a request's orders, and the text to store with the batch. Raises Invalid."""
    if "source" in given:
        acceptance.may_be_read(given["source"])
        return sources.unseen(given["source"]), ""
    exact = map(order_amounts.as_written, given["orders"])
    orders = [json.dumps(order, ensure_ascii=False) for order in exact]
    body = (
        "[" + ",\n".join(orders) + "]"
    )  # one order a line, so that a line's number is the order's
    return sources.of_body(body), body


def _batch_response(row: OrderBatch, status: int) -> Response:
    """Returns the batch with its progress."""
    return Response(presentation.order_batch(row), status=status)
