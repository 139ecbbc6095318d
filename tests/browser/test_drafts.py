"""What is typed is not lost: signed out, offline, and after the next sign-in."""

from __future__ import annotations

from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect

from approvals.models import Comment, Decision, ReviewTask
from tests import factories
from tests.browser import world
from tests.browser.conftest import NewPage, sign_in

FRAUD = {"code": "fraud", "label": "Fraud", "template": "", "outcomes": ["rejected"]}


def typing(page: Page) -> ReviewTask:
    """The review whose rejection is being typed, with a reason chosen."""
    queue = factories.queue(reason_codes=[FRAUD])
    review = factories.review(queue)
    ada = world.person("ada@example.com", "Ada Lovelace", "reviewer", queue)
    sign_in(page, ada.email)
    page.goto(f"/reviews/{review.pk}/")
    page.get_by_role("link", name="Reject").click()
    page.get_by_label("Fraud").check()
    page.get_by_label("Reason").fill("They never ordered it.")
    return review


def test_who_is_signed_out_while_typing_signs_in_and_goes_on(new_page: NewPage) -> None:
    page = new_page()
    review = typing(page)
    Session.objects.all().delete()
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_text("What you typed is kept: sign in to go on.")).to_be_visible()
    page.get_by_label("Email").fill("ada@example.com")
    page.get_by_label("Password", exact=True).fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_label("Reason")).to_have_value("They never ordered it.")
    expect(page.get_by_label("Fraud")).to_be_checked()
    expect(page.get_by_text("What you had typed is back.")).to_be_visible()
    page.get_by_role("button", name="Reject").click()
    expect(page.locator("#delivery")).to_contain_text("They never ordered it.")
    assert Decision.objects.get(review=review).reason_code == "fraud"
    page.goto("/")
    kept: list[str] = page.evaluate("Object.keys(sessionStorage)")
    assert [key for key in kept if key.startswith("draft")] == []


def test_what_is_cancelled_is_not_kept(new_page: NewPage) -> None:
    page = new_page()
    typing(page)
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("link", name="Reject")).to_be_visible()
    page.reload()
    page.get_by_role("link", name="Reject").click()
    expect(page.get_by_label("Reason")).to_have_value("")


def test_a_comment_comes_back_once_and_not_after_it_was_sent(new_page: NewPage) -> None:
    page = new_page(width=375)
    review = typing(page)
    page.goto(f"/reviews/{review.pk}/")
    comment = page.get_by_label("Add a comment")
    comment.fill("Ask the bank.")
    page.reload()
    expect(comment).to_have_value("Ask the bank.")
    page.get_by_role("button", name="Comment").click()
    expect(page.get_by_role("heading", name="Comments (1)")).to_be_visible()
    expect(comment).to_have_value("")
    assert Comment.objects.count() == 1


def test_offline_says_so_and_keeps_the_panel(new_page: NewPage) -> None:
    page = new_page(offline_errors=True)
    typing(page)
    page.context.set_offline(True)
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_text("There is no connection to the server")).to_be_visible()
    expect(page.get_by_label("Reason")).to_have_value("They never ordered it.")
    page.context.set_offline(False)
    page.get_by_role("button", name="Reject").click()
    expect(page.locator("#delivery")).to_contain_text("They never ordered it.")
