"""A queue's list, page by page, and the button that claims the review that is due next."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from approvals.models import ReviewQueue, ReviewTask, User
from tests.web.conftest import Desk
from tests.web.pages import references
from tests.web.reviews import open_reviews

pytestmark = pytest.mark.django_db
LIST = "/queues/manual-review/"


def opened(review: ReviewTask, stream: str = "") -> str:
    """The address of a review that is opened in the stream of a filter."""
    return f"{reverse('review', args=[review.pk])}?stream={stream}"


def test_what_is_due_first_stands_first(desk: Desk, queue: ReviewQueue, alice: User) -> None:
    reviews = open_reviews(queue, 5)
    assert references(desk(alice).get(LIST).content.decode()) == [r.reference for r in reviews]


def test_the_list_pages_by_key_there_and_back(desk: Desk, queue: ReviewQueue, alice: User) -> None:
    expected = [review.reference for review in open_reviews(queue, 60)]
    browser, url, pages = desk(alice), LIST, []
    while url:
        html = browser.get(url).content.decode()
        pages.append(references(html))
        onward = re.search(r'rel="next" href="([^"]+)"', html)
        url = LIST + onward[1].replace("&amp;", "&") if onward else ""
    assert [len(page) for page in pages] == [25, 25, 10]
    assert [reference for page in pages for reference in page] == expected
    backward = re.search(r'rel="prev" href="([^"]+)"', html)
    assert backward is not None
    html = browser.get(LIST + backward[1]).content.decode()
    assert references(html) == pages[1]
    backward = re.search(r'rel="prev" href="([^"]+)"', html)
    assert backward is not None
    html = browser.get(LIST + backward[1]).content.decode()
    assert references(html) == pages[0]
    assert 'rel="prev"' not in html


def test_the_list_asks_few_questions_however_long_it_is(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    browser = desk(alice)
    open_reviews(queue, 2)
    with CaptureQueriesContext(connection) as few:
        browser.get(LIST)
    open_reviews(queue, 60)
    with CaptureQueriesContext(connection) as lots:
        response = browser.get(LIST)
    assert "62 open reviews" in response.content.decode()  # also those of other pages
    assert len(lots) == len(few)
    assert len(lots) <= 7
    assert len(response.content) < 60_000
    assert not any('"raw_body"' in query["sql"] for query in lots.captured_queries)


def test_an_empty_queue_and_an_empty_filter_say_different_things(desk: Desk, alice: User) -> None:
    assert "Nothing is waiting" in desk(alice).get(LIST).content.decode()
    assert "No review matches these filters" in desk(alice).get(LIST, {"q": "x"}).content.decode()


def test_start_reviewing_claims_what_is_due_first(
    desk: Desk, queue: ReviewQueue, alice: User, bob: User
) -> None:
    first, second, *_ = open_reviews(queue, 3)
    response = desk(alice).post(f"{LIST}next/")
    assert response.status_code == 302
    assert response["Location"] == reverse("review", args=[first.pk]) + "?stream="
    assert desk(bob).post(f"{LIST}next/")["Location"] == opened(second)


def test_start_reviewing_keeps_to_the_filter(desk: Desk, queue: ReviewQueue, alice: User) -> None:
    _first, _second, third = open_reviews(queue, 3)
    response = desk(alice).post(f"{LIST}next/", {"q": third.reference})
    assert response["Location"] == opened(third, f"q%3D{third.reference}")


def test_start_reviewing_with_nothing_left_comes_back_to_the_list(desk: Desk, alice: User) -> None:
    response = desk(alice).post(f"{LIST}next/", {"q": "none"}, follow=True)
    assert response.redirect_chain == [(f"{LIST}?q=none", 302)]
    assert "Nothing is waiting for you in Manual review." in response.content.decode()


def test_a_viewer_cannot_start_reviewing(desk: Desk, victor: User) -> None:
    response = desk(victor).post(f"{LIST}next/")
    assert response.status_code == 403
    assert "reviewer" in response.content.decode()
