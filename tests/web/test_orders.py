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
from tests import factories, histories
from tests.browser import orders as day
from tests.histories import History
from tests.web.conftest import Desk

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("machine", "wake_ups_sent")]
HTMX = {"HX-Request": "true"}


def html(browser: Client, path: str, status: int = 200, **headers: Any) -> str:
    answer = browser.get(path, **headers)
    assert answer.status_code == status, answer
    return answer.content.decode()


def rows(page: str) -> list[str]:
    return re.findall(r'<a class="serial"[^>]*><bdi>([^<]+)</bdi>', page)


# --- the list


def test_orders_are_listed_the_latest_first_and_narrowed(browser: Client, olga: User) -> None:
    for number in range(3):
        day.order(f"ORD-{number}", olga)
    OrderExecution.objects.filter(order_id="ORD-1").update(status="failed", error="Lambda.Unknown")

    assert rows(html(browser, "/orders/")) == ["ORD-2", "ORD-1", "ORD-0"]
    failed = html(browser, "/orders/?status=failed")
    assert rows(failed) == ["ORD-1"]
    assert "Lambda.Unknown" in failed
    assert rows(html(browser, "/orders/?q=ORD-2")) == ["ORD-2"]
    assert "No order matches these filters" in html(browser, "/orders/?q=RD")
    assert "Select a valid choice" in html(browser, "/orders/?status=lost")
    assert rows(html(browser, "/orders/?cursor=tampered&q=%00")) == ["ORD-2", "ORD-1", "ORD-0"]


def test_a_long_list_has_pages(browser: Client, olga: User) -> None:
    for number in range(30):
        day.stored(f"ORD-{number}", olga)

    first = html(browser, "/orders/?q=ORD")
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following is not None
    second = html(browser, "/orders/" + following[1].replace("&amp;", "&"))

    assert rows(first) + rows(second) == [f"ORD-{number}" for number in reversed(range(30))]


def test_only_those_with_a_right_to_orders_see_them(desk: Desk, olga: User, alice: User) -> None:
    order = day.order("ORD-1", olga)
    outsider = desk(alice)

    for path in ("/orders/", "/orders/ORD-1/", f"/executions/{order.pk}/restart/"):
        assert "needs the right" in html(outsider, path, 403)
    assert 'href="/orders/"' not in html(outsider, "/")
    assert 'href="/orders/"' in html(desk(olga), "/")
    people.grant_site(alice, "auditor", by=COMMAND_LINE)
    seen = html(outsider, "/orders/ORD-1/")
    assert "needs the right operator or orders" in seen
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


def test_a_history_shows_what_failed_what_was_caught_and_what_was_tried(
    browser: Client, olga: User
) -> None:
    order = day.order("ORD-1", olga)
    history = History().go(["ProcessPayment"], error="Gateway.Busy", cause="Later.")
    history.fork("ParallelFulfillment", histories.BRANCHES)
    history.add("TaskStateEntered", state="ScheduleShipment")
    for _ in range(3):
        history.add("TaskScheduled")
        history.add("TaskFailed", error="Carrier.Down", cause="<b>503</b>")
    histories.read(order, history.end("Failed", error="Carrier.Down"))
    OrderExecution.objects.update(status="failed", ended_at=datetime.now(UTC))

    page = html(browser, "/orders/ORD-1/")

    assert "ProcessPayment</bdi> failed, and its error was caught" in page
    assert "ScheduleShipment</bdi> failed" in page
    assert "Carrier.Down: &lt;b&gt;503&lt;/b&gt;" in page
    assert "3 tries" in page
    assert "Ended at: ScheduleShipment." in page
    assert page.count("mark-taken") == 6


def test_a_redriven_state_goes_on_where_it_broke_off(browser: Client, olga: User) -> None:
    order = day.order("ORD-1", olga)
    history = History().go(["ScheduleShipment"], stay=True, error="Carrier.Down")
    history.end("Failed", error="Carrier.Down").add("ExecutionRedriven")
    history.add("TaskScheduled")
    histories.read(order, history)

    page = html(browser, "/orders/ORD-1/")

    assert "ScheduleShipment</bdi> is under way" in page
    assert "Redriven: it goes on where it broke off" in page
    assert "2 tries" in page


def test_a_long_history_has_pages(browser: Client, olga: User) -> None:
    order = day.order("ORD-1", olga)
    history = History()
    for _ in range(40):
        history.go(["OpenOrder"])
    histories.read(order, history, cut=True)

    first = html(browser, "/orders/ORD-1/")
    older = re.search(r'href="(/executions/[^"]+\?before=\d+)#story"', first)
    assert older is not None
    second = html(browser, older[1])

    assert first.count('<li class="event">') + second.count('<li class="event">') == 41 + 4
    assert html(browser, f"/orders/ORD-1/?before={'9' * 5_000}").count('<li class="event">') == 32
    assert "its beginning is missing" not in first
    assert "its beginning is missing" in second
    assert "hx-get" not in second.partition('id="reading"')[2][:300]


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
    "definition",
    [
        {}, [], {"States": []}, {"States": {}}, {"States": {"a": 1}}, {"StartAt": 5, "States": {"a": {}}},
        {"StartAt": "a", "States": {"a": {"Next": "a", "Branches": [{}, 1], "Iterator": []}}},
        {"StartAt": "a", "States": {f"s{n}": {"Next": f"s{n - 1}"} for n in range(400)}},
        {"StartAt": "a", "States": {"a": {"Next": "b"}, "b": {"Next": "a"}, "c": {"Next": "c"}}},
    ],
)  # fmt: skip
def test_any_definition_is_drawn_or_left_out(browser: Client, olga: User, definition: Any) -> None:
    order = day.order("ORD-1", olga)
    flow = histories.read(order, History()).workflow
    assert flow is not None
    flow.definition = json.dumps(definition)
    flow.save()

    html(browser, "/orders/ORD-1/")


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
