"""The lists of orders and of batches as CSV files."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.test import Client

from approvals.models import AuditEvent, OrderBatch, OrderExecution, User
from approvals.records import audit
from approvals.web import order_export
from tests.browser import orders as day
from tests.web.conftest import Desk

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("machine", "wake_ups_sent")]


def rows_of(response: Any) -> list[dict[str, str]]:
    """The rows of a file that was sent."""
    assert response.status_code == 200
    return list(csv.DictReader(io.StringIO(response.getvalue().decode())))


def test_the_file_has_what_the_filters_find_and_is_recorded(browser: Client, olga: User) -> None:
    for number in range(3):
        day.stored(f"ORD-{number}", olga)
    OrderExecution.objects.filter(order_id="ORD-1").update(status="failed", error="=HYPERLINK(1)")

    response = browser.post("/exports/orders/", {"status": "failed"})

    (row,) = rows_of(response)
    assert (row["order_id"], row["status"], row["error"]) == ("ORD-1", "failed", "'=HYPERLINK(1)")
    assert row["started_by"] == olga.email
    event = AuditEvent.objects.filter(chain=audit.chain(olga)).latest("seq")
    assert event.kind == "orders.exported"
    assert event.data == {"rows": "orders", "filters": {"status": "failed"}}
    assert response["Content-Disposition"].startswith('attachment; filename="orders-')


def test_batches_are_exported_alike(browser: Client, olga: User) -> None:
    OrderBatch.objects.create(source="s3://daily/a.csv", mode="map", status="stopped", trouble="x")

    (row,) = rows_of(browser.post("/exports/order-batches/", {"sort": "rows"}))

    assert (row["source"], row["mode"], row["trouble"]) == ("s3://daily/a.csv", "map", "x")
    event = AuditEvent.objects.filter(chain=audit.chain(olga)).latest("seq")
    assert event.data == {"rows": "order-batches", "filters": {"sort": "rows"}}


def test_a_file_is_read_in_pieces_and_ends_at_its_limit(
    browser: Client, olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_export, "PIECE", 2)
    monkeypatch.setattr(order_export, "MAX_ROWS", 4)
    for number in range(5):
        day.stored(f"ORD-{number}", olga)

    found = [row["order_id"] for row in rows_of(browser.post("/exports/orders/"))]

    assert found == ["ORD-4", "ORD-3", "ORD-2", "ORD-1"]


def test_without_a_right_to_orders_nothing_is_exported(desk: Desk, alice: User) -> None:
    for path in ("/exports/orders/", "/exports/order-batches/"):
        assert desk(alice).post(path).status_code == 403
        assert desk(alice).get(path).status_code == 405
    assert not AuditEvent.objects.filter(kind="orders.exported").exists()
