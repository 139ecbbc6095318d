"""Starting the order workflow: one order, one execution, however often it is asked for."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from approvals import arns, policy
from approvals.exceptions import Invalid, OrderConflict, Unavailable
from approvals.models import OrderExecution, OutboxEntry, User
from approvals.records import audit, database_time, execution_names, idempotency, outbox, wake_ups

MAX_INPUT_BYTES = 262_144  # API reference, StartExecution: input
PATIENCE = 3.0  # seconds
FIRST_PAUSE, LONGEST_PAUSE = 0.03, 0.25  # seconds


def start_order_fulfillment(
    order: Mapping[str, Any],
    *,
    by: User | None,
    surface: str,
    receipt: idempotency.Key | None = None,
) -> tuple[OrderExecution, bool]:
    """Store an order and what will start its execution `order-<id>`, once; returns it, and if it is new.

    The input is canonical JSON, so that the same order always makes the same bytes. Raises NotAllowed,
    Invalid (no usable order_id, too large), OrderConflict (the id came with other content before) or
    Unavailable where no state machine is configured.
    """
    if by is not None:
        policy.may(policy.START_ORDER, None, by, surface).or_raise()
    if not settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN:
        raise Unavailable("No order workflow: set ORDER_FULFILLMENT_STATE_MACHINE_ARN.")
    order_id, text = spelt(order)
    return _store(order_id, text, by, surface, receipt)


def await_start(order: OrderExecution) -> OrderExecution:
    """Wait up to 3 s for whoever delivers the order's start, and return the row as it is then.

    A worker usually answers the hint within a blink; it is the row that tells, never the hint.
    """
    until, pause = time.monotonic() + PATIENCE, FIRST_PAUSE
    while order.status == OrderExecution.Status.PENDING and time.monotonic() < until:
        if not connection.in_atomic_block:
            connection.close()  # others need it more than somebody who sleeps
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)
        order.refresh_from_db(fields=["execution_arn", "status", "started_at", "refusal"])
    return order


@transaction.atomic(durable=True)
def _store(
    order_id: str,
    text: str,
    by: User | None,
    surface: str,
    receipt: idempotency.Key | None,
) -> tuple[OrderExecution, bool]:
    idempotency.keep(receipt)
    digest = hashlib.sha256(text.encode()).digest()
    configured = settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN
    machine, qualifier = arns.split_qualifier(configured)
    row, created = OrderExecution.objects.get_or_create(
        state_machine_arn=machine,
        order_id=order_id,
        attempt=1,
        defaults={
            "qualifier": qualifier,
            "name": execution_names.of_order(order_id),
            "input": text,
            "input_sha256": digest,
            "created_by": by,
        },
    )
    if not created:
        if bytes(row.input_sha256) != digest:
            raise OrderConflict(order_id=order_id)
        idempotency.fill(receipt, row.pk, status=200)
        return row, False
    idempotency.fill(receipt, row.pk)
    entry = outbox.enqueue(
        OutboxEntry.Kind.START,
        row.pk,
        text.encode(),
        not_before=database_time.now(),
    )
    audit.record(
        audit.chain_of("order", row.pk),
        "order.accepted",
        by=by,
        surface=surface,
        data={"order_id": order_id, "name": row.name, "input_sha256": digest.hex()},
    )
    wake_ups.after_commit(wake_ups.DELIVER, entry.pk, order=order_id)
    return row, True


def spelt(order: Mapping[str, Any]) -> tuple[str, str]:
    """An order's id, and the input of its execution. Raises Invalid."""
    order_id = _order_id(order)
    return order_id, canonical({**order, "order_id": order_id})


def canonical(order: Mapping[str, Any]) -> str:
    """The one spelling of an order: sorted keys, no spaces. Raises Invalid where it cannot be said."""
    try:
        text = json.dumps(
            order, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )
        size = len(text.encode())
    except (ValueError, RecursionError):
        raise Invalid("The order is not JSON that Step Functions takes.", pointer="") from None
    if re.search(r"(?<!\\)(?:\\\\)*\\u0000", text):  # an escaped backslash before u0000 is a text
        raise Invalid("The order holds the NUL character.", pointer="")
    if size > MAX_INPUT_BYTES:
        raise Invalid(f"The order has {size} bytes; Step Functions takes {MAX_INPUT_BYTES}.")
    return text


def _order_id(order: Mapping[str, Any]) -> str:
    value = order.get("order_id")
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise Invalid("An order needs an order_id, a text or a whole number.", pointer="/order_id")
    if len(str(value)) > 256 or not str(value).isprintable():
        raise Invalid("order_id has over 256 or unprintable characters.", pointer="/order_id")
    return str(value)
