"""An order is accepted once, however often it is sent, with the outbox entry that starts its execution."""

from __future__ import annotations

import hashlib

import pytest

from approvals.exceptions import OrderConflict
from approvals.models import OutboxEntry
from approvals.records import audit, audit_verification
from tests.starts import start

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("starts")]


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
