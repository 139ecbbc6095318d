"""A lead clears a Monday morning to the end, by what the pages show: stuck lists, claims, and all that is held."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from approvals.models import BulkJob, ReviewTask
from tests.browser import monday
from tests.browser.accessibility import AT_REST
from tests.browser.conftest import NewPage, sign_in
from tests.fake_aws import FakeAws

SHOTS = os.environ.get("SHOTS")
CLEAR = "Nothing is parked, unconfirmed, in quarantine, overdue or unproved"


@pytest.mark.parametrize("held", [12, pytest.param(3_000, marks=pytest.mark.campaign)])
def test_a_lead_clears_what_is_stuck_and_what_is_held(
    new_page: NewPage, aws: FakeAws, held: int
) -> None:
    morning = monday.build(aws, held)
    page = new_page()
    sign_in(page, morning.lead.email)
    page.goto("/leads/")
    shot(page, "leads")
    expect(page.get_by_role("heading", name="Circuit breaker open: Refunds")).to_be_visible()
    monday.mend(morning)
    monday.work()
    send_again(page, "Parked decisions")
    monday.work()
    expect_gone(page, "Parked decisions")
    expect_gone(page, "Unconfirmed decisions")  # one list in the admin site has both
    discard(page)
    close_unproved(page)
    decide_overdue(page)
    retry_failed(page)
    take_over(page, "Bob Stone")
    page.goto("/leads/")
    shot(page, "leads-cleared")
    expect(page.get_by_text(CLEAR)).to_be_visible()

    while decide_all(page):
        monday.work()
    expect(page.get_by_text("Nothing is waiting")).to_be_visible()
    assert not ReviewTask.objects.pending().exists()


def send_again(page: Page, title: str) -> None:
    """Send all entries of a list again, chosen on the admin site."""
    to_leads(page, title)
    page.get_by_role("link", name=f"See all {title.lower()}").click()
    pick_all(page, "Send again…")
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_text("in line again").first).to_be_visible()
    shot(page, "sent-again")


def discard(page: Page) -> None:
    """Discard the messages in quarantine with one reason."""
    title = "Messages in quarantine"
    to_leads(page, title)
    page.get_by_role("link", name=f"See all {title.lower()}").click()
    pick_all(page, "Discard…")
    page.get_by_label("Reason").fill("No JSON: a test of the shop.")
    shot(page, "discard")
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_text(": discarded.").first).to_be_visible()
    expect_gone(page, title)


def close_unproved(page: Page) -> None:
    """Close each review that nothing can be proved of."""
    for number in range(monday.STUCK):
        to_leads(page, "Unproved reviews")
        page.get_by_role("link", name=f"Close OLD-{number}").click()
        page.get_by_label("Why it is closed").fill("The order was cancelled on the phone.")
        page.get_by_role("button", name="Close without a proof").click()
        expect(page.get_by_text("Expired").first).to_be_visible()
    expect_gone(page, "Unproved reviews")


def decide_overdue(page: Page) -> None:
    """Decide one overdue review by hand, and the rest in the list that its queue's link opens."""
    title = "Open reviews past their deadline"
    to_leads(page, title)
    page.get_by_role("region", name=title).get_by_role("link", name="Manual review").first.click()
    expect(page.get_by_text("Due within: already past")).to_be_visible()
    shot(page, "overdue")
    bulk(page, monday.STUCK)
    monday.work()
    expect_gone(page, title)


def retry_failed(page: Page) -> None:
    """Try the failed reviews of a bulk decision again."""
    title = "Bulk decisions with failed reviews"
    to_leads(page, title)
    page.get_by_role("link", name="Open 5 of 5").click()
    page.get_by_role("button", name="Try the failed again").click()
    monday.work()
    expect(page.get_by_role("link", name="Decided 5")).to_be_visible()
    shot(page, "retried")
    expect_gone(page, title)


def take_over(page: Page, person: str) -> None:
    """Take over what people hold who are away; the last of it by a link of the list."""
    page.goto("/leads/")
    expect(page.get_by_role("heading", name=f"{person}: 3")).to_be_visible()
    while (button := page.get_by_role("button", name=re.compile("^Take over"))).count():
        button.first.click()
        page.wait_for_url("**/reviews/*/")
        shot(page, "taken-over")
        page.goto("/leads/")
    expect(page.get_by_role("heading", name="Lena Marsh: 5")).to_be_visible()


def decide_all(page: Page) -> bool:
    """Decide what the queue's list finds, up to what is taken at once; False once it is empty."""
    page.goto("/queues/manual-review/")
    if page.get_by_text("Nothing is waiting").count():
        return False
    bulk(page)
    return True


def bulk(page: Page, count: int | None = None) -> None:
    """Approve all that a list finds."""
    page.get_by_label("All that the list finds").check()
    page.get_by_role("button", name="Approve chosen").click()
    heading = page.get_by_role("heading", name=re.compile(r"^Approve [\d,]+ reviews?$"))
    number = (heading.text_content() or "").split()[1]
    assert count is None or number == str(count)
    page.get_by_label("Note for all").fill("Seen on Monday.")
    if (field := page.get_by_label("to confirm")).count():
        field.fill(number)
    shot(page, "bulk-preview")
    page.get_by_role("button", name=f"Approve {number}").click()
    page.wait_for_url("**/bulk/*/")
    monday.work()
    while BulkJob.objects.exclude(status=BulkJob.Status.FINISHED).exists():
        monday.work()  # it gives a bulk decision half a minute at a time
    expect(page.get_by_text("finished").first).to_be_visible()
    shot(page, "bulk-done")


def pick_all(page: Page, action: str) -> None:
    """Choose all rows of a list of the admin site, and go to an action's page."""
    page.get_by_label("Select all objects on this page for an action").check()
    page.get_by_label("Action:").select_option(label=action)
    shot(page, "picked")
    page.get_by_role("button", name="Go").click()


def to_leads(page: Page, title: str) -> None:
    """The page of leads, which has a list of this title."""
    page.goto("/leads/")
    expect(page.get_by_role("heading", name=title)).to_be_visible()


def expect_gone(page: Page, title: str) -> None:
    """The page of leads has no such list any more."""
    page.goto("/leads/")
    expect(page.get_by_role("heading", name=title)).to_have_count(0)


def shot(page: Page, name: str) -> None:
    """Take screenshots to look at, wide and narrow, light and dark, if SHOTS names a directory."""
    if SHOTS is None:
        return
    folder = Path(SHOTS)
    folder.mkdir(parents=True, exist_ok=True)
    number = len(list(folder.iterdir())) // 4
    for width in (1280, 375):
        for scheme in ("light", "dark"):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            page.evaluate(AT_REST)
            page.screenshot(path=folder / f"{number:02}-{name}-{width}-{scheme}.png")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(color_scheme="light")
