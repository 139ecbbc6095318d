"""Many reviews decided at once in a browser, with and without scripts; its pages and its keys."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.db.models.functions import Now
from playwright.sync_api import Page, expect

from approvals import bulk
from approvals.actions import assignment
from approvals.models import BulkJob, ReviewQueue, ReviewTask
from tests import factories
from tests.browser import world
from tests.browser.accessibility import AT_REST, check, inspect
from tests.browser.conftest import NewPage, sign_in
from tests.bulk import refused_by_the_database, states
from tests.factories import actor
from tests.web.reviews import open_reviews

LIST = "/queues/manual-review/"
CODES = [
    {"code": "rule", "label": "Rule too strict", "template": "The rule was too strict.", "outcomes": ["approved"]},
    {"code": "known", "label": "Known customers", "template": "", "outcomes": ["approved"]},
]  # fmt: skip


def a_queue() -> ReviewQueue:
    """A queue with an undo window and reason codes, and Ada, who decides in it."""
    queue = factories.queue(name="Manual review", undo_seconds=600, reason_codes=CODES)
    world.person("ada@example.com", "Ada Lovelace", "reviewer", queue)
    return queue


def two_hundred(queue: ReviewQueue) -> list[ReviewTask]:
    """200 open reviews: another person holds 25, and 15 are past their deadline."""
    grace = world.person("grace@example.com", "Grace Hopper", "reviewer", queue)
    rows = open_reviews(queue, 200)
    for row in rows[:25]:
        assignment.claim(row.pk, by=actor(grace))
    late = [row.pk for row in rows[25:40]]
    ReviewTask.objects.filter(pk__in=late).update(deadline_at=Now() - timedelta(minutes=1))
    return rows


def run() -> BulkJob:
    """What a worker does with the bulk decision."""
    job = BulkJob.objects.get()
    bulk.run(job.pk)
    return job


def shot(page: Page, name: str) -> None:
    """Take screenshots to look at, if SHOTS names a directory."""
    if "SHOTS" not in os.environ:
        return
    for width in (1280, 375):
        for scheme in ("light", "dark"):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            page.evaluate(AT_REST)
            path = Path(os.environ["SHOTS"]) / f"{name}-{width}-{scheme}.png"
            page.screenshot(path=path)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(color_scheme="light")


@pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no scripts"])
def test_two_hundred_are_decided_at_once(new_page: NewPage, javascript: bool) -> None:
    rows = two_hundred(a_queue())
    page = new_page(javascript=javascript)
    sign_in(page, "ada@example.com")
    page.goto(LIST)
    page.get_by_label("All that the list finds").check()
    page.get_by_role("button", name="Approve chosen").click()

    expect(page.get_by_role("heading", name="Approve 160 reviews")).to_be_visible()
    expect(page.get_by_text("25: grace@example.com has claimed this review")).to_be_visible()
    expect(page.get_by_text("15: The deadline has passed")).to_be_visible()
    page.get_by_label("Known customers").check()
    page.get_by_label("Note for all").fill("All of them were called.")
    page.get_by_label("Type 160 to confirm").fill("160")
    page.get_by_role("button", name="Approve 160").click()
    page.wait_for_url("**/bulk/*/")
    expect(page.get_by_text("40 of 200")).to_be_visible()

    with refused_by_the_database(*rows[100:105]):
        job = run()
    assert states(job) == {"decided": 155, "refused": 40, "failed": 5}
    expect(page.get_by_text("200 of 200")).to_be_visible()  # by itself, with and without scripts
    page.get_by_role("link", name="Failed 5").click()
    expect(page.get_by_text("The service could not decide this review.")).to_have_count(5)

    page.get_by_role("button", name="Try the failed again").click()
    run()
    expect(page.get_by_role("link", name="Decided 160")).to_be_visible()
    with page.expect_download() as report:
        page.get_by_role("button", name="Report as CSV").click()
    lines = Path(report.value.path()).read_text().splitlines()
    assert (len(lines), sum(",decided," in line for line in lines)) == (201, 160)

    page.get_by_role("button", name="Undo 160").click()
    run()
    expect(page.get_by_role("link", name="Undone 160")).to_be_visible()
    assert ReviewTask.objects.pending().count() == 200


def test_reviews_are_chosen_with_keys(new_page: NewPage) -> None:
    rows = open_reviews(a_queue(), 4)
    page = new_page()
    sign_in(page, "ada@example.com")
    page.goto(LIST)

    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.get_by_text("1 chosen")).to_be_visible()
    page.keyboard.press("x")
    expect(page.get_by_text("0 chosen")).to_be_visible()
    page.keyboard.press("Shift+J")
    page.keyboard.press("Shift+J")
    expect(page.get_by_text("2 chosen")).to_be_visible()
    page.keyboard.press("b")
    expect(page.get_by_role("heading", name="Approve 2 reviews")).to_be_visible()
    for row in rows[:2]:
        expect(page.get_by_role("link", name=row.reference)).to_be_visible()

    page.go_back()
    page.get_by_label("All on this page").check()
    expect(page.get_by_text("4 chosen")).to_be_visible()
    page.keyboard.press("j")
    page.get_by_role("button", name="Reject chosen").click()
    expect(page.get_by_role("heading", name="Reject 4 reviews")).to_be_visible()


@pytest.mark.campaign
def test_its_pages_pass_axe_and_fit_their_windows(new_page: NewPage) -> None:
    day = world.build()
    page = new_page()
    sign_in(page, day.lead.email)
    inspect(page, LIST)
    page.get_by_label("Choose ORD-0048230").check()
    check(page, "the list with a chosen row")
    shot(page, "list")
    page.goto(f"{LIST}bulk/?all=yes&outcome=approved")
    check(page, "the preview")
    shot(page, "preview")
    page.get_by_label("Note for all").fill("Known customers: all of them were called today.")
    if page.get_by_label("to confirm").count():
        page.get_by_label("to confirm").fill(str(ReviewTask.objects.pending().count() - 2))
    page.get_by_role("button", name="Approve").click()
    page.wait_for_url("**/bulk/*/")
    check(page, "a bulk decision that runs")
    shot(page, "running")
    run()
    inspect(page, page.url)
    shot(page, "results")
    inspect(page, "/bulk/")
    shot(page, "all")
    inspect(page, f"{LIST}bulk/?outcome=rejected")
