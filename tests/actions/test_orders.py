"""An order is accepted once, however often it is sent, with the outbox entry that starts its execution."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from django.db.models.functions import Now
from pytest_django import Settings

from approvals.actions import orders
from approvals.exceptions import OrderConflict
from approvals.models import OrderExecution, OrderIntervention, OutboxEntry
from approvals.models.ids import uuid7
from approvals.records import audit, audit_verification
from tests.order_executions import order_in
from tests.starts import MACHINE, start

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("starts")]


def redrive_of(order: OrderExecution, **columns: Any) -> None:
    OrderIntervention.objects.create(order=order, kind="redrive", **columns)


def test_an_order_is_stored_with_what_will_start_it_and_its_trail() -> None:
    order = start({"total": 5, "order_id": 7, "name": "é"})

    text = '{"name":"é","order_id":"7","total":5}'
    entry = OutboxEntry.objects.get()
    assert (order.order_id, order.name, order.status, order.input) == (
        "7",
        "order-7",
        "pending",
        text,
    )
    assert (entry.subject, bytes(entry.payload)) == (order.pk, text.encode())
    assert bytes(order.input_sha256) == hashlib.sha256(text.encode()).digest()
    assert audit_verification.verify(audit.chain_of("order", order.pk)) == []


def test_the_same_order_again_is_the_same_row_and_other_content_a_conflict() -> None:
    first = start({"order_id": "A-1", "a": 1, "b": [2]})

    assert start({"b": [2], "a": 1, "order_id": "A-1"}) == first
    with pytest.raises(OrderConflict) as refused:
        start({"order_id": "A-1", "a": 2})
    assert refused.value.extra == {"order_id": "A-1"}
    assert OutboxEntry.objects.count() == 1


def test_the_same_id_at_another_state_machine_is_another_order(settings: Settings) -> None:
    first = start({"order_id": "A-1"})
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = f"{MACHINE}-of-another-shop"

    assert start({"order_id": "A-1", "total": 1}) != first

    assert OutboxEntry.objects.count() == 2


def test_who_sends_an_order_again_gets_its_first_attempt() -> None:
    later = start({"order_id": "A-1"})
    OrderExecution.objects.update(attempt=2)
    first = OrderExecution.objects.get()
    first.pk, first.attempt = uuid7(), 1
    first.save(force_insert=True)

    assert start({"order_id": "A-1"}) == first != later


@pytest.mark.parametrize(("redrives", "is_new"), [(0, False), (1, False), (2, True)])
def test_a_report_from_before_a_redrive_that_was_accepted_is_ignored(
    redrives: int, is_new: bool
) -> None:
    start({"order_id": "another"})
    order = order_in("running")
    redrive_of(order, redrives_before=1, outcome="done", ended_at=Now())

    assert orders.record_status(order.pk, "failed", redrives=redrives) is is_new

    order.refresh_from_db()
    assert order.status == ("failed" if is_new else "running")


@pytest.mark.parametrize("outcome", ["", "refused", "too_late"])
def test_a_redrive_that_was_not_accepted_makes_no_report_outdated(outcome: str) -> None:
    order = order_in("running")
    redrive_of(order, redrives_before=1, outcome=outcome, ended_at=Now() if outcome else None)

    assert orders.record_status(order.pk, "failed", redrives=1)


def test_a_report_without_a_count_is_recorded_once() -> None:
    order = order_in("running")

    assert [orders.record_status(order.pk, "aborted") for _ in range(2)] == [True, False]
