"""Rows of lists of reviews: the amount and the customer that they show."""

from __future__ import annotations

import re

import pytest

from approvals.models import ReviewQueue, User
from tests import factories
from tests.web.conftest import Desk

pytestmark = pytest.mark.django_db
LIST = "/queues/manual-review/"


def test_the_orders_own_total_stands_where_the_queue_names_no_field(
    desk: Desk, alice: User
) -> None:
    factories.review()
    html = desk(alice).get(LIST).content.decode()
    assert "EUR 812.50" in html
    assert "Grace Hopper" in html


def test_the_queues_own_fields_win(desk: Desk, queue: ReviewQueue, alice: User) -> None:
    ReviewQueue.objects.filter(pk=queue.pk).update(
        fields=[{"path": "input.items.0.price", "role": "amount"}]
    )
    queue.refresh_from_db()
    factories.review(queue)
    assert "EUR 406.25" in desk(alice).get(LIST).content.decode()


@pytest.mark.parametrize(
    ("total", "shown"),
    [
        *(({"amount": 5, "currency": "EUR"}, ""), (1e20, "EUR 1e+20"), ("1e20", "EUR 1e20")),
        *(([5], ""), ("on request", "on request")),
    ],
)
def test_a_total_that_is_no_plain_amount_shows_no_json_and_keeps_its_currency(
    desk: Desk, alice: User, total: object, shown: str
) -> None:
    factories.review(input={"total": total, "currency": "EUR"})
    html = desk(alice).get(LIST).content.decode()
    cell = html.split('class="cell-label">Amount</span>')[1].split("</div>")[0]
    assert (
        re.sub("<[^>]+>", "", cell).strip(" \u2013\n").replace("100000000000000000000", "1e+20")
        == shown
    )
