"""What an open page is told of changes that others make."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from approvals.actions import assignment, decisions, people
from approvals.actors import COMMAND_LINE
from approvals.models import ReviewQueue, User
from approvals.models.choices import Outcome
from approvals.records import database_time
from approvals.web import live_updates
from tests import factories
from tests.factories import actor
from tests.web.conftest import Desk
from tests.web.pages import at
from tests.web.reviews import open_reviews

pytestmark = pytest.mark.django_db
LIST = "/queues/manual-review/"


def later(browser: Client, url: str) -> str:
    """The answer to a question of a page."""
    response = browser.get(url, headers={"HX-Request": "true"})
    assert response.status_code in (200, 204)
    return response.content.decode()


def question(browser: Client, page: str) -> str:
    """The address at which the page asks for news."""
    asked = re.search(r'id="news"[^>]* hx-get="([^"]+)"', browser.get(page).content.decode())
    assert asked is not None
    return asked[1].replace("&amp;", "&")


def test_a_list_shows_how_many_reviews_have_arrived(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    browser = desk(alice)
    open_reviews(queue, 2)
    asks = question(browser, LIST)
    assert later(browser, asks) == ""

    open_reviews(queue, 4)

    shown = later(browser, asks)
    assert "4 new" in shown
    assert f'href="{LIST}"' in shown


def test_only_reviews_that_the_filters_show_are_counted(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    browser = desk(alice)
    asks = question(browser, f"{LIST}?q=lamp")
    factories.review(queue, title="A suspicious lamp")
    factories.review(queue, title="A chair")

    shown = later(browser, asks)

    assert "1 new" in shown
    assert f'href="{LIST}?q=lamp"' in shown


def test_more_than_a_page_can_use_are_not_counted(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    since = (database_time.now() - timedelta(hours=1)).isoformat()
    open_reviews(queue, 101)
    browser = desk(alice)
    with CaptureQueriesContext(connection) as asked:
        response = browser.get(f"{LIST}news/", {"since": since})
    assert "99+ new" in response.content.decode()
    assert len(asked) <= 5


@pytest.mark.parametrize(
    "since", ["", "yesterday", "2026-11-29T10:00:00", "0001-01-01T00:00:00+23:59"]
)
def test_a_time_that_is_none_is_refused(
    desk: Desk, queue: ReviewQueue, alice: User, since: str
) -> None:
    assert desk(alice).get(f"{LIST}news/", {"since": since}).status_code == 422


def test_a_review_that_another_claims_says_so(desk: Desk, alice: User, bob: User) -> None:
    browser, review = desk(alice), factories.review()
    asks = question(browser, at(review))
    assert later(browser, asks) == ""

    assignment.claim(review.pk, by=actor(bob))
    assert f"<bdi>{bob.display}</bdi> has claimed this review" in later(browser, asks)

    decisions.decide(review.pk, Outcome.APPROVED, by=actor(bob))
    assert f"<bdi>{bob.display}</bdi> approved this review" in later(browser, asks)


def test_a_page_that_asks_again_and_again_reads_no_message(
    desk: Desk, alice: User, bob: User
) -> None:
    browser, review = desk(alice), factories.review()
    asks = question(browser, at(review))
    decisions.decide(review.pk, Outcome.APPROVED, by=actor(bob))
    found = browser.get(at(review)).content.decode()
    seen = re.search(r'hx-get="([^"]+/delivery/[^"]*)"', found)
    assert seen

    with CaptureQueriesContext(connection) as read:
        later(browser, asks)
        assert later(browser, html.unescape(seen[1])) == ""

    assert not any('"payload"' in each["sql"] for each in read.captured_queries)


def test_what_one_does_oneself_is_no_news(desk: Desk, alice: User) -> None:
    browser, review = desk(alice), factories.review()
    asks = question(browser, at(review))
    assignment.claim(review.pk, by=actor(alice))
    assert later(browser, asks) == ""
    assignment.renew(review.pk, by=actor(alice))
    assert later(browser, asks) == ""


def test_a_review_that_is_released_says_so(desk: Desk, alice: User, bob: User) -> None:
    review = factories.review()
    assignment.claim(review.pk, by=actor(bob))
    browser = desk(alice)
    asks = question(browser, at(review))
    assignment.release(review.pk, by=actor(bob))
    assert "Nobody has claimed this review now" in later(browser, asks)


def test_who_may_not_see_a_review_gets_404(desk: Desk, carol: User) -> None:
    review = factories.review()
    assert desk(carol).get(f"{at(review)}news/").status_code == 404
    assert desk(carol).get(f"{LIST}news/").status_code == 404


def allowed(browser: Client, query: str) -> dict[str, object]:
    """What the server is told about a stream of this person, whose browser takes gzip."""
    of_the_server: Any = {live_updates.STREAMS: True, "HTTP_ACCEPT_ENCODING": "gzip"}
    response = browser.get(f"/live/{query}", **of_the_server)
    assert response.status_code == 200
    told: dict[str, object] = response.json()
    return told


def test_a_stream_of_a_reviews_page_says_who_looks_at_it(
    desk: Desk, queue: ReviewQueue, alice: User, settings: Settings
) -> None:
    settings.LIVE_HINTS = True
    browser, review = desk(alice), factories.review()
    told = allowed(browser, f"?review={review.pk}")
    viewer = {"review": str(review.pk), "person": str(alice.pk), "name": alice.display}
    assert told == {"person": str(alice.pk), "queues": [str(queue.pk)], "viewer": viewer}
    assert allowed(browser, "")["viewer"] is None
    assert allowed(browser, "?review=nonsense")["viewer"] is None


def test_nobody_looks_at_a_review_that_they_may_not_see_or_without_notifications(
    desk: Desk, alice: User, carol: User, settings: Settings
) -> None:
    query = f"?review={factories.review().pk}"
    assert allowed(desk(alice), query)["viewer"] is None
    settings.LIVE_HINTS = True
    assert allowed(desk(carol), query)["viewer"] is None


def test_a_person_of_many_queues_has_streams_too(desk: Desk, queue: ReviewQueue) -> None:
    person = factories.user("many@example.com")
    for number in range(40):
        people.grant(person, factories.queue(f"q-{number}").slug, "viewer", by=COMMAND_LINE)
    queues = allowed(desk(person), "")["queues"]
    assert isinstance(queues, list)
    assert len(queues) == 40
