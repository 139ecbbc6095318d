"""The settings page, and what its switches change."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

import pytest

from approvals.models import Decision, Preference, ReviewQueue, User
from tests import factories
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
    assert '<body class="desk" data-keys="off"' in browser.get("/").content.decode()
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
    assert 'data-key="?" aria-keyshortcuts="?" data-opens="keys"' in html
    assert "Approve or reject: opens the form" in listed
    assert "<html" not in listed


def test_times_are_shown_in_ones_own_zone_with_utc_beside_them(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    (review,) = open_reviews(queue, 1)
    browser = desk(alice)
    in_utc = f"{review.deadline_at:%H:%M:%S} UTC"
    assert f">{review.deadline_at:%a} " in browser.get(at(review)).content.decode()
    assert in_utc in browser.get(at(review)).content.decode()
    browser.post("/settings/", {"time_zone": "Asia/Kolkata"})
    html = browser.get(at(review)).content.decode()
    there = review.deadline_at.astimezone(ZoneInfo("Asia/Kolkata"))
    assert f"{there:%H:%M:%S} IST</time>" in html
    assert f'title="{review.deadline_at:%Y-%m-%d %H:%M:%S} UTC"' in html


def test_theme_and_density_are_attributes_of_the_page(desk: Desk, carol: User) -> None:
    browser = desk(carol)
    assert '<html lang="en" data-now' in browser.get("/settings/").content.decode()
    browser.post("/settings/", {"theme": "dark", "density": "compact"})
    html = browser.get("/settings/").content.decode()
    assert '<html lang="en" data-theme="night" data-density="compact"' in html


def test_a_decision_can_be_undone_as_long_as_one_wants_and_the_queue_allows(
    desk: Desk, alice: User
) -> None:
    for wanted, seconds in (("5", 5), ("0", 0), ("3600", 10), ("", 10)):
        review = factories.review()
        browser = desk(alice)
        browser.post("/settings/", {"undo_seconds": wanted})
        browser.post(at(review, "approve"), {})
        made = Decision.objects.get(review=review)
        assert (made.undo_until - made.decided_at).total_seconds() == seconds


@pytest.mark.parametrize(
    "wrong",
    [
        {"time_zone": "Europe/Atlantis"},
        {"time_zone": "../../etc/passwd"},
        {"theme": "pink"},
        {"undo_seconds": "-1"},
        {"undo_seconds": "4000"},
    ],
)
def test_a_setting_that_is_none_is_refused_and_named(
    desk: Desk, carol: User, wrong: dict[str, str]
) -> None:
    browser = desk(carol)
    answer = browser.post("/settings/", wrong)
    assert answer.status_code == 422
    assert "fielderror" in answer.content.decode()
    assert not Preference.objects.exists()
