"""Lists of reviews: their filters, and what one row shows."""

from __future__ import annotations

import pytest

from approvals.actions import assignment, decisions
from approvals.models import ReviewQueue, User
from approvals.models.choices import Outcome
from tests import factories
from tests.factories import actor
from tests.web.conftest import Desk
from tests.web.pages import references

pytestmark = pytest.mark.django_db
LIST = "/queues/manual-review/"


def test_filters_live_in_the_address_and_can_be_taken_off_one_by_one(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    factories.review(orderId="A-1", error={"Error": "FraudSuspected"})
    factories.review(orderId="A-2", error={"Error": "OutOfStock"})
    html = desk(alice).get(LIST, {"q": "fraud", "assignee": "nobody"}).content.decode()
    assert references(html) == ["A-1"]
    assert f'href="{LIST}?assignee=nobody"' in html
    assert f'href="{LIST}?q=fraud"' in html


def test_the_list_can_show_what_i_hold_and_what_is_closed(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    held, decided, _free = (factories.review(orderId=f"B-{number}") for number in range(3))
    assignment.claim(held.pk, by=actor(alice))
    decisions.decide(decided.pk, Outcome.APPROVED, by=actor(alice))
    browser = desk(alice)
    assert references(browser.get(LIST, {"assignee": "me"}).content.decode()) == ["B-0"]
    assert references(browser.get(LIST, {"status": "approved"}).content.decode()) == ["B-1"]
    html = browser.get(LIST, {"status": "any"}).content.decode()
    assert references(html) == ["B-2", "B-1", "B-0"]
    assert references(browser.get(LIST, {"reference": "B-2"}).content.decode()) == ["B-2"]


def test_a_filter_that_cannot_be_is_said_and_left_out(desk: Desk, alice: User) -> None:
    review = factories.review()
    html = desk(alice).get(LIST, {"status": "eaten"}).content.decode()
    assert references(html) == [review.reference]
    assert "eaten is not one of the available choices" in html
