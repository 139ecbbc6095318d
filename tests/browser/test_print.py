"""A review's page on paper: absolute times, everything open, the state of its audit trail, no navigation."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import expect

from approvals.actions import preferences
from tests import factories
from tests.browser import world
from tests.browser.conftest import NewPage, sign_in
from tests.factories import actor

FIELDS = [
    *world.FIELDS,
    {"path": "input.card", "label": "Card", "kind": "text", "sensitive": True},
]
AFTER = "time => getComputedStyle(time, '::after').content"


def test_a_review_on_paper_is_complete_in_itself(new_page: NewPage) -> None:
    queue = factories.queue(fields=world.FIELDS)
    ada = world.person("ada@example.com", "Ada Lovelace", "reviewer", queue)
    order = {"total": 12.5, "currency": "EUR", "card": "4111", "customer": {"name": "Grace"}}
    review = factories.review(
        queue, orderId="P-1", error={"Error": "Fraud", "Cause": "why " * 300}, input=order
    )
    world.decide(review, "rejected", ada, "Nobody answers the phone.", world.ACCEPTED)
    preferences.save(theme="dark", by=actor(ada))
    page = new_page()
    sign_in(page, ada.email)
    page.goto(f"/reviews/{review.pk}/")
    folder = Path(os.environ["SHOTS"]) if "SHOTS" in os.environ else None
    made = page.pdf(path=folder / "review.pdf" if folder else None, format="A4")
    assert made.startswith(b"%PDF")
    expect(page.locator(".raw pre")).to_be_hidden()  # closed again

    page.emulate_media(media="print")
    page.set_viewport_size({"width": 700, "height": 900})
    for shown in (".raw pre", ".origin .facts", "details.long .pre", ".print-only.hint", ".stamp"):
        expect(page.locator(shown).first).to_be_visible()
    for left_out in (".topbar", ".crumb", "#delivery form", ".commenting"):
        expect(page.locator(left_out)).to_be_hidden()
    expect(page.locator(".trail-state")).to_contain_text("Audit trail verified")
    expect(page.locator(".trail-state .print-only")).to_contain_text("UTC. Last hash (#")
    times = page.locator("time")
    assert times.count() >= 5
    for number in range(times.count()):
        if times.nth(number).is_visible():
            assert times.nth(number).evaluate(AFTER).rstrip('"').endswith(" UTC")
            assert times.nth(number).evaluate("time => getComputedStyle(time).fontSize") == "0px"
    background = "getComputedStyle(document.querySelector('.sheet')).backgroundColor"
    assert page.evaluate(background) == "rgb(255, 255, 255)"


def test_on_paper_a_sensitive_value_stays_folded_unless_its_reader_has_opened_it(
    new_page: NewPage,
) -> None:
    queue = factories.queue(fields=FIELDS)
    ada = world.person("ada@example.com", "Ada Lovelace", "reviewer", queue)
    review = factories.review(queue, input={"total": 12.5, "currency": "EUR", "card": "4111"})
    page = new_page()
    sign_in(page, ada.email)
    page.goto(f"/reviews/{review.pk}/")
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    folded = page.locator(".promoted [data-sensitive] bdi")
    expect(folded).to_be_hidden()
    expect(page.locator(".raw pre")).to_be_hidden()  # it has the value too
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    page.get_by_text("Hidden, show").click()
    page.emulate_media(media="print")
    expect(folded).to_be_visible()
