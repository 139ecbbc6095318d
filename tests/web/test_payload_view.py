"""How a payload is sorted for a page."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.models import ReviewQueue, User
from approvals.web import payload_view
from tests import factories
from tests.web.conftest import Desk
from tests.web.pages import text

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "order",
    [
        {"total": True, "currency": "EUR"},
        {"total": "see the invoice, page two, where it stands in ink", "currency": "EUR"},
        {"total": 12.5, "currency": 7},
    ],
)
def test_what_is_no_amount_stays_among_the_details(order: dict[str, Any]) -> None:
    read = payload_view.review_order(factories.review(input=order))
    assert (read.total != "") == (order["total"] == 12.5)
    kept = {node.label for node in read.rest}
    assert kept == ({"Currency"} if read.total else {"Total", "Currency"})


def test_the_queues_fields_are_promoted_and_sensitive_ones_wait_for_a_click(
    desk: Desk, alice: User, queue: ReviewQueue
) -> None:
    ReviewQueue.objects.filter(pk=queue.pk).update(
        fields=[
            {"path": "input.total", "label": "Value", "kind": "money"},
            {"path": "input.customer.email", "label": "Mail", "sensitive": True},
            {"path": "input.nowhere", "label": "Nowhere"},
            "nonsense",
        ]
    )
    html = text(desk, alice, factories.review(queue))
    assert "<dt>Value</dt>" in html
    assert "<dt>Mail</dt><dd><details" in html
    assert "Nowhere" not in html


def test_unknown_fields_of_the_message_are_shown(desk: Desk, alice: User) -> None:
    html = text(desk, alice, factories.review(reviewRound=3, hint={"by": "the gateway"}))
    assert "Other fields of the message" in html
    assert "the gateway" in html


@pytest.mark.parametrize(
    "order",
    [
        {"items": []},
        {"items": [1, "two", None, [3]]},
        {"items": [{"a": {"deep": [1, {"b": 2}]}}]},
        {"lines": [{"sku": "x", "price": None}, {"other": True}]},
        {"total": {"amount": 1}, "customer": ["Ada", 7]},
        {"total": "12,50", "currency": 7},
        {"total": 1e63, "customer": ""},
        {"": "", " ": {}, "x" * 500: "y" * 5_000},
        {"nested": {"a": {"b": {"c": {"d": {"e": {"f": {"g": 1}}}}}}}},
        {"many": {f"k{number}": number for number in range(900)}},
        {"items": [{"sku": f"S-{number}", "price": number} for number in range(900)]},
        {"shipping_address": {"street": None, "city": 7, "country": "NL"}},
        {"amounts": [-1, 0, 0.1, 99999999999999999999999999999, True]},
    ],
)
def test_any_order_makes_a_page(desk: Desk, alice: User, order: dict[str, object]) -> None:
    html = text(desk, alice, factories.review(input=order))
    assert "The order" in html
    assert len(html) < 400_000


def test_a_huge_order_is_cut_and_says_so(desk: Desk, alice: User) -> None:
    items = [{"sku": f"S-{n}", "name": "x" * 60, "quantity": n, "price": n} for n in range(2_000)]
    review = factories.review(input={"items": items})
    html = text(desk, alice, review)
    assert "more lines in the raw message" in html
    assert "These are its first 256 kB." in html
    assert len(html) < 900_000


def test_what_the_workflow_added_to_an_order_is_among_the_workflows_details() -> None:
    added = {"workflow": {"max_review_rounds": 3}, "validation": {"checked": ["total"]}}
    read = payload_view.review_order(factories.review(input={"note": "Hurry.", **added}))
    assert [node.label for node in read.rest] == ["Note"]
    assert [node.label for node in read.internals] == ["Workflow", "Validation"]


def test_a_field_of_that_name_that_is_no_group_stays_in_the_order() -> None:
    read = payload_view.review_order(factories.review(input={"workflow": "returns", "note": "x"}))
    assert {node.label for node in read.rest} == {"Workflow", "Note"}
    assert read.internals == ()
