"""Rows of lists of reviews: the amount and the customer that they show."""

from __future__ import annotations

import re

import pytest

from approvals.models import ReviewQueue, ReviewTask, User
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


def test_a_list_shows_the_stored_summary_and_reads_no_payload(desk: Desk, alice: User) -> None:
    review = factories.review(input={"total": 812.5, "customer": {"name": "Grace Hopper"}})
    assert review.order_summary == {"total": "812.5", "customer": "Grace Hopper"}
    ReviewTask.objects.update(order_summary={"total": "99.5", "customer": "Ada"})

    html = desk(alice).get(LIST).content.decode()

    assert "99.50" in html
    assert "Ada" in html
    assert "Grace" not in html


def test_a_list_shows_a_review_of_an_earlier_release_from_its_payload(
    desk: Desk, alice: User
) -> None:
    factories.review(
        input={"total": 812.5, "currency": "EUR", "customer": {"name": "Grace Hopper"}}
    )
    ReviewTask.objects.update(order_summary=None)

    html = desk(alice).get(LIST).content.decode()

    assert "EUR 812.50" in html
    assert "Grace Hopper" in html
