"""The settings page, and what its switches change."""

from __future__ import annotations

import re

import pytest

from approvals.models import ReviewQueue, User
from tests.web.conftest import Desk
from tests.web.pages import at
from tests.web.reviews import open_reviews
from tests.web.test_streams import START, decide

pytestmark = pytest.mark.django_db


def test_shortcuts_are_on_until_one_turns_them_off(
    desk: Desk, queue: ReviewQueue, alice: User, bob: User
) -> None:
    browser = desk(alice)
    assert "data-keys" not in browser.get("/").content.decode()
    saved = browser.post("/settings/", {"auto_advance": "on"}, follow=True)
    assert "Your settings are saved." in saved.content.decode()
    assert '<body class="desk" data-keys="off">' in browser.get("/").content.decode()
    assert "data-keys" not in desk(bob).get("/").content.decode()


def test_somebody_without_a_queue_has_settings_too(desk: Desk, carol: User) -> None:
    browser = desk(carol)
    browser.post("/settings/", {"auto_advance": "on"})
    html = browser.get("/settings/").content.decode()
    assert 'data-keys="off"' in html
    assert re.search(r'name="auto_advance"[^>]* checked', html)


def test_without_auto_advance_the_decided_review_stays_open(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    first, _second = open_reviews(queue, 2)
    browser = desk(alice)
    browser.post("/settings/", {"shortcuts": "on"})
    page = decide(browser, browser.post(START)["Location"])
    assert page.redirect_chain == [(f"{at(first)}?stream=", 302)]
    assert "Next review" in page.content.decode()


def test_the_shortcuts_are_a_page_and_a_dialog(desk: Desk, queue: ReviewQueue, alice: User) -> None:
    browser = desk(alice)
    html = browser.get("/help/shortcuts/").content.decode()
    listed = browser.get("/help/shortcuts/", headers={"HX-Request": "true"}).content.decode()
    assert "Approve or reject: opens the form" in html
    assert 'data-key="?" data-opens="keys"' in html
    assert "Approve or reject: opens the form" in listed
    assert "<html" not in listed
