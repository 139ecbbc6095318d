"""Lists of reviews: their filters, and what one row shows."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from approvals.actions import assignment, decisions
from approvals.models import ReviewQueue, ReviewTask, User
from approvals.models.choices import Outcome
from approvals.web import list_filters, pagination
from tests import factories
from tests.factories import actor
from tests.web.conftest import Desk
from tests.web.pages import references
from tests.web.reviews import open_reviews

pytestmark = pytest.mark.django_db
LIST = "/queues/manual-review/"


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


def test_an_invalid_filter_is_reported_and_left_out(desk: Desk, alice: User) -> None:
    review = factories.review()
    html = desk(alice).get(LIST, {"status": "eaten"}).content.decode()
    assert references(html) == [review.reference]
    assert "eaten is not one of the available choices" in html


def test_an_invalid_status_leaves_the_list_of_open_reviews(desk: Desk, alice: User) -> None:
    open_one, decided = factories.review(), factories.review()
    decisions.decide(decided.pk, Outcome.APPROVED, by=actor(alice))
    for query in ({"status": "eaten"}, {"status": "eaten", "q": "ORD"}):
        html = desk(alice).get(LIST, query).content.decode()
        assert "1 open review" in html
        assert references(html) == [open_one.reference]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        *(({"amount_from": "100"}, ["C-1", "C-2"]), ({"amount_to": "99.5"}, ["C-0"])),
        *(({"amount_from": "0"}, ["C-0", "C-1", "C-2"]), ({"error": "Fraud"}, ["C-1"])),
        *(({"customer": "Ada"}, ["C-2"]), ({"priority": "1"}, ["C-0"])),
        *(({"due": "15m"}, ["C-3"]), ({"age": "1h"}, ["C-2"]), ({"snoozed": "yes"}, ["C-1"])),
        *(({"snoozed": "no"}, ["C-0", "C-2", "C-3"]), ({"escalated": "yes"}, ["C-3"])),
        *(({"escalated": "no"}, ["C-0", "C-1", "C-2"]), ({"status": "unproved"}, ["C-4"])),
    ],
)
def test_each_filter_leaves_what_it_says_and_is_a_chip_that_can_be_taken_off(
    desk: Desk, queue: ReviewQueue, alice: User, query: dict[str, str], found: list[str]
) -> None:
    reviews = [factories.review(orderId=f"C-{number}") for number in range(5)]
    change = [ReviewTask.objects.filter(pk=review.pk).update for review in reviews]
    change[0](amount="99.5", priority=2)
    change[1](amount=100, error_name="Fraud", snoozed_until=Now() + timedelta(hours=1))
    change[2](amount="1e3", customer="Ada", received_at=Now() - timedelta(hours=2))
    change[3](deadline_at=Now() + timedelta(minutes=10), escalated_to=queue)
    change[4](status="unproved")
    html = desk(alice).get(LIST, query).content.decode()
    listed = html[html.index('aria-label="Reviews"') :]
    assert sorted(references(listed)) == found
    assert html.count('class="chip"') == 1
    assert f'<a class="chip" href="{LIST}">' in html


@pytest.mark.parametrize("name", ["priority", "amount_from", "amount_to", "q"])
@pytest.mark.parametrize(
    "number",
    ["1E-20000", "0E-20000", "-0E-20000", "0E20000", "1E20000", "NaN", "sNaN1", "Infinity"],
)
def test_a_number_of_any_exponent_makes_no_long_page_and_no_error(
    desk: Desk, queue: ReviewQueue, alice: User, name: str, number: str
) -> None:
    response = desk(alice).get(LIST, {name: number})
    assert response.status_code == 200
    assert len(response.content) < 30_000


@pytest.mark.parametrize(
    ("sort", "found"),
    [
        *(("deadline", "0123"), ("-deadline", "3210"), ("arrival", "1023"), ("-arrival", "3201")),
        *(("priority", "2013"), ("amount", "3102")),
    ],
)
def test_each_order_pages_by_key_there_and_back(
    desk: Desk,
    queue: ReviewQueue,
    alice: User,
    sort: str,
    found: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pagination, "PAGE_SIZE", 1)
    reviews = [factories.review(orderId=f"D-{n}", timeoutSeconds=9_000 + n) for n in range(4)]
    change = [ReviewTask.objects.filter(pk=review.pk).update for review in reviews]
    change[0](amount=None)
    change[1](amount="2.5", received_at=Now() - timedelta(hours=2))
    change[2](amount=-7, priority=5)
    change[3](amount="999999999999.9999")
    if sort == "amount":
        change[0](amount=0)
        change[2](amount=None)
    browser, url = desk(alice), f"{LIST}?sort={sort}"
    seen: list[str] = []
    before: list[str] = []
    for _ in range(9):
        html = browser.get(url).content.decode()
        (seen if len(seen) < 4 else before).extend(references(html))
        way = "next" if len(seen) < 4 else "prev"
        link = re.search(rf'rel="{way}" href="([^"]+)"', html)
        if link is None:
            break
        url = LIST + link[1].replace("&amp;", "&")
    assert [reference.removeprefix("D-") for reference in seen] == list(found)
    assert [reference.removeprefix("D-") for reference in before] == list(found)[-2::-1]


def test_the_heads_of_columns_sort_and_turn_the_order(desk: Desk, alice: User) -> None:
    factories.review()
    html = desk(alice).get(LIST, {"assignee": "nobody"}).content.decode()
    assert 'href="?assignee=nobody&amp;sort=-deadline">Deadline' in html
    assert 'href="?assignee=nobody&amp;sort=amount">Amount' in html
    assert "sorted, ascending" in html
    assert 'class="chip"' in html
    html = desk(alice).get(LIST, {"status": "approved", "sort": "amount"}).content.decode()
    assert "No review matches" in html


def test_closed_reviews_of_every_status_can_be_sorted_too(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    first, second, third = (
        factories.review(orderId=f"E-{n}", timeoutSeconds=9_000 + n) for n in range(3)
    )
    decisions.decide(second.pk, Outcome.APPROVED, by=actor(alice))
    ReviewTask.objects.filter(pk=first.pk).update(status="expired")
    ReviewTask.objects.filter(pk=third.pk).update(priority=3)
    browser = desk(alice)
    for sort, found in (("deadline", "012"), ("-deadline", "210"), ("priority", "201")):
        html = browser.get(LIST, {"status": "any", "sort": sort}).content.decode()
        assert references(html) == [f"E-{n}" for n in found]


@pytest.mark.parametrize(
    "query",
    [
        *({"amount_from": "1e999999999"}, {"amount_to": "NaN"}, {"priority": "99999999999"}),
        *({"amount_from": "-1e12"}, {"due": "\0"}, {"sort": "id"}, {"customer": "a\0b"}),
    ],
)
def test_a_filter_out_of_bounds_is_reported_and_left_out(
    desk: Desk, alice: User, query: dict[str, str]
) -> None:
    review = factories.review()
    answer = desk(alice).get(LIST, query)
    assert answer.status_code == 200
    assert references(answer.content.decode()) == [review.reference]
    assert 'role="alert"' in answer.content.decode()


def test_the_number_of_reviews_is_counted_up_to_a_limit(
    desk: Desk, queue: ReviewQueue, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_reviews(queue, 3)
    assert "3 open reviews." in desk(alice).get(LIST).content.decode()
    monkeypatch.setattr(list_filters, "COUNT_UP_TO", 2)
    assert "2+ open reviews" in desk(alice).get(LIST).content.decode()
    assert "2+ open reviews" in desk(alice).get(f"{LIST}?q=m-0").content.decode()
    monkeypatch.setattr(pagination, "PAGE_SIZE", 2)  # more than a page: a statement counts them
    for query in ("", "?q=m-0"):
        assert "2+ open reviews" in desk(alice).get(LIST + query).content.decode()
    monkeypatch.setattr(list_filters, "COUNT_UP_TO", 3)
    for query in ("", "?q=m-0", "?q=m-0&status=any"):
        answer = desk(alice).get(LIST + query).content.decode()
        assert "3 open reviews" in answer or "3 reviews" in answer


def test_the_form_shows_the_filters_of_its_own_request(desk: Desk, alice: User) -> None:
    browser = desk(alice)
    asked: list[dict[str, str]] = [{}, {"q": "a<b", "due": "1h"}, {"q": "  "}, {}]
    forms = [browser.get(LIST, query).content.decode() for query in asked]
    plain, filtered, blank, again = (html.split('<form class="filters ')[1].split("</form>")[0]
                                     for html in forms)  # fmt: skip
    assert plain == again
    assert 'value="a&lt;b"' in filtered
    assert '<option value="1h" selected>' in filtered
    assert '<details class="filters-more" open>' in filtered
    assert 'value="  "' in blank
    assert '<details class="filters-more">' in plain
