"""The page of prices in a real browser: with and without JavaScript, under axe and the strict CSP."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from approvals.actions import people
from approvals.actors import COMMAND_LINE
from tests import factories
from tests.browser.accessibility import check
from tests.browser.conftest import NewPage, sign_in


def opened(page: Page) -> Page:
    """The page of prices, for somebody who may start orders."""
    someone = factories.user("olga@example.com")
    people.grant_site(someone, "orders", by=COMMAND_LINE)
    sign_in(page, someone.email)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Prices").click()
    return page


@pytest.mark.parametrize("javascript", [True, False])
def test_another_volume_has_another_price(new_page: NewPage, javascript: bool) -> None:
    page = opened(new_page(javascript=javascript))
    row = page.get_by_role("row", name="STANDARD, one execution an order")
    track = page.locator(".bars .bar-track").first.bounding_box()
    bars = [one.bounding_box() for one in page.locator(".bars .bar-steps").all()]
    assert track
    assert max(bar["width"] for bar in bars) > track["width"] * 0.9
    assert min(bar["width"] for bar in bars) < track["width"] * 0.2

    page.get_by_label("Orders a month").fill("2000000")
    page.get_by_label("Held for review").fill("0")
    page.get_by_role("button", name="Work it out").click()

    # 2,000,000 x 13 states entered x $0.000025
    expect(row.get_by_role("cell").first).to_have_text("$650.00")
    expect(page.get_by_label("Orders a month")).to_have_value("2000000")
    page.get_by_text("Line by line").click()
    expect(page.get_by_role("cell", name="26,000,000").first).to_be_visible()


def test_the_page_passes_axe_and_fits_its_window(new_page: NewPage) -> None:
    page = opened(new_page())
    check(page, "pricing")
    page.get_by_text("Line by line").click()
    check(page, "pricing, every bill open")
    page.goto("/pricing/?per_month=-1&reviewed_percent=101")
    check(page, "pricing with errors")
