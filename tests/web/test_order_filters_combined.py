"""Each filter of the lists of orders and of batches in each order: on the page, as a chip, and in the file."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client

from approvals.models import OrderBatch, OrderExecution, User
from approvals.web import order_export
from approvals.web.order_filters import (
    ORDERS_OF_BATCHES,
    ORDERS_OF_ORDERS,
    BatchFilter,
    OrderFilter,
)
from tests.browser import orders as day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("machine", "wake_ups_sent")]
COUNT = 8
Fits = Callable[[int], bool]
OF_ORDERS: dict[str, tuple[str, Fits]] = {
    "q": ("ab-", lambda n: n % 2 == 0),
    "within": ("1d", lambda n: n < 5),
    "status": ("failed", lambda n: n % 3 == 0),
    "error": ("Lambda.Unknown", lambda n: n % 3 == 0),
    "started_by": ("OLGA@example.com", lambda n: n != 1),
}
OF_BATCHES: dict[str, tuple[str, Fits]] = {
    "q": ("MONDAY", lambda n: n % 2 == 0),
    "within": ("1d", lambda n: n < 5),
    "status": ("stopped", lambda n: n % 4 == 1),
    "mode": ("map", lambda n: n % 3 == 1),
    "needs": ("help", lambda n: n % 4 == 1 or n == 6),
}


def exported(browser: Client, path: str, query: Mapping[str, str]) -> list[str]:
    """The ids of the rows of a file."""
    answer: Any = browser.post(path, query)
    assert answer.status_code == 200
    return [row["id"] for row in csv.DictReader(io.StringIO(answer.getvalue().decode()))]


def check(
    browser: Client,
    paths: tuple[str, str],
    filters: dict[str, tuple[str, Fits]],
    orders: Mapping[str, Callable[[int], int]],
    ids: list[str],
) -> None:
    """Each filter in each order lists and exports the rows that have its value, and is a chip."""
    page, file = paths
    for name, (value, fits) in filters.items():
        for sort, place in orders.items():
            query = {name: value, "sort": sort}
            expected = [ids[n] for n in sorted(filter(fits, range(COUNT)), key=place)]
            assert expected, name
            shown = browser.get(page, query)
            assert [str(row.pk) for row in shown.context["page"].rows] == expected, query
            html = shown.content.decode()
            chip = f"{page}?sort={sort}" if sort != next(iter(orders)) else page
            assert f'<a class="chip" href="{chip}">' in html, query
            assert "Export" in html
            assert exported(browser, file, query) == expected, query


def test_each_filter_of_orders(
    browser: Client, olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert OF_ORDERS.keys() == OrderFilter.base_filters.keys() - {"sort"}
    monkeypatch.setattr(order_export, "PIECE", 2)
    rows = [day.stored(f"{'AB' if n % 2 == 0 else 'X'}-{n}", olga) for n in range(COUNT)]
    for n, row in enumerate(rows):
        failed = {"status": "failed", "error": "Lambda.Unknown"} if n % 3 == 0 else {}
        OrderExecution.objects.filter(pk=row.pk).update(
            created_at=Now() - timedelta(hours=5 * n), created_by=None if n == 1 else olga, **failed
        )
    places = {"-accepted": lambda n: n, "accepted": lambda n: -n}
    assert places.keys() == ORDERS_OF_ORDERS.keys()
    ids = [str(row.pk) for row in rows]
    check(browser, ("/orders/", "/exports/orders/"), OF_ORDERS, places, ids)


def test_each_filter_of_batches(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert OF_BATCHES.keys() == BatchFilter.base_filters.keys() - {"sort"}
    monkeypatch.setattr(order_export, "PIECE", 2)
    rows = [
        OrderBatch.objects.create(
            source=f"s3://daily/{'monday' if n % 2 == 0 else 'friday'}-{n}.csv",
            mode="map" if n % 3 == 1 else "executions",
            status="stopped" if n % 4 == 1 else "reading",
            trouble="S3 refuses." if n % 4 == 1 else "",
            problem="S3 is slow." if n == 6 else "",
            position=10 * (n * 3 % COUNT) + 8,
            refused=n * 5 % COUNT,
            accepted=10 * (n * 3 % COUNT) + 8 - n * 5 % COUNT,
        )
        for n in range(COUNT)
    ]
    for n, row in enumerate(rows):
        OrderBatch.objects.filter(pk=row.pk).update(created_at=Now() - timedelta(hours=5 * n))
    places: dict[str, Callable[[int], int]] = {
        "-begun": lambda n: n,
        "begun": lambda n: -n,
        "rows": lambda n: -(n * 3 % COUNT),
        "refused": lambda n: -(n * 5 % COUNT),
    }
    assert places.keys() == ORDERS_OF_BATCHES.keys()
    ids = [str(row.pk) for row in rows]
    check(browser, ("/orders/batches/", "/exports/order-batches/"), OF_BATCHES, places, ids)
