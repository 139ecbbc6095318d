"""A claim that runs out while its holder types, and reviews that two people decide at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F
from django.db.models.functions import Now
from playwright.sync_api import Page, expect

from approvals.actions import assignment
from approvals.models import Decision, ReviewTask, User
from approvals.worker import periodic
from tests import factories
from tests.browser import world
from tests.browser.conftest import NewPage, sign_in
from tests.factories import actor

REASON = "They never ordered it."


def typing(page: Page) -> tuple[ReviewTask, User]:
    """A claimed review whose rejection is being typed, and somebody else who may decide it."""
    queue = factories.queue(undo_seconds=30)
    review = factories.review(queue, orderId="ORD-1")
    ada = world.person("ada@example.com", "Ada Lovelace", "reviewer", queue)
    bob = world.person("bob@example.com", "Bob", "reviewer", queue)
    assignment.claim(review.pk, by=actor(ada))
    sign_in(page, ada.email)
    page.goto(f"/reviews/{review.pk}/?stream=")
    page.keyboard.press("r")
    page.get_by_label("Reason").fill(REASON)
    return review, bob


def run_out(page: Page) -> None:
    """Eleven minutes pass in which nobody touches the page."""
    past = F("lease_expires_at") - timedelta(minutes=11)
    ReviewTask.objects.filter(lease_expires_at__gt=Now()).update(lease_expires_at=past)
    page.clock.fast_forward("11:00")


@pytest.mark.parametrize("swept", [False, True])
def test_a_claim_that_ran_out_while_typing_is_claimed_again_with_one_button(
    new_page: NewPage, swept: bool
) -> None:
    page = new_page()
    page.clock.install()
    review, _ = typing(page)
    expect(page.get_by_role("button", name="Reject", exact=False)).to_have_text("Reject Ctrl ⏎")
    run_out(page)
    if swept:
        assert periodic.end_leases() == 1
    expect(page.get_by_text("Your claim has run out.")).to_be_visible()
    expect(page.get_by_label("Reason")).to_have_value(REASON)
    expect(page.get_by_role("button", name="Claim again and reject")).to_be_visible()
    page.get_by_label("Reason").press("Control+Enter")
    expect(page.get_by_text("Rejected ORD-1.")).to_be_visible()
    assert Decision.objects.get(review=review).reason == REASON


def test_a_deadline_that_passes_while_typing_is_explained_and_the_button_goes(
    new_page: NewPage,
) -> None:
    page = new_page()
    page.clock.install()
    review, _ = typing(page)
    page.get_by_role("link", name="Cancel").click()
    world.move(review, left=20)
    page.reload()
    page.keyboard.press("r")
    page.get_by_label("Reason").fill(REASON)
    expect(page.get_by_text("The deadline has passed.")).to_be_hidden()
    page.clock.fast_forward("21:00")
    expect(page.get_by_text("The deadline has passed.")).to_be_visible()
    expect(page.get_by_role("button", name="Reject")).to_have_count(0)
    expect(page.get_by_label("Reason")).to_have_value(REASON)


def test_a_review_that_another_took_meanwhile_is_refused_and_the_text_stays(
    new_page: NewPage,
) -> None:
    page = new_page()
    page.clock.install()
    review, bob = typing(page)
    run_out(page)
    assignment.claim(review.pk, by=actor(bob))
    expect(page.get_by_role("button", name="Claim again and reject")).to_be_visible()
    page.get_by_label("Reason").press("Control+Enter")
    expect(page.get_by_role("alert").filter(has_text="Bob")).to_be_visible()
    expect(page.get_by_label("Reason")).to_have_value(REASON)
    assert not Decision.objects.exists()


def test_who_goes_on_typing_keeps_the_claim(new_page: NewPage) -> None:
    page = new_page()
    page.clock.install()
    review, _ = typing(page)
    before = ReviewTask.objects.get(pk=review.pk).lease_expires_at
    page.clock.fast_forward("06:00")
    page.get_by_label("Reason").focus()
    with page.expect_response("**/renew/"):
        page.keyboard.press("End")
    page.keyboard.type(" Really.")
    after = ReviewTask.objects.get(pk=review.pk).lease_expires_at
    assert before is not None
    assert after is not None
    assert after > before
    expect(page.get_by_role("button", name="Claim again")).to_have_count(0)
    expect(page.get_by_label("Reason")).to_have_value(f"{REASON} Really.")


def test_two_who_undo_and_look_see_the_same_end(new_page: NewPage) -> None:
    first, second = new_page(), new_page()
    review, _ = typing(first)
    first.get_by_label("Reason").press("Control+Enter")
    expect(first.get_by_text("Rejected ORD-1.")).to_be_visible()
    second.goto("/accounts/login/")
    sign_in(second, "ada@example.com")
    expect(second.get_by_role("button", name="Undo")).to_be_visible()
    first.keyboard.press("z")
    expect(first.get_by_text("is open again.")).to_be_visible()
    second.keyboard.press("z")
    expect(second.get_by_role("alert")).to_be_visible()
    assert ReviewTask.objects.get(pk=review.pk).status == "pending"


@pytest.mark.parametrize("width", [1280, 375])
def test_skip_snooze_and_escalate_work_without_javascript(new_page: NewPage, width: int) -> None:
    queue = factories.queue()
    reviews = [
        factories.review(queue, orderId=f"ORD-{number}", timeoutSeconds=4000 + number)
        for number in range(4)
    ]
    ada = world.person("ada@example.com", "Ada Lovelace", "reviewer", queue)
    world.person("lead@example.com", "Lena Marsh", "lead", queue)
    page = new_page(width=width, javascript=False)
    sign_in(page, ada.email)
    page.get_by_role("button", name="Start reviewing").click()
    page.get_by_role("button", name="Skip").click()
    expect(page.get_by_text("Skipped ORD-0.")).to_be_visible()
    page.get_by_role("link", name="Snooze").click()
    page.get_by_role("button", name="15 min").click()
    expect(page.get_by_text("Snoozed ORD-1 until")).to_be_visible()
    page.get_by_role("link", name="Escalate").click()
    page.get_by_label("Reason").fill("Over my limit.")
    page.get_by_role("button", name="Escalate").click()
    expect(page.get_by_text("Escalated ORD-2 to the leads of")).to_be_visible()
    expect(page.get_by_role("heading", name="ORD-3")).to_be_visible()
    escalated = ReviewTask.objects.get(pk=reviews[2].pk)
    assert escalated.escalated_to == queue
    assert ReviewTask.objects.get(pk=reviews[1].pk).snoozed_until is not None
