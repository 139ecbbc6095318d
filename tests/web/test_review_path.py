"""The path of a review's execution: from the stored history, and only of an execution that is the review's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.models import OrderExecution, ReviewQueue, ReviewTask, User
from approvals.records import wake_ups
from tests import factories, histories
from tests.browser import orders as day
from tests.histories import History
from tests.web.conftest import Desk
from tests.web.pages import at, html, text

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("machine")]
HTMX = {"HX-Request": "true"}
WAITS = histories.TO_THE_REVIEW


@pytest.fixture
def order(olga: User) -> OrderExecution:
    """An order whose execution waits for a person."""
    return day.order("ORD-1", olga)


@pytest.fixture
def review(queue: ReviewQueue, order: OrderExecution) -> ReviewTask:
    """The review that it waits for; its queue may ask about its execution."""
    ReviewQueue.objects.update(state_machine_arns=[order.state_machine_arn])
    return factories.review(queue, orderId="ORD-1", executionArn=order.execution_arn)


def test_the_state_that_waits_is_marked_and_named(
    desk: Desk,
    alice: User,
    olga: User,
    order: OrderExecution,
    review: ReviewTask,
    wake_ups_sent: list[Any],
) -> None:
    histories.read(order, History().go(WAITS, stay=True))
    browser = desk(alice)

    page = html(browser, at(review))
    assert f'href="{at(review, "path")}"' in page
    assert "All about this order" not in page  # alice has no right to orders
    seen = html(desk(olga), at(review))
    assert f'href="/orders/{order.order_id}/">' in seen.partition("All about this order")[0][-900:]
    assert "<svg class=" not in page.partition("Path through the workflow")[2][:600]

    with CaptureQueriesContext(connection) as sent:
        path = html(browser, at(review, "path"))
    assert len(sent) <= 8
    assert "<title>ManualReview (Task): taken, is here now</title>" in path
    assert "Is now in: ManualReview." in path
    assert "<h1>Path through the workflow</h1>" in path
    fragment = html(browser, at(review, "path"), headers=HTMX)
    assert "<h1>" not in fragment
    assert "every 4s" not in fragment


@pytest.mark.parametrize("is_read", [False, True])
def test_what_was_read_before_the_review_came_is_read_again(
    desk: Desk,
    alice: User,
    order: OrderExecution,
    review: ReviewTask,
    wake_ups_sent: list[Any],
    is_read: bool,
) -> None:
    if is_read:
        past = review.received_at - timedelta(minutes=1)
        histories.read(order, History().go(WAITS[:4], stay=True), read_at=past)
    fragment = html(desk(alice), at(review, "path"), headers=HTMX)
    assert "every 4s" in fragment
    assert "is being read from Step Functions" in fragment
    assert ("<svg" in fragment) == is_read
    assert [sent[0] for sent in wake_ups_sent].count(wake_ups.READ) == 1


def test_a_problem_is_described_and_the_page_stops_asking(
    desk: Desk, alice: User, order: OrderExecution, review: ReviewTask, wake_ups_sent: list[Any]
) -> None:
    histories.read(order, History(), trouble="ExecutionDoesNotExist", read_at=None)
    fragment = html(desk(alice), at(review, "path"), headers=HTMX)
    assert "has no such execution any more" in fragment
    assert "every 4s" not in fragment


def test_a_review_of_an_execution_that_is_not_its_queues_shows_no_path(
    desk: Desk, alice: User, order: OrderExecution, review: ReviewTask, wake_ups_sent: list[Any]
) -> None:
    other = order.state_machine_arn.replace("order-fulfillment", "another")
    ReviewQueue.objects.update(state_machine_arns=[f"{other}x"])
    assert "Path through the workflow" not in text(desk, alice, review)
    assert desk(alice).get(at(review, "path")).status_code == 404
    assert wake_ups_sent == []


def test_who_may_not_see_the_review_sees_no_path(
    desk: Desk, carol: User, review: ReviewTask, wake_ups_sent: list[Any]
) -> None:
    assert desk(carol).get(at(review, "path")).status_code == 404


def test_a_review_without_an_order_of_ours_has_no_path(desk: Desk, alice: User) -> None:
    review = factories.review()
    assert "Path through the workflow" not in text(desk, alice, review)
    assert desk(alice).get(at(review, "path")).status_code == 404
