"""Rows of lists of reviews: the amount and the customer that they show."""

from __future__ import annotations

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
