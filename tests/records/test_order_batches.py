"""Rows of a batch: new orders with what starts them, known and conflicting ones, and refused rows."""

from __future__ import annotations

import json

import pytest

from approvals.models import (
    AuditEvent,
    BatchExecution,
    OrderBatch,
    OrderExecution,
    OutboxEntry,
    RefusedRow,
)
from approvals.records import audit, execution_names, order_batches, order_validation
from approvals.records.order_batches import Item, Refusal

pytestmark = pytest.mark.django_db
MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:orders"


def batch_of(mode: str) -> OrderBatch:
    row = OrderBatch(
        state_machine_arn=MACHINE, carrier_arn=f"{MACHINE}-batch", mode=mode, source="api"
    )
    row.save(force_insert=True)
    return row


def item(number: int, *, alone: bool = False, **order: object) -> Item:
    """The order of row `number`, `ORD-number` if nothing else is said."""
    order_id, text = order_validation.parse({"order_id": f"ORD-{number}", **order})
    return Item(number, number + 1, order_id, execution_names.of_order(order_id), text, alone)


def starts() -> dict[str, list[OutboxEntry]]:
    """The enqueued starts, by kind."""
    found: dict[str, list[OutboxEntry]] = {"start": [], "start_batch": []}
    for entry in OutboxEntry.objects.all():
        found[entry.kind].append(entry)
    return found


def test_each_order_of_a_batch_of_executions_gets_a_start_and_a_chain_of_its_own() -> None:
    batch = batch_of("executions")

    fresh, conflicts = order_batches.insert(batch, [item(0, total=5), item(1)])

    assert (len(fresh), conflicts) == (2, [])
    assert {entry.subject for entry in starts()["start"]} == {row.pk for row in fresh}
    first = OrderExecution.objects.get(batch=batch, batch_item=0)
    assert (first.status, json.loads(first.input)) == ("pending", {"order_id": "ORD-0", "total": 5})
    event = AuditEvent.objects.get(chain=audit.chain(first))
    assert (event.kind, event.data["batch"], event.data["item"]) == (
        "order.accepted",
        str(batch.pk),
        0,
    )


def test_orders_of_one_execution_are_started_together_and_a_giant_alone() -> None:
    batch = batch_of("batches")

    order_batches.insert(batch, [item(0), item(1), item(2, alone=True)])

    execution = BatchExecution.objects.get()
    (together,) = starts()["start_batch"]
    (alone,) = starts()["start"]
    document = json.loads(bytes(together.payload))
    assert (together.subject, execution.orders, batch.carriers) == (execution.pk, 2, 1)
    assert (document["batch"], document["number"]) == (str(batch.pk), 1)
    assert [entry["item"] for entry in document["orders"]] == [0, 1]
    assert [json.loads(entry["input"])["order_id"] for entry in document["orders"]] == [
        "ORD-0",
        "ORD-1",
    ]
    assert alone.subject == OrderExecution.objects.get(batch_item=2).pk


def test_a_map_starts_nothing_before_it_is_handed_over() -> None:
    batch = batch_of("map")

    order_batches.insert(batch, [item(0)])
    order_batches.insert(batch, [item(1)])

    assert starts() == {"start": [], "start_batch": []}
    assert OrderExecution.objects.filter(carried_by=BatchExecution.objects.get()).count() == 2


def test_an_order_that_came_before_is_known_and_other_content_a_conflict() -> None:
    order_batches.insert(batch_of("executions"), [item(0, total=5), item(1, total=5)])
    before = OutboxEntry.objects.count()

    fresh, conflicts = order_batches.insert(
        batch_of("batches"), [item(0, total=5), item(1, total=6)]
    )

    assert fresh == []
    assert [(one.item, one.line, one.code) for one in conflicts] == [(1, 2, "order_conflict")]
    assert OutboxEntry.objects.count() == before
    assert not BatchExecution.objects.exists()


def test_refused_rows_are_kept_as_far_as_they_can_be_shown() -> None:
    batch = batch_of("executions")

    order_batches.refuse(batch, [Refusal(3, 4, "c" * 40, "r" * 400, "i" * 300)])

    row = RefusedRow.objects.get()
    assert (row.batch, row.item, row.line) == (batch, 3, 4)
    assert (row.code, row.reason, row.order_id) == ("c" * 30, "r" * 300, "i" * 256)
