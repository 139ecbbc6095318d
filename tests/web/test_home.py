"""The first page: what I hold, what waits in my queues, my last decisions, and the search field."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from approvals.actions import assignment, decisions, discussion, people
from approvals.actors import COMMAND_LINE
from approvals.models import ReviewQueue, ReviewTask, User
from approvals.models.choices import Outcome
from approvals.web import home
from approvals.web.home import COUNT_UP_TO
from tests import factories
from tests.factories import actor
from tests.web.conftest import Desk
from tests.web.pages import references
from tests.web.reviews import open_reviews

pytestmark = pytest.mark.django_db


def test_carol_finds_no_review_by_its_reference(desk: Desk, carol: User) -> None:
    review = factories.review()
    page = desk(carol).get("/", {"q": review.reference})
    assert page.status_code == 200
    assert str(review.pk) not in page.content.decode()


LIST = "/queues/manual-review/"


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
    monkeypatch.setattr(home, "COUNT_UP_TO", 3)
    open_reviews(queue, 5)
    assert '<span class="figure">3+</span>' in desk(alice).get("/").content.decode()
    assert COUNT_UP_TO == 100


def test_a_review_due_within_the_hour_is_counted_as_such(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    factories.review(timeoutSeconds=1800)
    factories.review(timeoutSeconds=7200)
    html = desk(alice).get("/").content.decode()
    assert f'<dd class="due-soon"><a href="{LIST}?due=1h">1</a></dd>' in html


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


@pytest.mark.parametrize("wanted", ["ord-8000026", "ORD-8000026", "oRd-8000026"])
def test_the_search_field_jumps_in_any_case(desk: Desk, alice: User, wanted: str) -> None:
    review = factories.review(orderId="ORD-8000026")
    factories.review(orderId="ORD-80000261")
    response = desk(alice).get("/", {"q": wanted})
    assert response["Location"] == reverse("review", args=[review.pk])


def test_the_search_field_jumps_to_an_id_and_to_an_execution(desk: Desk, alice: User) -> None:
    review, _other = factories.review(), factories.review()
    arn = "arn:aws:states:eu-central-1:123456789012:execution:orders:" + "a" * 60
    ReviewTask.objects.filter(pk=review.pk).update(execution_arn=arn)
    for wanted in (str(review.pk), str(review.pk).upper(), arn):
        response = desk(alice).get("/", {"q": wanted})
        assert response["Location"] == reverse("review", args=[review.pk])


def test_the_search_field_finds_whatever_one_knows_of_a_review(
    desk: Desk, alice: User, carol: User
) -> None:
    review, other = factories.review(orderId="S-1"), factories.review(orderId="T-2")
    rows = ReviewTask.objects.filter(pk=review.pk)
    rows.update(amount="1234.50", customer="Grace O'Neill", title="Look", error_name="Fraud")
    ReviewTask.objects.filter(pk=other.pk).update(title="", error_name="")
    discussion.comment(review.pk, "She called about the Card twice.", by=actor(alice))
    start = str(review.pk)[:13]
    for wanted in ("s-", "1234.5", "1,234.50", "o'neill", "LOOK", "frau", "the card"):
        html = desk(alice).get("/", {"q": wanted}).content.decode()
        assert references(html) == ["S-1"], wanted
        assert references(desk(alice).get(LIST, {"q": wanted}).content.decode()) == ["S-1"]
        assert "S-1" not in desk(carol).get("/", {"q": wanted}).content.decode()
    assert "S-1" in references(desk(alice).get("/", {"q": start}).content.decode())


def test_searching_asks_few_questions(desk: Desk, queue: ReviewQueue, alice: User) -> None:
    open_reviews(queue, 30)
    browser = desk(alice)
    for path in ("/", LIST):
        with CaptureQueriesContext(connection) as asked:
            html = browser.get(path, {"q": "M-0"}).content.decode()
        assert len(references(html)) == 25
        assert len(asked) <= 8


def test_the_search_field_lists_what_shares_a_reference(desk: Desk, alice: User) -> None:
    for _ in range(2):
        factories.review(orderId="ORD-78")
    html = desk(alice).get("/", {"q": "ORD-78"}).content.decode()
    assert references(html) == ["ORD-78", "ORD-78"]


@pytest.mark.parametrize("wanted", ["\0", "a\0b", "x" * 3_000, "%", "' OR 1=1 --", "\ud7ff\uffff"])
def test_the_search_field_takes_anything(desk: Desk, alice: User, wanted: str) -> None:
    factories.review()
    for path in ("/", LIST):
        response = desk(alice).get(path, {"q": wanted, "reference": wanted})
        assert response.status_code == 200


def test_the_heir_reads_who_handed_the_review_over(
    desk: Desk, queue: ReviewQueue, alice: User, bob: User
) -> None:
    review = factories.review()
    assignment.claim(review.pk, by=actor(bob))
    assignment.reassign(review.pk, alice, by=actor(bob))
    assert "handed over by <bdi>bob</bdi>" in desk(alice).get("/").content.decode()
    assignment.release(review.pk, by=actor(alice))
    assignment.claim(review.pk, by=actor(alice))
    assert "handed over by" not in desk(alice).get("/").content.decode()


def test_the_first_page_is_eight_statements_whatever_is_on_it(
    desk: Desk,
    queue: ReviewQueue,
    alice: User,
    bob: User,
    django_assert_max_num_queries: Any,
) -> None:
    for review in open_reviews(queue, 4):
        discussion.comment(review.pk, "@alice", by=actor(bob))
        assignment.claim(review.pk, by=actor(alice))
    decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice))
    browser = desk(alice)
    with django_assert_max_num_queries(8):
        html = browser.get("/").content.decode()
    assert html.count("/dismiss/") == 4


def test_an_empty_queue_offers_no_start_and_the_key_starts_the_first_that_is_not(
    desk: Desk, alice: User, queue: ReviewQueue
) -> None:
    browser = desk(alice)
    empty = browser.get("/").content.decode()
    assert "none is waiting" in empty
    assert "Nothing is waiting." in empty
    assert "Start reviewing</button>" not in empty

    other = factories.queue("zebra")
    people.grant(alice, other.slug, "reviewer", by=COMMAND_LINE)
    factories.review(other)
    page = browser.get("/").content.decode()
    assert page.count('data-key="m"') == 1
    assert 'data-key="m"' in page.partition("/queues/zebra/next/")[2][:400]


def test_only_the_latest_decision_names_the_key_that_undoes_it(
    desk: Desk, alice: User, queue: ReviewQueue
) -> None:
    for review in (factories.review(queue), factories.review(queue)):
        decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice))
    page = desk(alice).get("/").content.decode()
    assert page.count("Undo") == 2
    assert page.count('data-key="z"') == 1


def test_queues_come_by_the_help_they_need_each_with_its_action(
    desk: Desk, queue: ReviewQueue, alice: User, bob: User
) -> None:
    mine = {"alpha": "reviewer", "beta": "reviewer", "gamma": "reviewer", "delta": "viewer"}
    queues = {slug: factories.queue(slug, name=slug) for slug in mine}
    for slug, role in mine.items():
        people.grant(alice, slug, role, by=COMMAND_LINE)
    people.grant(bob, "alpha", "reviewer", by=COMMAND_LINE)
    held = factories.review(queues["alpha"], timeoutSeconds=600)
    assignment.claim(held.pk, by=actor(bob))  # due, but in good hands
    factories.review(queues["beta"], timeoutSeconds=7_200)
    factories.review(queues["gamma"], timeoutSeconds=1_800)
    factories.review(queues["delta"], timeoutSeconds=60)
    html = desk(alice).get("/").content.decode()
    found = re.findall(r'<h3><a href="/queues/([a-z-]+)/"', html)
    assert found == ["gamma", "beta", "delta", "alpha", queue.slug]
    for action in ("?due=1h", "?assignee=nobody", "?sort=arrival"):
        assert f'href="/queues/gamma/{action}"' in html
    assert 'href="/queues/alpha/?assignee=nobody"' not in html
    assert html.index('data-key="m"') < html.index("/queues/beta/next/")


def test_twenty_queues_are_six_cards_and_a_list_in_the_same_order(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    for number in range(19):
        one = factories.queue(f"q-{number:02}", name=f"Queue {number:02}")
        people.grant(alice, one.slug, "reviewer", by=COMMAND_LINE)
        factories.review(one, timeoutSeconds=60 * (number + 1) if number % 2 else 86_400)
    browser = desk(alice)
    with CaptureQueriesContext(connection) as asked:
        html = browser.get("/").content.decode()
    assert len(asked) <= 8
    assert html.count('class="queue-card"') == 6
    assert html.count('class="queue-row"') == 14
    found = re.findall(r'<h3><a href="/queues/([a-z0-9-]+)/"', html)
    due = [f"q-{number:02}" for number in range(1, 19, 2)]
    assert sorted(found[:9]) == due
    assert found[-1] == queue.slug
