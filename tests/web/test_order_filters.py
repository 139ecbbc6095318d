"""The lists of orders and of batches are searched, filtered and sorted by their URL."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from approvals.models import OrderBatch, OrderExecution, User
from tests.browser import orders as day
from tests.web.pages import html, references

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("machine", "wake_ups_sent")]


def plan(rows: Any) -> str:
    """How PostgreSQL finds these rows if it may not read the whole table."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        sql, parameters = rows.query.sql_with_params()
        cursor.execute(f"EXPLAIN {sql}", parameters)
        return "\n".join(line for (line,) in cursor.fetchall())


def batch(source: str, **columns: Any) -> OrderBatch:
    """A stored batch."""
    return OrderBatch.objects.create(source=source, mode="executions", **columns)


def test_an_order_is_found_by_the_beginning_of_its_id_in_any_case_and_by_its_execution(
    browser: Client, olga: User
) -> None:
    order = day.order("ORD-7", olga)
    day.stored("Other", olga)
    OrderExecution.objects.filter(pk=order.pk).update(
        execution_arn="arn:aws:states:e:1:execution:m:x"
    )

    for text in ("ord-7", "ORD", "arn:aws:states:e:1:execution:m:x", str(order.pk)):
        assert references(html(browser, f"/orders/?q={text}")) == ["ORD-7"], text
    assert references(html(browser, "/orders/?q=RD-7")) == []


def test_orders_are_filtered_by_error_time_and_person_and_sorted_by_arrival(
    browser: Client, olga: User
) -> None:
    for number in range(3):
        day.stored(f"ORD-{number}", olga)
    of = OrderExecution.objects.filter
    of(order_id="ORD-0").update(created_at=F("created_at") - timedelta(days=3))
    of(order_id="ORD-1").update(error="Lambda.Unknown", status="failed", created_by=None)

    assert references(html(browser, "/orders/?error=Lambda.Unknown")) == ["ORD-1"]
    assert references(html(browser, "/orders/?within=1d")) == ["ORD-2", "ORD-1"]
    assert references(html(browser, "/orders/?sort=accepted")) == ["ORD-0", "ORD-1", "ORD-2"]
    who = f"/orders/?started_by={olga.email.upper()}"
    assert references(html(browser, who)) == ["ORD-2", "ORD-0"]
    page = html(browser, "/orders/?error=Lambda.Unknown&within=1d")
    assert "1 attempt at orders with these filters" in page
    assert 'href="/orders/?within=1d"' in page


def test_each_filter_of_orders_has_an_index(olga: User) -> None:
    OrderExecution.objects.bulk_create(
        OrderExecution(
            order_id=f"ORD-{number}",
            state_machine_arn="arn",
            input="{}",
            input_sha256=b"1" * 32,
            created_by=olga,
            error="" if number % 100 else "X",
            status="failed" if number % 50 == 0 else "succeeded",
        )
        for number in range(1_000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE approvals_orderexecution")
    everything = OrderExecution.objects.order_by("-created_at", "-id")

    assert "order_by_upper_id" in plan(everything.with_text("ord-999")[:26])
    assert "order_by_status" in plan(everything.filter(status="failed")[:26])
    assert "order_by_error" in plan(everything.filter(error="X")[:26])
    assert "order_by_arrival" in plan(everything[:26])


def test_batches_are_searched_filtered_and_sorted(browser: Client, olga: User) -> None:
    first = batch("s3://daily/Monday.csv", position=3, accepted=3, status="stopped", trouble="403")
    second = batch("s3://daily/tuesday.csv", position=9, accepted=7, refused=2)
    third = batch("api", problem="S3 refuses.")

    def found(query: str) -> list[OrderBatch]:
        page = browser.get(f"{reverse('order_batches')}?{query}")
        return list(page.context["page"].rows)

    assert found("q=monday") == [first]
    assert found(f"q={second.pk}") == [second]
    assert found("status=stopped") == [first]
    assert found("needs=help") == [third, first]
    assert found("needs=rows") == [second]
    assert found("sort=rows") == [second, first, third]
    assert found("mode=map") == []
    empty = browser.get(f"{reverse('order_batches')}?mode=map").content.decode()
    assert "No batch matches these filters" in empty


@pytest.mark.parametrize("path", ["/orders/?q=ORD&status=pending", "/orders/batches/?q=s3"])
def test_a_list_takes_eight_statements_at_most(browser: Client, olga: User, path: str) -> None:
    for number in range(30):
        day.stored(f"ORD-{number}", olga)
        batch(f"s3://daily/{number}.csv")
    browser.get(path)

    with CaptureQueriesContext(connection) as asked:
        assert browser.get(path).status_code == 200

    assert len(asked) <= 8
