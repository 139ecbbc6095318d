"""Your turn and a queue's list: what stands there, in which order, page by page."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from approvals import pagination
from approvals.actions import assignment, decisions, intake
from approvals.exceptions import Invalid
from approvals.models import ReviewQueue, ReviewTask, User
from approvals.models.choices import Outcome
from approvals.web.home import COUNT_UP_TO
from approvals.web.review_list import BY_ARRIVAL, BY_DEADLINE
from tests import factories
from tests.factories import actor
from tests.web.conftest import Desk

pytestmark = pytest.mark.django_db
LIST = "/queues/manual-review/"


def many(queue: ReviewQueue, count: int) -> list[ReviewTask]:
    """So many open reviews; the later made, the sooner due."""
    intake.accept(
        queue,
        [
            factories.received(orderId=f"M-{number:03}", timeoutSeconds=86_000 - 100 * number)
            for number in range(count)
        ],
    )
    return list(ReviewTask.objects.filter(queue=queue).order_by("deadline_at", "id"))


def references(html: str) -> list[str]:
    """The references of the rows of a list, in their order."""
    return re.findall(r'<a class="serial"[^>]*><bdi>([^<]+)</bdi>', html)


def test_your_turn_shows_what_i_hold_and_what_waits(
    desk: Desk, queue: ReviewQueue, alice: User, bob: User
) -> None:
    mine, theirs = factories.review(), factories.review()
    assignment.claim(mine.pk, by=actor(alice))
    assignment.claim(theirs.pk, by=actor(bob))
    html = desk(alice).get("/").content.decode()
    assert references(html) == [mine.reference]
    assert "you, until" in html
    assert '<span class="figure">2</span> open' in html
    assert "Start reviewing" in html


def test_your_turn_counts_no_further_than_it_must(
    desk: Desk, queue: ReviewQueue, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("approvals.web.home.COUNT_UP_TO", 3)
    many(queue, 5)
    assert '<span class="figure">3+</span>' in desk(alice).get("/").content.decode()
    assert COUNT_UP_TO == 100


def test_a_review_due_within_the_hour_is_counted_as_such(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    factories.review(timeoutSeconds=1800)
    factories.review(timeoutSeconds=7200)
    assert '<dd class="due-soon">1</dd>' in desk(alice).get("/").content.decode()


def test_a_viewer_is_offered_no_review_to_start(desk: Desk, victor: User) -> None:
    factories.review()
    home = desk(victor).get("/").content.decode()
    assert "Start reviewing" not in home
    assert "You may look here, but not decide." in home
    assert "Start reviewing" not in desk(victor).get(LIST).content.decode()


def test_somebody_without_a_queue_reads_whom_to_ask(desk: Desk, db: None) -> None:
    html = desk(factories.user("new@example.com")).get("/").content.decode()
    assert "No queue is open to you yet" in html


def test_my_last_decisions_can_be_undone_from_your_turn(desk: Desk, alice: User) -> None:
    reviews = [factories.review() for _ in range(6)]
    for review in reviews:
        decisions.decide(review.pk, Outcome.REJECTED, by=actor(alice))
    html = desk(alice).get("/").content.decode()
    assert references(html) == [review.reference for review in reversed(reviews)][:5]
    assert html.count("/undo/") == 5
    assert html.count("Waiting to be sent") == 5


def test_the_search_field_jumps_to_the_one_review(desk: Desk, alice: User) -> None:
    review = factories.review(orderId="ORD-77/A")
    response = desk(alice).get("/", {"q": " ORD-77/A "})
    assert response["Location"] == reverse("review", args=[review.pk])


def test_the_search_field_lists_what_shares_a_reference(desk: Desk, alice: User) -> None:
    for _ in range(2):
        factories.review(orderId="ORD-78")
    html = desk(alice).get("/", {"q": "ORD-78"}).content.decode()
    assert references(html) == ["ORD-78", "ORD-78"]


@pytest.mark.parametrize("wanted", ["\0", "a\0b", "x" * 3_000, "%", "' OR 1=1 --", "\ud7ff\uffff"])
def test_the_search_field_takes_anything(desk: Desk, alice: User, wanted: str) -> None:
    factories.review()
    for path in ("/", LIST):
        response = desk(alice).get(path, {"q": wanted, "reference": wanted, "cursor": wanted})
        assert response.status_code == 200


def test_what_is_due_first_stands_first(desk: Desk, queue: ReviewQueue, alice: User) -> None:
    reviews = many(queue, 5)
    assert references(desk(alice).get(LIST).content.decode()) == [r.reference for r in reviews]


def test_the_list_pages_by_key_there_and_back(desk: Desk, queue: ReviewQueue, alice: User) -> None:
    expected = [review.reference for review in many(queue, 60)]
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


def test_reviews_of_one_deadline_are_neither_lost_nor_doubled(queue: ReviewQueue) -> None:
    many(queue, 7)
    first = ReviewTask.objects.values_list("deadline_at", flat=True)[0]
    ReviewTask.objects.update(deadline_at=first)
    seen: list[ReviewTask] = []
    cursor: str | None = ""
    while cursor is not None:
        page = pagination.page(ReviewTask.objects.all(), BY_DEADLINE, size=3, cursor=cursor)
        seen += page.rows
        cursor = page.next
    assert [row.pk for row in seen] == sorted(row.pk for row in seen)
    assert len(seen) == 7


def test_the_newest_first_order_pages_too(queue: ReviewQueue) -> None:
    many(queue, 5)
    rows = ReviewTask.objects.all()
    first = pagination.page(rows, BY_ARRIVAL, size=2)
    second = pagination.page(rows, BY_ARRIVAL, size=2, cursor=first.next or "")
    third = pagination.page(rows, BY_ARRIVAL, size=2, cursor=second.next or "")
    assert [row.pk for row in [*first.rows, *second.rows, *third.rows]] == list(
        rows.order_by(*BY_ARRIVAL).values_list("pk", flat=True)
    )
    assert third.next is None
    assert (
        pagination.page(rows, BY_ARRIVAL, size=2, cursor=third.previous or "").rows == second.rows
    )


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "é",
        "bnVsbA",
        "WyJuIl0",
        "WyJuIiwieCIsInkiXQ",
        "W1siXSwxXQ",
        "A" * 900,
        "WyJuIixudWxsLG51bGxd",
    ],
)
def test_a_tampered_cursor_leads_to_the_first_page(
    desk: Desk, queue: ReviewQueue, alice: User, cursor: str
) -> None:
    reviews = many(queue, 3)
    response = desk(alice).get(LIST, {"cursor": cursor})
    assert references(response.content.decode()) == [r.reference for r in reviews]
    with pytest.raises(Invalid):
        pagination.page(ReviewTask.objects.all(), BY_DEADLINE, size=3, cursor=cursor)


def test_the_list_asks_few_questions_however_long_it_is(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    browser = desk(alice)
    many(queue, 2)
    with CaptureQueriesContext(connection) as few:
        browser.get(LIST)
    many(queue, 60)
    with CaptureQueriesContext(connection) as lots:
        response = browser.get(LIST)
    assert len(lots) == len(few)
    assert len(lots) <= 11
    assert len(response.content) < 60_000
    assert not any('"raw_body"' in query["sql"] for query in lots.captured_queries)


def test_filters_live_in_the_address_and_can_be_taken_off_one_by_one(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    factories.review(orderId="A-1", error={"Error": "FraudSuspected"})
    factories.review(orderId="A-2", error={"Error": "OutOfStock"})
    html = desk(alice).get(LIST, {"q": "fraud", "assignee": "nobody"}).content.decode()
    assert references(html) == ["A-1"]
    assert f'href="{LIST}?assignee=nobody"' in html
    assert f'href="{LIST}?q=fraud"' in html


def test_the_list_can_show_what_i_hold_and_what_is_closed(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    held, decided, _free = (factories.review(orderId=f"B-{number}") for number in range(3))
    assignment.claim(held.pk, by=actor(alice))
    decisions.decide(decided.pk, Outcome.APPROVED, by=actor(alice))
    browser = desk(alice)
    assert references(browser.get(LIST, {"assignee": "me"}).content.decode()) == ["B-0"]
    assert references(browser.get(LIST, {"status": "approved"}).content.decode()) == ["B-1"]
    html = browser.get(LIST, {"status": "any"}).content.decode()
    assert references(html) == ["B-2", "B-1", "B-0"]
    assert references(browser.get(LIST, {"reference": "B-2"}).content.decode()) == ["B-2"]


def test_a_filter_that_cannot_be_is_said_and_left_out(desk: Desk, alice: User) -> None:
    review = factories.review()
    html = desk(alice).get(LIST, {"status": "eaten"}).content.decode()
    assert references(html) == [review.reference]
    assert "eaten is not one of the available choices" in html


def test_an_empty_queue_and_an_empty_filter_say_different_things(desk: Desk, alice: User) -> None:
    assert "Nothing is waiting" in desk(alice).get(LIST).content.decode()
    assert "No review matches these filters" in desk(alice).get(LIST, {"q": "x"}).content.decode()


def test_start_reviewing_claims_what_is_due_first(
    desk: Desk, queue: ReviewQueue, alice: User, bob: User
) -> None:
    first, second, *_ = many(queue, 3)
    response = desk(alice).post(f"{LIST}next/")
    assert response.status_code == 302
    assert response["Location"] == reverse("review", args=[first.pk])
    assert desk(bob).post(f"{LIST}next/")["Location"] == reverse("review", args=[second.pk])


def test_start_reviewing_keeps_to_the_filter(desk: Desk, queue: ReviewQueue, alice: User) -> None:
    _first, _second, third = many(queue, 3)
    response = desk(alice).post(f"{LIST}next/", {"q": third.reference})
    assert response["Location"] == reverse("review", args=[third.pk])


def test_start_reviewing_with_nothing_left_comes_back_to_the_list(desk: Desk, alice: User) -> None:
    response = desk(alice).post(f"{LIST}next/", {"q": "none"}, follow=True)
    assert response.redirect_chain == [(f"{LIST}?q=none", 302)]
    assert "Nothing is waiting in Manual review." in response.content.decode()


def test_a_viewer_cannot_start_reviewing(desk: Desk, victor: User) -> None:
    response = desk(victor).post(f"{LIST}next/")
    assert response.status_code == 403
    assert "reviewer" in response.content.decode()


@pytest.mark.parametrize(
    ("left", "texts"),
    [
        (timedelta(minutes=3), ("due-critical", "Closing")),
        (timedelta(minutes=10), ("due-soon", "Due soon")),
        (timedelta(minutes=50), ("due-calm", "Due")),
        (timedelta(minutes=-3), ("due-passed", "Passed")),
    ],
)
def test_a_deadline_is_shown_in_words_and_not_by_colour_alone(
    desk: Desk, alice: User, left: timedelta, texts: tuple[str, str]
) -> None:
    review = factories.review()
    ReviewTask.objects.filter(pk=review.pk).update(
        deadline_at=F("sent_at") + left, sent_at=F("sent_at") - timedelta(hours=2)
    )
    html = desk(alice).get(LIST).content.decode()
    assert texts[0] in html
    assert f'<span class="due-word">{texts[1]}</span>' in html


def test_the_orders_own_total_stands_where_the_queue_names_no_field(
    desk: Desk, alice: User
) -> None:
    factories.review()
    html = desk(alice).get(LIST).content.decode()
    assert "EUR 812.50" in html
    assert "Grace Hopper" in html


def test_the_queues_own_fields_win(desk: Desk, queue: ReviewQueue, alice: User) -> None:
    ReviewQueue.objects.filter(pk=queue.pk).update(
        fields=[{"path": "input.items.0.price", "role": "amount"}]
    )
    queue.refresh_from_db()
    factories.review(queue)
    assert "EUR 406.25" in desk(alice).get(LIST).content.decode()
