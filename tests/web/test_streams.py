"""Reviewing one after the other: what comes next, and what is said once nothing does."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from approvals.actions import assignment
from approvals.models import ReviewQueue, ReviewTask, User
from tests import factories
from tests.factories import actor
from tests.web.conftest import Desk
from tests.web.pages import at, hidden
from tests.web.reviews import open_reviews

pytestmark = pytest.mark.django_db
START = "/queues/manual-review/next/"


def held(by: User) -> list[str]:
    """The references of the reviews that this person holds."""
    return sorted(ReviewTask.objects.held_by(by).values_list("reference", flat=True))


def decide(browser: Client, address: str, action: str = "approve", **fields: str) -> Any:
    """Decide the review of this page, in its stream; returns the next page."""
    path, _, query = address.partition("?")
    panel = f"{path}{action}/?{query}"
    return browser.post(panel, hidden(browser.get(panel)) | fields, follow=True)


def test_a_decision_opens_the_next_review_of_the_filter_claimed(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    for number, name in enumerate(("Ada", "Bob", "Ada", "Ada")):
        factories.review(queue, orderId=f"{name}-{number}", timeoutSeconds=4000 + number)
    browser = desk(alice)
    first = browser.post(START, {"q": "Ada"})["Location"]
    assert held(alice) == ["Ada-0"]

    page = decide(browser, first)

    assert held(alice) == ["Ada-2"]
    ((address, status),) = page.redirect_chain
    review = ReviewTask.objects.get(reference="Ada-2")
    assert (address, status) == (f"{at(review)}?stream=q%3DAda", 302)
    html = page.content.decode()
    assert "Approved Ada-0." in html
    assert re.search(r'data-key="z"[^>]*>.*Undo', html, re.DOTALL)
    assert re.search(r'<h2 class="signing-word" tabindex="-1" autofocus>', html)


def test_a_decision_on_a_review_that_was_opened_by_itself_stays_there(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    review, _other = open_reviews(queue, 2)
    page = decide(desk(alice), at(review))
    assert page.redirect_chain == [(at(review), 302)]
    assert held(alice) == []


def test_the_rows_of_an_open_list_lead_into_its_stream(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    review = factories.review(queue)
    browser = desk(alice)
    plain = browser.get("/queues/manual-review/").content.decode()
    filtered = browser.get("/queues/manual-review/", {"q": "ORD"}).content.decode()
    closed = browser.get("/queues/manual-review/", {"status": "any"}).content.decode()
    assert f'href="{at(review)}?stream="' in plain
    assert f'href="{at(review)}?stream=q%3DORD"' in filtered
    assert f'href="{at(review)}"' in closed


def test_start_reviewing_resumes_what_i_hold_and_claims_no_more(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    _first, second, _third = open_reviews(queue, 3)
    assignment.claim(second.pk, by=actor(alice))
    browser = desk(alice)
    before = ReviewTask.objects.get(pk=second.pk)

    for _ in range(2):
        assert browser.post(START)["Location"] == f"{at(second)}?stream="

    assert held(alice) == [second.reference]
    after = ReviewTask.objects.get(pk=second.pk)
    assert before.lease_expires_at is not None
    assert after.lease_expires_at is not None
    assert after.lease_expires_at > before.lease_expires_at
    assert after.lease_id == before.lease_id


def test_the_highest_priority_comes_first_then_the_earliest_deadline(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    for name, priority, seconds in (("late", 0, 9000), ("soon", 0, 3000), ("urgent", 5, 9000)):
        factories.review(queue, orderId=name, priority=priority, timeoutSeconds=seconds)
    browser = desk(alice)
    address, order = browser.post(START)["Location"], []
    for _ in range(3):
        order += held(alice)
        address = decide(browser, address).redirect_chain[0][0]
    assert order == ["urgent", "soon", "late"]


def test_a_clear_queue_says_what_was_done(desk: Desk, queue: ReviewQueue, alice: User) -> None:
    open_reviews(queue, 2)
    browser = desk(alice)
    second = decide(browser, browser.post(START)["Location"]).redirect_chain[0][0]

    page = decide(browser, second, "reject", reason="No.")

    assert page.redirect_chain == [("/queues/manual-review/", 302)]
    html = page.content.decode()
    assert re.search(r"Queue clear: 2 decided, median time \d+ s\.", html)
    assert "Rejected M-000." in html
    assert "Undo" in html


def test_an_undo_in_the_stream_stays_in_it(desk: Desk, queue: ReviewQueue, alice: User) -> None:
    first, _second = open_reviews(queue, 2)
    browser = desk(alice)
    html = decide(browser, browser.post(START)["Location"]).content.decode()
    undo = re.search(r'action="(/decisions/[^"]+)"', html)
    assert undo is not None
    assert browser.post(undo[1])["Location"] == f"{at(first)}?stream="
    first.refresh_from_db()
    assert first.status == "pending"


def test_beside_the_list_a_review_has_no_frame_and_its_actions_stay_there(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    review, browser = factories.review(queue), desk(alice)
    beside = {"HX-Request": "true", "HX-Target": "pane"}
    html = browser.get(f"{at(review)}?stream=q%3Dx&split=1", headers=beside).content.decode()
    assert "<html" not in html
    assert "<h2><bdi>" in html  # the page around it has the first heading
    assert "<h1" not in html
    assert 'id="pane-news"' in html
    for action in ("approve", "claim", "skip"):
        assert f'{at(review, action)}?stream=q%3Dx&amp;split=1"' in html
    assert f'href="{at(review)}?stream=q%3Dx" data-pane-whole' in html


def test_a_browser_is_sent_to_the_list_with_the_review_beside_it(
    desk: Desk, queue: ReviewQueue, alice: User, carol: User
) -> None:
    review, browser = factories.review(queue), desk(alice)
    sent = browser.get(f"{at(review)}?stream=sort%3Damount&split=1")
    assert sent["Location"] == f"/queues/manual-review/?sort=amount&open={review.pk}"
    assert browser.get(f"{at(review)}?split=1")["Location"].endswith(f"/?open={review.pk}")
    assert desk(carol).get(f"{at(review)}?split=1").status_code == 404
    claimed = browser.post(f"{at(review, 'claim')}?stream=&split=1")
    assert claimed["Location"] == f"{at(review)}?stream=&split=1"
    released = browser.post(f"{at(review, 'release')}?stream=&split=1")
    assert released["Location"] == f"{at(review)}?stream=&split=1"


def test_the_next_review_opens_beside_the_list_too(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    first, second = open_reviews(queue, 2)
    browser = desk(alice)
    answer = decide(browser, f"{at(first)}?stream=&split=1")
    assert [url for url, _ in answer.redirect_chain] == [
        f"{at(second)}?stream=&split=1",
        f"/queues/manual-review/?open={second.pk}",
    ]
