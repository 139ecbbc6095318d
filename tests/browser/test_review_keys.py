"""The keys of a review's page beside those that decide, and the sequences that lead to other pages."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from approvals.actions import assignment, people
from approvals.actors import COMMAND_LINE
from approvals.models import ReviewQueue, ReviewTask, User
from tests import factories
from tests.browser import world
from tests.browser.conftest import NewPage, arrived_at, sign_in
from tests.factories import actor

FIELDS = [
    {"path": f"input.{name}", "label": name.title(), "kind": "text", "flag_when": rule}
    for name, rule in (("total", {"above": 500}), ("items", {"above": 3}), ("age", {"below": 9}))
]
VALUES = {"total": 900, "items": 4, "age": 1}
SCHEMA = {
    "type": "object",
    "properties": {name: {"type": "integer", "title": name.title()} for name in VALUES},
}


def signed_in(page: Page, queue: ReviewQueue) -> User:
    """A reviewer of this queue, who has signed in."""
    ada = world.person("ada@example.com", "Ada Lovelace", "reviewer", queue)
    sign_in(page, ada.email)
    return ada


def opened(page: Page, review: ReviewTask, query: str = "") -> None:
    """The page of a review."""
    page.goto(f"/reviews/{review.pk}/{query}")


def test_n_and_p_walk_through_the_flagged_fields_and_then_the_changes(new_page: NewPage) -> None:
    queue = factories.queue(fields=FIELDS, output_schema=SCHEMA)
    review = factories.review(queue, input=VALUES)
    page = new_page()
    signed_in(page, queue)
    opened(page, review)
    flagged = page.locator("[data-flag]")
    expect(page.get_by_text("3 flagged fields")).to_be_visible()
    for key, focused in (("n", 0), ("n", 1), ("p", 0), ("p", 2), ("n", 0)):
        page.keyboard.press(key)
        expect(flagged.nth(focused)).to_be_focused()

    page.keyboard.press("a")
    expect(page.get_by_label("Note")).to_be_focused()
    page.get_by_text("Change values").click()
    page.get_by_label("Total", exact=True).fill("800")
    expect(page.get_by_role("link", name="Next change")).to_be_hidden()
    page.get_by_label("Age", exact=True).fill("2")
    expect(page.get_by_role("link", name="Next change")).to_be_visible()
    page.get_by_role("heading", name="Approve").focus()
    page.keyboard.press("n")
    expect(page.get_by_label("Age", exact=True)).to_be_focused()
    page.get_by_role("link", name="Next change").click()
    expect(page.get_by_label("Total", exact=True)).to_be_focused()


def test_y_copies_the_link_to_a_review_without_the_stream(new_page: NewPage) -> None:
    queue = factories.queue()
    review = factories.review(queue)
    page = new_page()
    signed_in(page, queue)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened(page, review, "?stream=q%3Dlamp")
    page.keyboard.press("y")
    expect(page.get_by_role("link", name="Link copied")).to_be_visible()
    copied: str = page.evaluate("navigator.clipboard.readText()")
    assert copied.endswith(f"/reviews/{review.pk}/")


def test_y_opens_the_link_where_nothing_can_be_copied(new_page: NewPage) -> None:
    queue = factories.queue()
    review = factories.review(queue)
    page = new_page()
    signed_in(page, queue)
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    opened(page, review, "?stream=")
    page.keyboard.press("y")
    page.wait_for_url(f"**/reviews/{review.pk}/")


def test_brackets_lead_back_to_what_was_decided_and_on_again(new_page: NewPage) -> None:
    queue = factories.queue(undo_seconds=30)
    for number in range(3):
        factories.review(queue, orderId=f"ORD-{number}", timeoutSeconds=4000 + number)
    page = new_page()
    signed_in(page, queue)
    page.keyboard.press("m")
    for number in range(2):
        arrived_at(page, f"ORD-{number}")
        page.keyboard.press("a")
        expect(page.get_by_label("Note")).to_be_focused()
        page.keyboard.press("Control+Enter")
    for number in (2, 1, 0):
        arrived_at(page, f"ORD-{number}")
        page.keyboard.press("[")
    expect(page.get_by_role("link", name="Your last decision")).to_have_count(0)
    page.keyboard.press("]")
    expect(page.get_by_role("heading", name="ORD-2")).to_be_visible()


def test_a_dot_shows_what_is_new_in_a_list_and_on_a_review(new_page: NewPage) -> None:
    queue = factories.queue()
    review = factories.review(queue, orderId="ORD-1")
    bob = world.person("bob@example.com", "Bob", "reviewer", queue)
    page = new_page()
    signed_in(page, queue)
    page.goto("/queues/manual-review/")
    factories.review(queue, orderId="ORD-2")
    page.evaluate("htmx.trigger('#news', 'live')")
    expect(page.get_by_text("1 new")).to_be_visible()
    page.keyboard.press(".")
    expect(page.get_by_role("link", name="ORD-2")).to_be_visible()

    opened(page, review)
    assignment.claim(review.pk, by=actor(bob))
    page.evaluate("htmx.trigger('#news', 'live')")
    expect(page.get_by_text("Bob has claimed this review")).to_be_visible()
    page.keyboard.press(".")
    expect(page.get_by_role("heading", name="Bob is working on it")).to_be_visible()


def test_g_leads_to_what_is_mine_and_to_the_pages_of_leads_and_auditors(new_page: NewPage) -> None:
    queue = factories.queue()
    review = factories.review(queue)
    page = new_page()
    lead = world.person("lead@example.com", "Lena Marsh", "lead", queue)
    people.grant_site(lead, "auditor", by=COMMAND_LINE)
    assignment.claim(review.pk, by=actor(lead))
    sign_in(page, lead.email)
    for key, address in (("l", "**/leads/"), ("a", "**/audit/"), ("m", "**/#mine")):
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.wait_for_url(address)
    expect(page.locator("#mine")).to_contain_text("Claimed by you")
