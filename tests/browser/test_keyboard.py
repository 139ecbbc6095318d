"""Reviews decided by keyboard alone, with every key counted."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Page, expect

from approvals.actions import assignment
from approvals.models import Decision, ReviewQueue, ReviewTask, User
from tests import factories
from tests.browser import world
from tests.browser.conftest import NewPage, arrived_at, sign_in
from tests.factories import actor


@dataclass
class Keyboard:
    """Presses keys on a page and counts them; `Control+Enter` is two."""

    page: Page
    pressed: int = 0

    def press(self, *keys: str) -> None:
        """Press these keys, one after the other."""
        for key in keys:
            self.page.keyboard.press(key)
            self.pressed += len(key.split("+"))


def at_work(page: Page, queue: ReviewQueue) -> User:
    """Somebody who has signed in, with the next review of the queue open."""
    ada = world.person("ada@example.com", "Ada Lovelace", "reviewer", queue)
    sign_in(page, ada.email)
    page.get_by_role("button", name="Start reviewing").press("Enter")
    page.wait_for_url("**/reviews/*/?stream=")
    return ada


def test_twenty_reviews_are_decided_with_three_keys_each_and_the_reason(new_page: NewPage) -> None:
    fraud = {
        "code": "fraud",
        "label": "Fraud",
        "template": "Card stolen.",
        "outcomes": ["rejected"],
    }
    policy = {"reason_required_for": ["rejected"]}
    queue = factories.queue(undo_seconds=30, reason_codes=[fraud], policy=policy)
    reviews = [
        factories.review(queue, orderId=f"ORD-{number:02}", timeoutSeconds=4000 + number)
        for number in range(20)
    ]
    page = new_page()
    at_work(page, queue)
    keyboard, typed = Keyboard(page), 0
    for number, review in enumerate(reviews):
        expect(page.get_by_role("heading", name=f"ORD-{number:02}")).to_be_visible()
        expect(page.get_by_role("heading", name="Yours to decide")).to_be_focused()
        rejecting = number % 4 == 3
        keyboard.press("r" if rejecting else "a")
        expect(page.get_by_label("Fraud" if rejecting else "Note")).to_be_focused()
        if rejecting:
            page.keyboard.press("1")
            typed += 1
            expect(page.get_by_label("Reason")).to_have_value("Card stolen.")
        keyboard.press("Control+Enter")
        expect(page.get_by_role("status").filter(has_text=review.reference)).to_be_visible()
    expect(page.get_by_text("Queue clear: 20 decided")).to_be_visible()

    assert keyboard.pressed == 3 * 20
    assert typed == 5
    made = Decision.objects.filter(undone_at=None).order_by("decided_at")
    assert [each.outcome for each in made] == (["approved"] * 3 + ["rejected"]) * 5
    assert [each.reason_code for each in made] == (["", "", "", "fraud"]) * 5


def test_z_undoes_the_last_decision_from_the_next_review(new_page: NewPage) -> None:
    queue = factories.queue(undo_seconds=30)
    first = factories.review(queue, orderId="ORD-1", timeoutSeconds=4000)
    factories.review(queue, orderId="ORD-2", timeoutSeconds=4001)
    page = new_page()
    at_work(page, queue)
    page.keyboard.press("a")
    expect(page.get_by_label("Note")).to_be_focused()
    page.keyboard.press("Control+Enter")
    arrived_at(page, "ORD-2")
    page.keyboard.press("z")
    expect(page.get_by_text("is open again.")).to_be_visible()
    expect(page.get_by_role("heading", name="ORD-1")).to_be_visible()
    assert ReviewTask.objects.get(pk=first.pk).status == "pending"


def test_a_review_is_escalated_by_keyboard_alone_and_the_reason_is_no_key(
    new_page: NewPage,
) -> None:
    queue = factories.queue()
    review = factories.review(queue, orderId="ORD-1")
    page = new_page()
    at_work(page, queue)
    world.person("lena@example.com", "Lena", "lead", queue)
    page.keyboard.press("e")
    expect(page.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("sahery")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Escalated ORD-1 to the leads of")).to_be_visible()
    assert ReviewTask.objects.get(pk=review.pk).escalated_to == queue


def test_escape_leaves_the_comment_and_the_search(new_page: NewPage) -> None:
    queue = factories.queue()
    factories.review(queue)
    page = new_page()
    at_work(page, queue)
    for key, field in (("c", "Add a comment"), ("/", "Search reviews")):
        page.keyboard.press(key)
        expect(page.get_by_label(field)).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.get_by_role("heading", name="Yours to decide")).to_be_focused()


def test_what_can_no_longer_be_undone_has_no_button(new_page: NewPage) -> None:
    queue = factories.queue(undo_seconds=5)
    for number in range(2):
        factories.review(queue, orderId=f"ORD-{number}", timeoutSeconds=4000 + number)
    page = new_page()
    at_work(page, queue)
    page.keyboard.press("a")
    expect(page.get_by_label("Note")).to_be_focused()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    expect(page.get_by_role("button", name="Undo")).to_be_hidden()
    expect(page.get_by_text("Approved ORD-0.")).to_be_visible()


def test_escape_keeps_what_was_typed_first_and_closes_the_panel_then(new_page: NewPage) -> None:
    queue = factories.queue()
    factories.review(queue)
    page = new_page()
    at_work(page, queue)
    page.keyboard.press("r")
    reason = page.get_by_label("Reason")
    expect(reason).to_be_focused()
    page.keyboard.type("arz")  # keys of the page are letters in a field
    expect(reason).to_have_value("arz")
    page.keyboard.press("Escape")
    expect(reason).to_have_value("arz")
    expect(reason).not_to_be_focused()
    page.keyboard.press("Escape")
    expect(reason).to_have_count(0)
    expect(page.get_by_role("heading", name="Yours to decide")).to_be_focused()


def test_keys_are_dead_once_they_are_turned_off_and_help_lists_them(new_page: NewPage) -> None:
    queue = factories.queue()
    factories.review(queue)
    page = new_page()
    at_work(page, queue)
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_text("Skip, snooze or escalate")).to_be_visible()
    page.keyboard.press("a")  # not behind the dialog
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.goto("/settings/")
    page.get_by_role("checkbox", name="Keyboard shortcuts").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your settings are saved.")).to_be_visible()
    page.keyboard.press("m")
    page.keyboard.press("?")
    page.goto("/")
    page.keyboard.press("m")
    expect(page.get_by_role("button", name="Start reviewing")).to_be_visible()
    expect(page.locator("kbd").first).to_be_hidden()


def test_j_k_and_o_walk_through_a_list(new_page: NewPage) -> None:
    queue = factories.queue()
    for number in range(3):
        factories.review(queue, orderId=f"ORD-{number}", timeoutSeconds=4000 + number)
    page = new_page()
    ada = world.person("ada@example.com", "Ada Lovelace", "reviewer", queue)
    sign_in(page, ada.email)
    page.keyboard.press("g")
    page.keyboard.press("q")
    page.wait_for_url("**/queues/*/")
    for key in "jjjk":
        page.keyboard.press(key)
    row = page.locator(".line").filter(has_text="ORD-1")
    expect(row.get_by_role("link", name="ORD-1")).to_be_focused()
    for key, holder in (("i", "you"), ("I", "nobody"), ("i", "you")):
        page.keyboard.press(key)
        expect(row.locator(".line-holder")).to_have_text(f"Claimed by {holder}")
        expect(row.get_by_role("link", name="ORD-1")).to_be_focused()
    expect(page.locator("#announce")).to_have_text("ORD-1: Claimed by you")
    page.keyboard.press("o")
    arrived_at(page, "ORD-1")
    page.keyboard.press("u")
    page.wait_for_url("**/queues/*/")
    expect(page.get_by_role("link", name="ORD-1")).to_be_focused()


def test_back_from_the_page_of_a_review_its_row_has_the_focus(new_page: NewPage) -> None:
    queue = factories.queue()
    for number in range(3):
        factories.review(queue, orderId=f"ORD-{number}", timeoutSeconds=4000 + number)
    page = new_page()
    at_work(page, queue)
    page.keyboard.press("s")
    arrived_at(page, "ORD-1")
    page.keyboard.press("u")
    expect(page.get_by_role("link", name="ORD-1")).to_be_focused()


def test_what_another_holds_is_not_claimed_from_the_list_and_the_page_says_why(
    new_page: NewPage,
) -> None:
    queue = factories.queue()
    review = factories.review(queue, orderId="ORD-1")
    bob = world.person("bob@example.com", "Bob", "reviewer", queue)
    ada = world.person("ada@example.com", "Ada Lovelace", "reviewer", queue)
    page = new_page()
    sign_in(page, ada.email)
    page.goto(f"/queues/{queue.slug}/")
    assignment.claim(review.pk, by=actor(bob))
    page.keyboard.press("j")
    page.keyboard.press("i")
    expect(page.get_by_role("alert").filter(has_text="bob@example.com has claimed")).to_be_visible()
    expect(page.get_by_role("link", name="ORD-1")).to_be_focused()
