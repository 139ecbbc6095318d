"""Skip, snooze and escalate on the desk: with and without a stream, as forms, and what lists show then."""

from __future__ import annotations

import re

import pytest

from approvals.actions import assignment, escalation
from approvals.models import ReviewQueue, ReviewTask, User
from approvals.web import queues
from tests import factories
from tests.factories import actor
from tests.web.conftest import Desk
from tests.web.pages import at, references, text
from tests.web.reviews import open_reviews
from tests.web.test_streams import START, held

pytestmark = pytest.mark.django_db
LIST = "/queues/manual-review/"


def test_skipping_opens_the_next_and_a_new_start_offers_what_was_skipped(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    first, second = open_reviews(queue, 2)
    browser = desk(alice)
    browser.post(START)
    onward = browser.post(f"{at(first, 'skip')}?stream=")
    assert onward["Location"] == f"{at(second)}?stream="
    assert held(alice) == [second.reference]

    clear = browser.post(f"{at(second, 'skip')}?stream=", follow=True)

    assert clear.redirect_chain == [(LIST, 302)]
    assert "Nothing is waiting for you" in clear.content.decode()
    assert browser.post(START)["Location"] == f"{at(first)}?stream="


def test_a_skip_outside_of_a_stream_leads_to_the_list(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    review = factories.review(queue)
    response = desk(alice).post(at(review, "skip"), follow=True)
    assert response.redirect_chain == [(LIST, 302)]
    assert f"Skipped {review.reference}." in response.content.decode()


def test_snoozing_offers_times_before_the_deadline_alone(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    review = factories.review(queue, timeoutSeconds=7200)
    browser = desk(alice)
    html = browser.get(at(review, "snooze")).content.decode()
    assert 'value="15"' in html
    assert 'value="60"' in html
    assert 'value="240"' not in html
    assert browser.post(at(review, "snooze"), {"minutes": "240"}).status_code == 422
    assert browser.post(at(review, "snooze"), {"minutes": "7"}).status_code == 422

    assert browser.post(at(review, "snooze"), {"minutes": "15"}).status_code == 302

    assert "Snoozed until" in text(desk, alice, review)
    assert references(browser.get(LIST).content.decode()) == [review.reference]
    assert browser.post(START)["Location"] == LIST
    browser.post(at(review, "snooze"), {"minutes": "0"})
    assert browser.post(START)["Location"] == f"{at(review)}?stream="


@pytest.mark.parametrize(
    ("seconds", "offered"),
    [
        (600, []),
        (3_000, ["15"]),
        (7_200, ["15", "60"]),
        (14_400, ["15", "60", "120"]),
        (30_000, ["15", "60", "120", "240", "480"]),
        (86_400, ["15", "60", "120", "240", "480"]),
        (90_000, ["15", "60", "120", "240", "480", "1440"]),
    ],
)
def test_a_snooze_is_offered_in_steps_up_to_the_deadline(
    desk: Desk, queue: ReviewQueue, alice: User, seconds: int, offered: list[str]
) -> None:
    review = factories.review(queue, timeoutSeconds=seconds)
    panel = desk(alice).get(at(review, "snooze")).content.decode()
    assert re.findall(r'name="minutes" value="(\d+)"', panel) == offered
    assert ("too near to snooze" in panel) == (not offered)


def test_an_escalated_review_comes_to_the_others_first(
    desk: Desk, queue: ReviewQueue, alice: User, lena: User
) -> None:
    urgent, review = open_reviews(queue, 2)
    browser = desk(alice)
    panel = browser.get(at(review, "escalate"), headers={"HX-Request": "true"}).content.decode()
    assert "the leads of Manual review" in panel
    assert browser.post(at(review, "escalate"), {"reason": " "}).status_code == 422
    done = browser.post(at(review, "escalate"), {"reason": "Above my limit."}, follow=True)
    assert "to the leads of Manual review." in done.content.decode()

    html = text(desk, alice, review)
    assert "It was escalated to the leads of Manual review, who decide it." in html
    assert at(review, "approve") not in html
    assert "Escalated to you" not in browser.get("/").content.decode()
    leads = desk(lena)
    assert "Escalated to you" in leads.get("/").content.decode()
    assert "Above my limit." in text(desk, lena, review)
    assert leads.post(START)["Location"] == f"{at(review)}?stream="
    assert urgent.reference in leads.get(LIST).content.decode()


def test_what_was_escalated_to_the_leads_stands_in_their_list_once(
    desk: Desk, queue: ReviewQueue, alice: User, lena: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = open_reviews(queue, 3)
    escalation.escalate(second.pk, "Above my limit.", by=actor(alice))
    browser = desk(lena)

    page = browser.get(LIST).content.decode()
    assert references(page) == [second.reference, first.reference, third.reference]
    assert "3 open reviews" in page
    assert page.count('name="review" value=') == 3, "each can be chosen to be decided with others"
    found = browser.get(LIST, {"escalated": "yes"}).content.decode()
    assert references(found) == [second.reference]
    assert "Escalated to" not in found
    assert references(browser.get(LIST, {"escalated": "no"}).content.decode()) == [
        first.reference,
        third.reference,
    ]
    refunds = factories.queue("refunds")
    other = factories.review(refunds)
    ReviewTask.objects.filter(pk=other.pk).update(escalated_to=queue)
    page = browser.get(LIST).content.decode()
    assert sorted(references(page)[:2]) == sorted([second.reference, other.reference])
    assert page.count('name="review" value=') == 3
    assert f'name="review" value="{other.pk}"' not in page, "it is decided with those of its queue"
    ReviewTask.objects.filter(pk=other.pk).update(escalated_to=None)
    monkeypatch.setattr(queues, "PAGE_SIZE", 2)
    assert references(browser.get(LIST).content.decode()) == [second.reference, first.reference]

    for review in (first, third):
        escalation.escalate(review.pk, "These too.", by=actor(alice))
    page = browser.get(LIST).content.decode()
    assert sorted(references(page)) == sorted(each.reference for each in (first, second, third))
    assert "Nothing is waiting" not in page
    assert 'aria-label="Reviews"' not in page


def test_the_people_of_another_queue_find_it_on_theirs(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    board = factories.queue("board", name="Board")
    dora = factories.user("dora@example.com", "reviewer", board)
    ReviewQueue.objects.filter(pk=queue.pk).update(escalate_to=board)
    review = factories.review(queue)
    escalation.escalate(review.pk, "For the board.", by=actor(alice))
    browser = desk(dora)
    html = browser.get("/queues/board/").content.decode()
    assert "Escalated to Board" in html
    assert references(html) == [review.reference]
    assert browser.post("/queues/board/next/")["Location"] == f"{at(review)}?stream="
    html = text(desk, dora, review)
    assert "Yours to decide" in html
    assert 'href="/queues/board/"' in html
    assert "/queues/manual-review/" not in html
    done = browser.post(f"{at(review, 'approve')}?stream=", follow=True)
    assert done.redirect_chain == [("/queues/board/", 302)]
    assert "Queue clear: 1 decided" in done.content.decode()
    assert 'action="/queues/board/next/"' in text(desk, dora, review)
    assert ReviewTask.objects.get(pk=review.pk).status == "approved"


def test_what_they_skip_or_snooze_leads_on_in_their_queue_and_the_pane_closes_to_its_list(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    board = factories.queue("board", name="Board")
    dora = factories.user("dora@example.com", "reviewer", board)
    ReviewQueue.objects.filter(pk=queue.pk).update(escalate_to=board)
    first, second = open_reviews(queue, 2)
    for review in (first, second):
        escalation.escalate(review.pk, "For the board.", by=actor(alice))
    browser = desk(dora)
    pane = browser.get(at(first), headers={"HX-Request": "true", "HX-Target": "pane"})
    assert 'href="/queues/board/" data-pane-close' in pane.content.decode()
    browser.post("/queues/board/next/")
    assert browser.post(f"{at(first, 'skip')}?stream=")["Location"] == f"{at(second)}?stream="
    clear = browser.post(f"{at(second, 'snooze')}?stream=", {"minutes": "15"}, follow=True)
    assert clear.redirect_chain == [("/queues/board/", 302)]
    assert browser.post(at(first, "skip"))["Location"] == "/queues/board/"


@pytest.mark.parametrize("verb", ["approve", "reject", "snooze", "escalate"])
def test_the_page_of_a_form_names_the_error_once(
    desk: Desk, queue: ReviewQueue, alice: User, verb: str
) -> None:
    review = factories.review(queue, title="Order 1: Late", error={"Error": "Late", "Cause": "x"})
    page = desk(alice).get(at(review, verb)).content.decode().partition("<main")[2]
    assert page.count("Late") == 1


@pytest.mark.parametrize("action", ["snooze", "escalate"])
def test_what_another_holds_is_not_deferred_and_the_panel_says_why(
    desk: Desk, queue: ReviewQueue, alice: User, bob: User, lena: User, action: str
) -> None:
    review = factories.review(queue)
    assignment.claim(review.pk, by=actor(bob))
    fields = {"minutes": "15", "reason": "Mine."}
    response = desk(alice).post(at(review, action), fields, headers={"HX-Request": "true"})
    assert response.status_code == 409
    assert "bob@example.com has claimed this review" in response.content.decode()
    assert desk(alice).post(at(review, "skip")).status_code == 409


def test_a_viewer_defers_nothing(desk: Desk, queue: ReviewQueue, victor: User) -> None:
    review = factories.review(queue)
    browser = desk(victor)
    for action in ("snooze", "escalate"):
        assert browser.get(at(review, action)).status_code == 403
    assert browser.post(at(review, "skip")).status_code == 403
