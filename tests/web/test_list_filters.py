"""Filtered lists: chips that can be taken away one by one, heads of columns that sort, capped counts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from approvals.models import OrderExecution, User
from approvals.web import list_filters, order_filters
from tests.browser import orders as day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("machine", "wake_ups_sent")]


def test_each_filter_that_is_set_is_a_chip_that_leads_to_the_list_without_it() -> None:
    query = {"status": "failed", "error": "Lambda.Unknown", "sort": "accepted"}

    filtered = order_filters.orders(OrderExecution.objects.all(), query)

    shown = [(chip.label, chip.value, chip.without) for chip in filtered.chips]
    assert shown == [
        ("Status", "Failed", "error=Lambda.Unknown&sort=accepted"),
        ("Error", "Lambda.Unknown", "status=failed&sort=accepted"),
    ]


def test_a_value_that_is_no_choice_is_left_out_and_reported() -> None:
    filtered = order_filters.orders(OrderExecution.objects.all(), {"status": "lost", "q": "A"})

    assert filtered.active == {"q": "A"}
    assert "status" in filtered.form.errors


def test_the_head_of_a_column_sorts_and_turns_the_order() -> None:
    rows = OrderExecution.objects.all()
    latest = order_filters.orders(rows, {"q": "A"}).sort_link("Accepted", "-accepted", "accepted")
    oldest = order_filters.orders(rows, {"sort": "accepted"})
    assert order_filters.orders(rows, {"sort": "-accepted"}).active == {}  # the default

    assert (latest.direction, latest.query) == ("descending", "q=A&sort=accepted")
    turned = oldest.sort_link("Accepted", "-accepted", "accepted")
    assert (turned.direction, turned.query) == ("ascending", "sort=-accepted")


def test_a_count_ends_at_its_cap(olga: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_filters, "COUNT_UP_TO", 2)
    for number in range(3):
        day.stored(f"ORD-{number}", olga)

    assert list_filters.capped_count(OrderExecution.objects.all()) == "2+"
    assert list_filters.capped_count(OrderExecution.objects.filter(order_id="ORD-1")) == "1"


@pytest.mark.parametrize(
    ("text", "length"), [("1h", timedelta(hours=1)), ("7d", timedelta(days=7))]
)
def test_a_span_is_a_length_of_time(text: str, length: timedelta) -> None:
    assert list_filters.span(text) == length
