"""The path of a review's execution, opened on the page of the review."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import expect
from pytest_django.fixtures import Settings

from approvals.models import ReviewQueue, ReviewTask
from tests.browser import orders, world
from tests.browser.accessibility import check, overflow
from tests.browser.conftest import SIZES, NewPage, sign_in


def waiting(settings: Settings) -> ReviewTask:
    """The review that an order waits for, and Ada, who may decide it."""
    _, made = orders.build(settings)
    ReviewQueue.objects.update(state_machine_arns=[orders.MACHINE])
    review = ReviewTask.objects.get(execution_arn=made["waiting"].execution_arn)
    world.person("ada@example.com", "Ada Lovelace", "reviewer", review.queue)
    return review


def test_the_path_is_drawn_where_one_is_and_found_by_axe_in_order(
    new_page: NewPage, settings: Settings
) -> None:
    review = waiting(settings)
    page = new_page()
    sign_in(page, "ada@example.com")
    page.goto(f"/reviews/{review.pk}/")
    expect(page.locator(".graph-svg")).to_have_count(0)
    page.get_by_text("Path through the workflow").click()
    expect(page.get_by_role("img", name="The workflow and the path")).to_be_visible()
    expect(page.locator(".mark-open").filter(has_text="ManualReview")).to_be_visible()
    expect(page.get_by_text("Is now in: ManualReview.").last).to_be_visible()
    check(page, "a review with its path")
    for size in SIZES:
        page.set_viewport_size(size)
        assert overflow(page) <= 0
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            if "SHOTS" in os.environ:
                name = f"path-{size['width']}-{scheme}.png"
                page.screenshot(path=Path(os.environ["SHOTS"]) / name, full_page=True)


def test_the_path_is_a_page_of_its_own_without_javascript(
    new_page: NewPage, settings: Settings
) -> None:
    review = waiting(settings)
    page = new_page(javascript=False)
    sign_in(page, "ada@example.com")
    page.goto(f"/reviews/{review.pk}/")
    page.get_by_text("Path through the workflow").click()
    page.get_by_role("link", name="Show the path").click()
    expect(page.locator(".mark-open").filter(has_text="ManualReview")).to_be_visible()
    page.get_by_role("link", name="Back to the review").click()
    page.wait_for_url(f"**/reviews/{review.pk}/")
