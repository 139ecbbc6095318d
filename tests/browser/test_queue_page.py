"""The list of a queue in a browser: filters on demand, columns that sort, and the search in the header."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from approvals.models import ReviewTask
from tests import factories
from tests.browser import world
from tests.browser.accessibility import check, inspect
from tests.browser.conftest import NewPage, sign_in, unfold

LIST = "/queues/manual-review/"


def filled(page: Page) -> None:
    """Three reviews, and Ada, who has signed in."""
    queue = factories.queue()
    ada = world.person("ada@example.com", "Ada Lovelace", "reviewer", queue)
    for number, amount in enumerate(["99999999999.99", "12.50", None]):
        review = factories.review(queue, orderId=f"Q-{number}", input={"total": {"amount": 1}})
        ReviewTask.objects.filter(pk=review.pk).update(amount=amount, customer="Grace O'Neill")
    sign_in(page, ada.email)


@pytest.mark.parametrize("width", [1280, 375])
def test_the_list_is_filtered_and_sorted_by_links_and_fields(new_page: NewPage, width: int) -> None:
    page = new_page(width=width)
    filled(page)
    page.goto(LIST)
    unfold(page)
    page.get_by_text("More filters").click()
    page.get_by_label("Amount from").fill("12.5")
    page.get_by_label("Sort by").select_option("amount")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("a.serial")).to_have_text(["Q-0", "Q-1"])
    if width == 1280:
        page.get_by_role("link", name="Deadline").click()
        expect(page.get_by_text("sorted, ascending")).to_be_attached()
    page.get_by_role("link", name="Amount from").click()
    expect(page.locator("a.serial")).to_have_count(3)
    page.get_by_role("searchbox", name="Search reviews").fill("q-1")
    page.keyboard.press("Enter")
    page.wait_for_url("**/reviews/*/")


def test_the_list_with_its_filters_open_is_accessible(new_page: NewPage) -> None:
    page = new_page()
    filled(page)
    inspect(page, f"{LIST}?priority=0&sort=amount")
    inspect(page, "/?q=grace")
    for width in (1280, 375):
        for scheme in ("light", "dark"):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            page.goto(f"{LIST}?priority=0&sort=amount&customer=Grace%20O%27Neill")
            overflow = "document.documentElement.scrollWidth - innerWidth"
            assert page.evaluate(overflow) <= 0
            if "SHOTS" in os.environ:
                page.screenshot(
                    path=Path(os.environ["SHOTS"]) / f"{width}-{scheme}.png", full_page=True
                )


def test_on_a_phone_the_list_begins_on_the_first_screen(new_page: NewPage) -> None:
    page = new_page(width=375)
    filled(page)
    page.goto(LIST)
    expect(page.get_by_label("Status")).to_be_hidden()
    for number in range(2):
        expect(page.get_by_role("link", name=f"Q-{number}")).to_be_in_viewport()
    # Each row is a card, which names what the head of a table would name.
    expect(page.locator(".lines-head")).to_be_hidden()
    card = page.locator(".line").filter(has_text="Q-1")
    for label in ("Customer", "Amount", "Waiting", "Claimed by"):
        expect(card.locator(".cell-label").filter(has_text=label)).to_be_visible()
    page.get_by_text("Filters and tools").click()
    expect(page.get_by_label("Status")).to_be_visible()
    check(page, "the list with its filters unfolded")
