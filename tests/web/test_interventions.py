"""Restart and stop on the page of an order: the forms, what is asked of Step Functions, what is refused."""

from __future__ import annotations

import pytest
from django.test import Client

from approvals.actions import people
from approvals.actors import COMMAND_LINE
from approvals.models import OrderExecution, OrderIntervention, User
from tests.browser import orders as day
from tests.web.conftest import Desk
from tests.web.pages import html

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("machine", "wake_ups_sent")]
HTMX = {"HX-Request": "true"}


def test_a_failed_order_is_restarted_from_its_page(browser: Client, olga: User) -> None:
    order = day.order("ORD-1", olga)
    OrderExecution.objects.update(status="failed", error="Lambda.Unknown")
    assert f"/executions/{order.pk}/restart/" in html(browser, "/orders/ORD-1/")
    assert "goes on where it broke off" in html(browser, f"/executions/{order.pk}/restart/")

    answer = browser.post(
        f"/executions/{order.pk}/restart/", {"reason": "It is back."}, follow=True
    )

    assert answer.redirect_chain == [("/orders/ORD-1/", 302)]
    page = answer.content.decode()
    assert "ORD-1 is being restarted." in page
    assert "Being restarted" in page
    assert f"/executions/{order.pk}/restart/" not in page
    assert OrderIntervention.objects.get().reason == "It is back."


def test_an_order_that_was_rejected_begins_a_new_attempt(browser: Client, olga: User) -> None:
    order = day.order("ORD-1", olga)
    OrderExecution.objects.update(status="failed", error="OrderRejected")
    assert "would only enter again" in html(browser, f"/executions/{order.pk}/restart/")

    page = browser.post(f"/executions/{order.pk}/restart/", follow=True).content.decode()

    assert "ORD-1 begins anew as attempt 2." in page
    earlier = html(browser, f"/executions/{order.pk}/")
    assert "This is an earlier attempt" in earlier
    assert f"/executions/{order.pk}/restart/" not in earlier


def test_a_stop_needs_a_reason_and_says_what_it_does(browser: Client, olga: User) -> None:
    order = day.order("ORD-1", olga)
    path = f"/executions/{order.pk}/stop/"
    assert "its open reviews with it" in html(browser, path)

    refused = browser.post(path, {"reason": " "}, headers=HTMX)
    assert refused.status_code == 422
    assert "Say why the order is stopped." in refused.content.decode()
    taken = browser.post(path, {"reason": "Cancelled."}, headers=HTMX)
    assert taken.headers["HX-Redirect"] == "/orders/ORD-1/"
    assert OrderIntervention.objects.get().kind == "stop"


def test_a_stale_page_restarts_nothing(browser: Client, olga: User) -> None:
    order = day.order("ORD-1", olga)
    OrderExecution.objects.update(status="failed", error="OrderRejected")
    path = f"/executions/{order.pk}/restart/"
    browser.post(path)

    again = browser.post(path, {"reason": "Once more."})

    assert again.status_code == 409
    page = again.content.decode()
    assert "there is a newer attempt" in page
    assert "Once more." in page  # what was typed stays
    assert OrderExecution.objects.count() == 2


def test_who_may_only_look_is_offered_nothing_and_refused(
    desk: Desk, olga: User, alice: User
) -> None:
    order = day.order("ORD-1", olga)
    people.grant_site(alice, "auditor", by=COMMAND_LINE)

    answer = desk(alice).post(f"/executions/{order.pk}/stop/", {"reason": "x"})

    assert answer.status_code == 403
    assert not OrderIntervention.objects.exists()
