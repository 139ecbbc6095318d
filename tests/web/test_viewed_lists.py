"""The lists of which views are saved, by their URLs and names."""

from __future__ import annotations

import pytest

from approvals.models import ReviewQueue, SavedView
from approvals.web import viewed_lists
from approvals.web.viewed_lists import BATCHES, ORDERS


@pytest.mark.django_db
def test_a_list_leads_to_its_page_and_asks_for_its_own_counts(queue: ReviewQueue) -> None:
    reviews = viewed_lists.reviews_in(queue)
    assert [each.url("q=x") for each in (reviews, ORDERS, BATCHES)] == [
        "/queues/manual-review/?q=x", "/orders/?q=x", "/orders/batches/?q=x",
    ]  # fmt: skip
    assert [each.asked_as for each in (reviews, ORDERS, BATCHES)] == [
        "queue=manual-review", "listing=orders", "listing=batches",
    ]  # fmt: skip
    assert [each.url("") for each in (ORDERS, BATCHES)] == ["/orders/", "/orders/batches/"]
    assert reviews.name == "Manual review"


def test_a_view_knows_its_list() -> None:
    for each in (ORDERS, BATCHES):
        assert viewed_lists.list_of(SavedView(listing=each.listing)) == each
