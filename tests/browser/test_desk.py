"""A reviewer at work in a real browser: with and without JavaScript, and every page under axe."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from approvals.actions import assignment, intake
from approvals.models import Decision, ReviewTask
from tests import factories
from tests.browser import outages, world
from tests.browser.accessibility import check, inspect
from tests.browser.conftest import NewPage, sign_in, sign_in_by_form, unfold
from tests.factories import actor

MONSTER = {
    "orderId": "invoice\u202efdp.exe" * 9,
    "title": "W" * 200,
    "timeoutSeconds": "soon",
    "error": {"Error": "<script>alert(1)</script>" * 9, "Cause": "x" * 3_000},
    "reviewRound": 2,
    "input": {
        "customer": {
            "name": "محمد بن عبد الله" * 9,
            "address": {"street": "Main 1", "city": "R" * 90},
        },
        "items": [
            {"sku": "A" * 90, "name": "Very long " * 30, "price": 1.5, "tax": {"rate": 19}, "x": 1},
            {"bag": "b" * 300},
        ],
        "total": 99.9,
        "currency": "SAR",
        "notes": ["a", {"c": [1, 2, {"d": {"e": {"f": "g" * 400}}}]}],
        "long": "word" * 200,
        "k" * 200: {"l" * 200: "m" * 200},
    },
}
REASON = "The card belongs to somebody else."


def test_a_reviewer_claims_rejects_and_watches_it_arrive(new_page: NewPage) -> None:
    queue = factories.queue(undo_seconds=30)
    ada = world.person("ada@example.com", "Ada Lovelace", "reviewer", queue)
    review = factories.review(queue)
    page = new_page()
    sign_in(page, ada.email)
    page.get_by_role("button", name="Start reviewing").click()
    page.wait_for_url(f"**/reviews/{review.pk}/?stream=")
    expect(page.get_by_role("heading", name="Yours to decide")).to_be_visible()

    page.goto(f"/reviews/{review.pk}/")  # by itself: there is no next review
    page.get_by_role("link", name="Reject").click()
    reason = page.get_by_label("Reason")
    expect(reason).to_be_focused()
    expect(page).to_have_url(re.compile(rf"/reviews/{review.pk}/$"))  # a panel, not another page
    reason.fill(REASON)
    page.keyboard.press("Control+Enter")

    expect(page.get_by_role("heading", name="Waiting to be sent")).to_be_visible()
    expect(page.locator(".stamp")).to_have_text("Rejected")
    undo = page.get_by_role("button", name="Undo")
    first = undo.inner_text()
    expect(undo).not_to_have_text(first)  # it counts down

    world.settle(review, world.ACCEPTED)
    expect(page.get_by_role("heading", name="Delivered")).to_be_visible()
    expect(page.locator("#timeline")).to_contain_text("Delivered to Step Functions")
    expect(page.locator("#announce")).to_contain_text("Step Functions acknowledged it.")
    expect(undo).to_have_count(0)
    assert Decision.objects.get(review=review).reason == REASON


def test_a_decision_is_undone_in_time(new_page: NewPage) -> None:
    day = world.build()
    page = new_page()
    sign_in(page, day.ada.email)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("is open again.")).to_be_visible()
    expect(page.get_by_role("heading", name="Waiting for a decision")).to_be_visible()


def test_the_slower_one_keeps_the_text_in_the_panel(new_page: NewPage) -> None:
    day = world.build()
    review = day.reviews["ORD-0048213"]
    page = new_page()
    sign_in(page, day.ada.email)
    page.goto(f"/reviews/{review.pk}/")
    page.get_by_role("link", name="Reject").click()
    page.get_by_label("Reason").fill(REASON)
    world.decide(review, "approved", day.lead, "", None)
    page.get_by_role("button", name="Reject").click()
    problem = page.get_by_role("alert").filter(has_text="lead@example.com was faster")
    expect(problem).to_be_focused()
    expect(page.get_by_label("What you wrote")).to_have_value(REASON)


def test_a_session_that_ended_leads_to_sign_in_and_back(new_page: NewPage) -> None:
    day = world.build()
    review = day.reviews["ORD-0048213"]
    page = new_page()
    sign_in(page, day.ada.email)
    page.goto(f"/reviews/{review.pk}/")
    page.context.clear_cookies()
    page.get_by_role("link", name="Approve").click()
    page.wait_for_url(f"**/accounts/login/?next=/reviews/{review.pk}/")


@pytest.mark.parametrize("width", [1280, 375])
def test_everything_works_without_javascript(new_page: NewPage, width: int) -> None:
    queue = factories.queue(undo_seconds=30)
    ada = world.person("ada@example.com", "Ada Lovelace", "reviewer", queue)
    review = factories.review(queue)
    page = new_page(width=width, javascript=False)
    sign_in_by_form(page, ada.email)
    page.get_by_role("link", name="See the list").click()
    unfold(page)
    page.get_by_label("Search", exact=True).fill("fraud")
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("link", name=review.reference).click()
    page.get_by_role("button", name="Claim").click()
    page.get_by_role("link", name="Reject").click()
    page.wait_for_url(f"**/reviews/{review.pk}/reject/?stream=q%3Dfraud")
    page.get_by_label("Reason").fill(REASON)
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_text(f"Rejected {review.reference}.")).to_be_visible()
    page.wait_for_url("**/queues/manual-review/?q=fraud")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("is open again.")).to_be_visible()
    page.get_by_role("link", name="Approve").click()
    page.get_by_role("button", name="Approve").click()
    world.settle(review, world.ACCEPTED)
    page.goto(f"/reviews/{review.pk}/")
    expect(page.get_by_role("heading", name="Delivered")).to_be_visible()
    page.locator("summary[aria-label^=Account]").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/accounts/login/")


@pytest.mark.campaign
def test_every_page_passes_axe_and_fits_its_window(new_page: NewPage) -> None:
    day = world.build()
    textbook = {
        "taskToken": "token-of-the-textbook",
        "orderId": "ORD-TEXT",
        "error": "Address unclear",
    }
    late = factories.review(day.queue, orderId="ORD-LATE")
    world.move(late, left=-9)
    plain = of_message(day, textbook)
    monster = factories.review(day.queue, **MONSTER)
    page = new_page()
    for path in ("login/", "password/reset/", "password/reset/done/", "password/reset/key/0-0/"):
        inspect(page, f"/accounts/{path}")
    sign_in(page, day.ada.email)
    held = day.reviews["ORD-0048219"].pk
    for path in paths(day, late, plain, monster):
        inspect(page, path)
    closed = page.goto("/accounts/email/")
    assert closed is not None
    assert closed.status == 404
    page.goto(f"/reviews/{held}/")
    page.get_by_role("link", name="Approve").click()
    page.get_by_label("Note").wait_for()
    check(page, "the panel")
    assignment.release(held, by=actor(day.ada))
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("alert").filter(has_text="has changed").wait_for()
    check(page, "the panel with a problem")
    (again, _), refused = outages.came_too_late(day), outages.held_back(day)
    for path in ("/", "/queues/manual-review/", f"/reviews/{refused[2].pk}/"):
        inspect(page, path)
        expect(page.get_by_text("AWS refuses the answers of")).to_be_visible()
    inspect(page, f"/reviews/{again.pk}/")
    expect(page.get_by_role("button", name="Apply the same decision there")).to_be_visible()


def paths(day: world.World, *reviews: ReviewTask) -> list[str]:
    """Every page of the desk for somebody who has signed in, those of these reviews among them."""
    held = day.reviews["ORD-0048219"].pk
    shown = [day.reviews[f"ORD-00482{last}"] for last in ("13", "19", "24", "52", "01", "07")]
    accounts = ("logout", "password/change", "reauthenticate")
    return [
        *("/", "/?q=nothing", *(f"/accounts/{name}/" for name in accounts)),
        *("/queues/manual-review/", "/queues/manual-review/?status=any&q=fraud"),
        *("/queues/refund-exceptions/", "/queues/manual-review/?q=nothing"),
        *(f"/reviews/{review.pk}/" for review in (*shown, *reviews)),
        *(f"/reviews/{held}/approve/", f"/reviews/{held}/reject/"),
        f"/reviews/{day.reviews['ORD-0048224'].pk}/reject/",
        f"/reviews/{day.reviews['ORD-0048195'].pk}/reject/",
        "/reviews/00000000-0000-0000-0000-000000000000/",
    ]


def of_message(day: world.World, body: dict[str, str]) -> ReviewTask:
    """The review of exactly this message."""
    intake.accept(day.queue, [factories.received(body)])
    return ReviewTask.objects.get(reference=body["orderId"])
