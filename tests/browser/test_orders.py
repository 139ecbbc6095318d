"""The Orders pages in a real browser: with and without JavaScript, live, and every page under axe."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from pytest_django.fixtures import Settings

from approvals.actions import orders, saved_views
from approvals.models import OrderExecution, OrderIntervention, SavedView, Workflow
from approvals.records.orders import Ending
from approvals.workflows.graphs import stored_drawing
from tests import histories
from tests.browser import orders as day
from tests.browser.accessibility import check, inspect
from tests.browser.conftest import NewPage, sign_in
from tests.factories import actor
from tests.histories import History


def test_an_order_is_stopped_and_watched_to_its_end(new_page: NewPage, settings: Settings) -> None:
    keeper, made = day.build(settings)
    page = new_page()
    sign_in(page, keeper.email)
    page.get_by_role("link", name="Orders").click()
    page.get_by_role("textbox", name="Search").fill("ORD-0048213")
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("link", name="ORD-0048213", exact=True).click()
    expect(page.get_by_role("heading", name="Under way")).to_be_visible()

    page.get_by_role("link", name="Stop").click()
    reason = page.get_by_label("Reason")
    expect(reason).to_be_focused()
    expect(page).to_have_url(re.compile(r"/orders/ORD-0048213/$"))  # a panel, not another page
    reason.fill("The customer has cancelled.")
    page.get_by_role("button", name="Stop it").click()
    expect(page.get_by_role("heading", name="Being stopped")).to_be_visible()

    row = made["waiting"]
    day.ended(row)
    orders.record_status(row.pk, "aborted", Ending(row.started_at, "OrderStopped", "Cancelled."))
    history = History().go(histories.TO_THE_REVIEW, stay=True).end("Aborted")
    histories.read(row, history)
    expect(page.get_by_role("heading", name="Stopped", exact=True)).to_be_visible()
    expect(page.locator("#story")).to_contain_text("The execution was stopped")
    expect(page.locator("#badge")).to_have_text("Stopped")
    expect(page.get_by_role("link", name="Restart")).to_be_visible()
    expect(page.locator("#reading[hx-get]")).to_have_count(0)  # nothing is left to wait for


@pytest.mark.parametrize("width", [1280, 375])
def test_everything_works_without_javascript(
    new_page: NewPage, settings: Settings, width: int
) -> None:
    keeper, made = day.build(settings)
    page = new_page(width=width, javascript=False)
    sign_in(page, keeper.email)
    page.goto("/orders/?status=failed")
    page.get_by_role("link", name="ORD-0048195").click()
    expect(page.get_by_role("img", name="The workflow and the path")).to_be_visible()
    page.get_by_role("button", name="Read again").click()
    page.get_by_role("link", name="Restart").click()
    expect(page).to_have_url(re.compile(r"/restart/$"))
    page.get_by_role("button", name="Restart it").click()
    expect(page.get_by_text("is being restarted.")).to_be_visible()
    assert OrderIntervention.objects.filter(order=made["failed"]).count() == 1


@pytest.mark.campaign
def test_no_page_of_the_orders_has_a_finding(new_page: NewPage, settings: Settings) -> None:
    keeper, made = day.build(settings)
    monster = day.order("M" * 90 + "\u0645" * 60, keeper, **{"k" * 90: "v" * 900})
    long = {"StartAt": "S" * 80, "States": {"S" * 80: {"Type": "Task"}}}
    flow = Workflow.objects.create(
        digest=b"m",
        definition=str(long).replace("'", '"'),
        drawing=stored_drawing.made(long),
    )
    history = History().go([], stay=True)
    history.add("TaskStateEntered", state="S" * 80)
    history.add("TaskFailed", error="E" * 200, cause="c" * 500)
    histories.read(monster, history, workflow=flow, status_row={"r" * 90: "x" * 500})
    OrderExecution.objects.filter(pk=monster.pk).update(
        status="failed", error="E" * 256, cause="word" * 400
    )
    listing = SavedView.Listing.ORDERS
    for save in (saved_views.keep, saved_views.share):
        save(None, "W" * 60, "status=failed", by=actor(keeper), listing=listing)
    page = new_page()
    sign_in(page, keeper.email)
    for path in (
        *(
            "/orders/",
            "/orders/?status=failed",
            "/orders/?status=failed&q=ORD",
            "/orders/?q=nothing",
            "/orders/?status=lost",
        ),
        *(f"/executions/{row.pk}/" for row in (*made.values(), monster)),
        f"/executions/{made['rejected'].pk}/restart/",
        f"/executions/{made['waiting'].pk}/stop/",
        "/orders/nothing/",
    ):
        inspect(page, path)
    page.goto(f"/executions/{made['failed'].pk}/")
    page.get_by_role("link", name="Restart").click()
    page.get_by_label("Reason").wait_for()
    check(page, "the panel")
