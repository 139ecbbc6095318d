"""The desk when AWS refuses, and when a decision came too late: what can be done about it."""

from __future__ import annotations

from playwright.sync_api import expect

from approvals.records import circuit_breakers
from tests.browser import outages, world
from tests.browser.conftest import NewPage, sign_in


def test_the_banner_leads_to_what_runs_out_of_time_first_and_goes_by_itself(
    new_page: NewPage,
) -> None:
    day = world.build()
    nearest = outages.held_back(day)[0]
    page = new_page()
    sign_in(page, day.ada.email)
    banner = page.locator(".trouble")
    expect(banner).to_have_count(1)
    banner.get_by_role("link").first.click()
    page.wait_for_url(f"**/reviews/{nearest.pk}/")
    expect(page.get_by_role("heading", level=2).first).to_be_visible()

    circuit_breakers.close(day.queue.pk)
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(banner).to_have_count(0)


def test_the_same_decision_is_applied_to_the_newer_review_in_one_step(new_page: NewPage) -> None:
    day = world.build()
    late, newer = outages.came_too_late(day)
    page = new_page()
    sign_in(page, day.ada.email)
    page.goto(f"/reviews/{late.pk}/")
    page.get_by_role("button", name="Apply the same decision there").click()
    page.wait_for_url(f"**/reviews/{newer.pk}/")
    expect(page.locator(".stamp")).to_have_text("Rejected")
    expect(page.get_by_text("The address is a parcel shop.").first).to_be_visible()
