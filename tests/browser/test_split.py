"""The list of a queue with the open review beside it: by mouse, by keys, and where the window is narrow."""

from __future__ import annotations

import os
import re
from pathlib import Path

from playwright.sync_api import Page, expect

from approvals.models import Decision
from tests.browser import world
from tests.browser.accessibility import AT_REST, EVERYTHING, findings, overflow
from tests.browser.conftest import DESK, NewPage, sign_in

LIST = "/queues/manual-review/"


def shoot(page: Page, name: str) -> None:
    """A picture of the page, where somebody wants to look at it."""
    if "SHOTS" in os.environ:
        page.screenshot(path=Path(os.environ["SHOTS"]) / f"{name}.png", caret="initial")


def test_a_review_opens_beside_the_list_and_the_address_tells_which(new_page: NewPage) -> None:
    day = world.build()
    page = new_page()
    sign_in(page, day.ada.email)
    page.goto(LIST)
    review = day.reviews["ORD-0048213"]
    page.get_by_role("link", name="ORD-0048213").click()
    pane = page.locator("#pane")
    expect(pane.locator(".review-title h2")).to_contain_text("ORD-0048213")
    expect(page).to_have_url(re.compile(rf"{LIST}\?open={review.pk}$"))
    expect(page.locator(".line-what a[aria-current]")).to_have_text("ORD-0048213")
    expect(page.locator("#announce")).to_contain_text("1 of 11")
    for width in (1280, 1600):
        for scheme in ("light", "dark"):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            page.evaluate(AT_REST)
            found = findings(page, EVERYTHING)
            assert found.violations_count == 0, found.generate_report()
            assert overflow(page) <= 0
            shoot(page, f"split-{width}-{scheme}")

    page.get_by_role("link", name="ORD-0048219").click()
    expect(pane.locator(".review-title h2")).to_contain_text("ORD-0048219")
    page.go_back()
    expect(pane.locator(".review-title h2")).to_contain_text("ORD-0048213")
    page.reload()
    expect(pane.locator(".review-title h2")).to_contain_text("ORD-0048213")
    page.get_by_role("link", name="Close").click()
    expect(pane).to_be_empty()
    expect(page).to_have_url(re.compile(rf"{LIST}$"))
    expect(page.get_by_role("link", name="ORD-0048213")).to_be_focused()


def test_reviews_are_opened_and_decided_by_keys_and_the_next_one_opens_beside_the_list(
    new_page: NewPage,
) -> None:
    day = world.build()
    page = new_page()
    sign_in(page, day.ada.email)
    page.goto(f"{LIST}?assignee=nobody")
    pane = page.locator("#pane")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(pane.locator(".review-title h2")).to_contain_text("ORD-0048230")
    expect(pane.locator(".signing-word")).to_be_focused()
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="ORD-0048231")).to_be_focused()
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.keyboard.press("a")
    expect(page.get_by_label("Note")).to_be_focused()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Approved ORD-0048230")).to_be_visible()
    # The one that she holds comes first.
    expect(pane.locator(".review-title h2")).not_to_contain_text("ORD-0048230")
    expect(page).to_have_url(re.compile(rf"{LIST}\?assignee=nobody&open="))
    assert Decision.objects.filter(review=day.reviews["ORD-0048230"]).exists()
    page.keyboard.press("u")
    expect(pane).to_be_empty()


def test_what_is_done_to_the_review_stays_beside_the_list(new_page: NewPage) -> None:
    day = world.build()
    page = new_page()
    sign_in(page, day.ada.email)
    page.goto(LIST)
    page.get_by_role("link", name="ORD-0048213").click()
    pane = page.locator("#pane")
    pane.get_by_role("button", name="Claim").click()
    page.wait_for_url(re.compile(rf"{LIST}\?open="))
    expect(pane.get_by_role("heading", name="Yours to decide")).to_be_visible()
    pane.get_by_label("Add a comment").fill("Called.")
    pane.get_by_role("button", name="Comment").click()
    expect(pane.locator(".comments")).to_contain_text("Called.")
    expect(page).to_have_url(re.compile(rf"{LIST}\?open="))
    pane.get_by_role("button", name="Release").click()
    expect(page.get_by_text("is back in the queue")).to_be_visible()
    expect(pane.get_by_role("heading", name="Waiting for a decision")).to_be_visible()
    pane.get_by_role("link", name="Open as a page").click()
    page.wait_for_url("**/reviews/*/?stream=")


def test_where_the_window_is_narrow_or_has_no_script_links_open_the_page(new_page: NewPage) -> None:
    day = world.build()
    review = day.reviews["ORD-0048213"]
    phone = new_page(width=375)
    sign_in(phone, day.ada.email)
    phone.goto(LIST)
    phone.get_by_role("link", name="ORD-0048213").click()
    phone.wait_for_url(f"**/reviews/{review.pk}/?stream=")
    phone.goto(f"{LIST}?open={review.pk}")
    phone.wait_for_url(f"**/reviews/{review.pk}/?stream=")
    plain = new_page(javascript=False)
    sign_in(plain, day.ada.email)
    plain.goto(f"{LIST}?open={review.pk}")
    plain.get_by_role("link", name="Open the review").click()
    plain.wait_for_url(f"**/reviews/{review.pk}/?stream=")
    plain.set_viewport_size(DESK)


def test_an_address_of_a_review_that_is_hidden_or_no_review_breaks_nothing(
    new_page: NewPage,
) -> None:
    day = world.build()
    page = new_page(offline_errors=True)  # htmx logs the 404
    sign_in(page, day.ada.email)
    page.goto(f"{LIST}?open=nothing")
    expect(page.locator("#pane")).to_be_empty()
    page.goto(f"{LIST}?open=00000000-0000-0000-0000-000000000000")
    expect(page.locator("#trouble")).to_be_visible()
    expect(page.locator(".line")).to_have_count(11)
