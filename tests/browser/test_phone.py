"""A review on a phone: what is tapped is in the window, and nothing is cut off at its side."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from approvals.models import ReviewQueue
from tests import factories
from tests.browser import world
from tests.browser.conftest import sign_in

FINGER = 44  # CSS pixels
CODES = [
    {"code": f"code-{number}", "label": f"Reason {number}", "outcomes": ["rejected"]}
    for number in range(5)
]


@pytest.fixture
def phone(browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    """A low phone with a touch screen, on which a reviewer has signed in."""
    factories.queue(undo_seconds=30)
    ReviewQueue.objects.update(reason_codes=CODES, policy={"reason_required_for": ["rejected"]})
    queue = ReviewQueue.objects.get()
    world.order(queue, world.OPEN[0])
    world.person("ada@example.com", "Ada Lovelace", "reviewer", queue)
    context = browser.new_context(
        base_url=live_server.url,
        viewport={"width": 390, "height": 664},
        has_touch=True,
        is_mobile=True,
        reduced_motion="reduce",
    )
    context.set_default_timeout(10_000)
    page = context.new_page()
    sign_in(page, "ada@example.com")
    yield page
    context.close()


def tap(button: Locator) -> None:
    """Tap what can be tapped without scrolling, and is high enough for a finger."""
    expect(button).to_be_in_viewport(ratio=1)
    box = button.bounding_box()
    assert box
    assert box["height"] >= FINGER
    button.tap()


def test_a_refused_rejection_is_corrected_without_scrolling(phone: Page) -> None:
    tap(phone.get_by_role("button", name="Start reviewing"))
    tap(phone.get_by_role("link", name="Reject"))
    reject = phone.get_by_role("button", name="Reject")
    phone.locator("#decide").evaluate("panel => panel.scrollTo(0, panel.scrollHeight)")
    reason, bar = (
        phone.get_by_label("Reason", exact=False).last.bounding_box(),
        reject.bounding_box(),
    )
    assert reason
    assert bar
    assert reason["y"] + reason["height"] <= bar["y"]
    tap(reject)
    expect(phone.get_by_role("alert").get_by_text("choose or write a reason")).to_be_in_viewport()
    expect(reject).to_be_in_viewport(ratio=1)
    phone.get_by_text("Reason 1").tap()
    tap(reject)
    expect(phone.get_by_text("Rejected ORD-0048213.")).to_be_visible()


def test_the_lines_of_an_order_are_whole_and_a_comment_is_seen_once_it_is_sent(phone: Page) -> None:
    phone.get_by_role("button", name="Start reviewing").tap()
    lines = phone.get_by_role("group", name="Lines")
    assert lines.evaluate("box => box.scrollWidth <= box.clientWidth")
    expect(lines.get_by_text("1,899.00").first).to_be_visible()
    phone.get_by_placeholder("For your colleagues").fill("Is she known?")
    phone.get_by_role("button", name="Comment").tap()
    comment = phone.get_by_role("listitem").filter(has_text="Is she known?")
    expect(comment).to_be_focused()
    box = comment.bounding_box()
    panel = phone.locator("#decide").bounding_box()
    header = phone.get_by_role("banner").bounding_box()
    assert box
    assert panel
    assert header
    assert header["y"] + header["height"] <= box["y"]
    assert box["y"] + box["height"] <= panel["y"]
