"""The Orders pages: who sees them, what they show of an execution, and what can be done there."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from approvals.actions import people
from approvals.actors import COMMAND_LINE
from approvals.models import OrderExecution, ReviewQueue, User
from approvals.records import wake_ups
from approvals.web import review_rows
from tests import factories, histories
from tests.browser import orders as day
from tests.histories import History
from tests.web.conftest import Desk
from tests.web.pages import html, references

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("machine", "wake_ups_sent")]
HTMX = {"HX-Request": "true"}


# --- the list


def test_orders_are_listed_the_latest_first_and_narrowed(browser: Client, olga: User) -> None:
    for number in range(3):
        day.order(f"ORD-{number}", olga)
    OrderExecution.objects.filter(order_id="ORD-1").update(status="failed", error="Lambda.Unknown")

    assert references(html(browser, "/orders/")) == ["ORD-2", "ORD-1", "ORD-0"]
    failed = html(browser, "/orders/?status=failed")
    assert references(failed) == ["ORD-1"]
    assert "Lambda.Unknown" in failed
    assert references(html(browser, "/orders/?q=ORD-2")) == ["ORD-2"]
    assert "No order matches these filters" in html(browser, "/orders/?q=RD")
    assert "Select a valid choice" in html(browser, "/orders/?status=lost")
    assert references(html(browser, "/orders/?q=%00")) == [
        "ORD-2",
        "ORD-1",
        "ORD-0",
    ]


def test_a_long_list_has_pages(browser: Client, olga: User) -> None:
    for number in range(30):
        day.stored(f"ORD-{number}", olga)

    first = html(browser, "/orders/?q=ORD")
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following is not None
    second = html(browser, "/orders/" + following[1].replace("&amp;", "&"))

    assert references(first) + references(second) == [
        f"ORD-{number}" for number in reversed(range(30))
    ]


def test_only_those_with_a_right_to_orders_see_them(desk: Desk, olga: User, alice: User) -> None:
    order = day.order("ORD-1", olga)
    outsider = desk(alice)

    for path in ("/orders/", "/orders/ORD-1/", f"/executions/{order.pk}/restart/"):
        assert "needs one of the rights" in html(outsider, path, 403)
    assert 'href="/orders/"' not in html(outsider, "/")
    assert 'href="/orders/"' in html(desk(olga), "/")
    people.grant_site(alice, "auditor", by=COMMAND_LINE)
    seen = html(outsider, "/orders/ORD-1/")
    assert "needs one of the rights operator, orders" in seen
    assert "/stop/" not in seen


# --- one order


def test_an_order_shows_its_input_its_path_and_its_history(
    browser: Client, olga: User, queue: ReviewQueue
) -> None:
    order = day.order("ORD-1", olga, total=2448.0)
    waits = History().go(histories.TO_THE_REVIEW, stay=True)
    histories.read(order, waits, status_row={"status": "PROCESSING"})
    review = factories.review(queue, orderId="ORD-1", executionArn=order.execution_arn)

    page = html(browser, "/orders/ORD-1/")

    assert "EUR 2,448.00" in page
    assert "Mirrorless camera body" in page
    assert "Taken: CheckOrderId, OpenOrder, SeedOrder" in page
    assert "Is now in: ManualReview." in page
    assert "<title>ManualReview (Task): taken, is here now</title>" in page
    assert "<title>RollbackPayment (Task): not taken</title>" in page
    assert page.count("road road-taken") == 9  # eight between nine states, and the entry
    assert '<bdi class="step-name">ManualReview</bdi> is under way' in page
    assert "PROCESSING" in page
    assert f"/reviews/{review.pk}/" in page


def test_reviews_of_a_queue_one_has_no_role_in_are_not_shown(
    desk: Desk, olga: User, queue: ReviewQueue, carol: User
) -> None:
    order = day.order("ORD-1", olga)
    review = factories.review(queue, orderId="ORD-1", executionArn=order.execution_arn)
    people.grant_site(carol, "orders", by=COMMAND_LINE)

    assert str(review.pk) not in html(desk(carol), "/orders/ORD-1/")


def test_reviews_of_an_order_are_looked_for_among_a_bounded_number(
    queue: ReviewQueue, browser: Client, olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review_rows, "MOST_LOOKED_AT", 2)
    order = day.order("ORD-1", olga)
    reviews = [factories.review(queue, executionArn=order.execution_arn) for _ in range(4)]

    page = html(browser, "/orders/ORD-1/")

    assert sum(f"/reviews/{review.pk}/" in page for review in reviews) == 2


def test_untrusted_text_is_only_text(browser: Client, olga: User) -> None:
    bad = "<script>alert(1)</script>\u202e"
    order = day.order("a<b>/c", olga, note=bad)
    history = History().go(["ScheduleShipment"], stay=True, error=bad, cause=bad)
    flow = histories.read(order, history, status_row={bad: bad}).workflow
    assert flow is not None
    states = {bad: {"Type": bad, "Next": 7, "Catch": 5}}
    flow.definition = json.dumps({"StartAt": bad, "States": states})
    flow.save()
    OrderExecution.objects.update(error=bad, cause=bad, status="failed")

    page = html(browser, "/orders/a%3Cb%3E/c/")

    assert "<script>alert" not in page
    assert "\u202e" not in page


@pytest.mark.parametrize(
    "order_id", ["a/b", "a b", "..", "a/../b", "/", "x?y#z", "restart", "batches", "ключ"]
)
def test_an_order_is_found_by_whatever_it_is_called(
    browser: Client, olga: User, order_id: str
) -> None:
    day.stored(order_id, olga)
    link = re.search(r'<a class="serial" href="([^"]+)"', html(browser, "/orders/"))
    assert link is not None

    page = html(browser, link[1])

    assert f"<h1><bdi>{order_id}</bdi></h1>" in page
    assert "/../" not in link[1]


def test_a_token_in_an_input_is_not_shown(browser: Client, olga: User) -> None:
    token = "AQCEAAAAKgAAAAMAAAAA" + "x/y+" * 100
    day.order("ORD-1", olga, taskToken=token, note=f"see {token}")

    page = html(browser, "/orders/ORD-1/")

    assert token[:40] not in page
    assert "[task token]" in page


# --- reading


def test_a_page_asks_a_worker_and_never_aws(
    browser: Client, olga: User, wake_ups_sent: list[tuple[Any, ...]]
) -> None:
    order = day.order("ORD-1", olga)
    wake_ups_sent.clear()

    page = html(browser, "/orders/ORD-1/")
    assert wake_ups_sent == [(wake_ups.READ, order.pk)]
    assert "It is being read from Step Functions." in page

    histories.read(order, History())
    wake_ups_sent.clear()
    html(browser, "/orders/ORD-1/")
    assert wake_ups_sent == []  # it is fresh

    old = datetime.now(UTC) - timedelta(minutes=1)
    histories.read(order, History(), read_at=old)
    html(browser, "/orders/ORD-1/")
    assert wake_ups_sent == [(wake_ups.READ, order.pk)]


def test_what_has_ended_and_was_read_since_is_not_read_again(
    browser: Client, olga: User, wake_ups_sent: list[tuple[Any, ...]]
) -> None:
    order = day.order("ORD-1", olga)
    old = datetime.now(UTC) - timedelta(minutes=1)
    histories.read(order, History().end("Failed"), read_at=old)
    OrderExecution.objects.update(status="failed", ended_at=old - timedelta(minutes=1))
    wake_ups_sent.clear()

    page = html(browser, "/orders/ORD-1/")

    assert wake_ups_sent == []
    assert "hx-get" not in page.partition('id="reading"')[2][:300]

    answer = browser.post(f"/executions/{order.pk}/read/")
    assert answer.status_code == 302
    assert wake_ups_sent == [(wake_ups.READ, order.pk)]


def test_a_refresh_brings_what_has_changed_and_nothing_else(browser: Client, olga: User) -> None:
    order = day.order("ORD-1", olga)
    histories.read(order, History())
    page = html(browser, "/orders/ORD-1/")
    asked = re.search(r'hx-get="([^"]+)" hx-trigger', page)
    assert asked is not None

    same = html(browser, asked[1], headers=HTMX)
    histories.read(order, History().go(["OpenOrder"], stay=True))
    other = html(browser, asked[1], headers=HTMX)

    assert 'id="reading"' in same
    assert "hx-swap-oob" not in same
    assert other.count("hx-swap-oob") == 5
    assert "OpenOrder</bdi> is under way" in other
    assert browser.get(asked[1]).status_code == 302  # for a browser without htmx, the page itself
