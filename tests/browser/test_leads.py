"""The page of leads in a real browser: with and without JavaScript, under axe and the strict CSP."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from approvals.models import ReviewTask
from tests.browser import leads
from tests.browser.accessibility import inspect
from tests.browser.conftest import NewPage, sign_in


@pytest.mark.parametrize("javascript", [True, False])
def test_a_lead_takes_a_claim_over_and_looks_at_a_month(
    new_page: NewPage, javascript: bool
) -> None:
    day, lead = leads.build()
    held = day.reviews["ORD-0048236"]
    page = new_page(javascript=javascript)
    sign_in(page, lead.email)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Leads").click()
    expect(page.get_by_role("heading", name="Parked decisions: 2")).to_be_visible()

    page.get_by_role("button", name=f"Take over {held.reference}").click()
    page.wait_for_url(f"**/reviews/{held.pk}/")
    assert ReviewTask.objects.get(pk=held.pk).assignee == lead

    page.go_back()
    page.get_by_label("Figures of", exact=True).select_option("30 days")
    page.get_by_label("Queue", exact=True).select_option("Manual review")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**/leads/?queue=manual-review&range=30d")
    expect(page.get_by_label("Figures of", exact=True)).to_have_value("30d")
    columns = page.locator("svg[role=img]").first
    assert columns.locator("g").count() == 30
    box = columns.bounding_box()
    assert box
    assert box["height"] > 100
    page.get_by_text("Decisions by day, as a table").click()
    expect(page.get_by_role("region", name="Decisions by day").get_by_role("row")).to_have_count(31)


@pytest.mark.campaign
def test_the_page_passes_axe_and_fits_its_window(new_page: NewPage) -> None:
    _, lead = leads.build(operates=True)
    page = new_page()
    sign_in(page, lead.email)
    inspect(page, "/leads/")
    inspect(page, "/leads/?range=30d")
    inspect(page, "/leads/?queue=refund-exceptions")
