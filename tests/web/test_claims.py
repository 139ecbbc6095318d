"""Claims on the desk: claim, extend, release, take over, hand over, and what a viewer is offered."""

from __future__ import annotations

import pytest

from approvals.actions import assignment
from approvals.models import ReviewQueue, User
from tests import factories
from tests.factories import actor
from tests.web.conftest import Desk
from tests.web.pages import at, text
from tests.web.reviews import open_reviews

pytestmark = pytest.mark.django_db


def test_one_claims_renews_and_releases(desk: Desk, alice: User) -> None:
    review, browser = factories.review(), desk(alice)
    assert browser.post(at(review, "claim"))["Location"] == at(review)
    assert "Yours to decide" in browser.get(at(review)).content.decode()
    assert "Claimed" in browser.get(at(review)).content.decode()
    browser.post(at(review, "renew"))
    html = browser.post(at(review, "release"), follow=True).content.decode()
    assert "is back in the queue." in html
    assert "Waiting for a decision" in html


def test_anothers_claim_is_a_conflict_that_says_who(desk: Desk, alice: User, bob: User) -> None:
    review = factories.review()
    assignment.claim(review.pk, by=actor(bob))
    for action in ("claim", "release", "renew"):
        response = desk(alice).post(at(review, action))
        assert response.status_code == 409
        assert "bob@example.com has claimed this review" in response.content.decode()
    html = text(desk, alice, review)
    assert "bob</bdi> is working on it" in html
    assert at(review, "approve") not in html


def test_a_lead_takes_over(desk: Desk, bob: User, lena: User) -> None:
    review = factories.review()
    assignment.claim(review.pk, by=actor(bob))
    assert "Take it over" in text(desk, lena, review)
    desk(lena).post(at(review, "claim"), {"override": "yes"})
    review.refresh_from_db()
    assert review.assignee == lena
    assert "Taken over from bob@example.com" in text(desk, lena, review)


def test_a_reviewer_cannot_take_over_by_a_tampered_form(desk: Desk, alice: User, bob: User) -> None:
    review = factories.review()
    assignment.claim(review.pk, by=actor(bob))
    response = desk(alice).post(at(review, "claim"), {"override": "yes"})
    assert response.status_code == 403
    assert "the role lead" in response.content.decode()


def test_a_viewer_sees_everything_and_why_not_more(desk: Desk, victor: User) -> None:
    review = factories.review()
    html = text(desk, victor, review)
    assert "This needs the role reviewer in Manual review; ask a lead of that queue." in html
    assert at(review, "claim") not in html
    assert at(review, "approve") not in html
    for action in ("claim", "renew", "release", "approve", "reject"):
        assert desk(victor).post(at(review, action)).status_code == 403
    assert desk(victor).get(at(review, "approve")).status_code == 403


def test_a_holder_hands_their_review_to_a_colleague(desk: Desk, alice: User, bob: User) -> None:
    review = assignment.claim(factories.review().pk, by=actor(alice))
    html = desk(alice).get(at(review)).content.decode()
    assert f'<option value="{bob.email}">' in html
    desk(alice).post(at(review, "reassign"), {"to": bob.email})
    review.refresh_from_db()
    assert review.assignee == bob
    html = desk(bob).get(at(review)).content.decode()
    assert "Yours to decide" in html
    assert "Handed to bob@example.com" in html


def test_a_lead_hands_out_what_another_holds(
    desk: Desk, alice: User, bob: User, lena: User
) -> None:
    review = assignment.claim(factories.review().pk, by=actor(alice))
    assert desk(bob).post(at(review, "reassign"), {"to": bob.email}).status_code == 403
    desk(lena).post(at(review, "reassign"), {"to": bob.email})
    review.refresh_from_db()
    assert review.assignee == bob


def test_nobody_is_handed_what_they_may_not_decide(
    desk: Desk, alice: User, victor: User, carol: User
) -> None:
    review = assignment.claim(factories.review().pk, by=actor(alice))
    gone = factories.user("gone@example.com", "reviewer")
    User.objects.filter(pk=gone.pk).update(is_active=False)
    for person in (victor.email, carol.email, gone.email, "nobody@example.com", ""):
        assert desk(alice).post(at(review, "reassign"), {"to": person}).status_code == 422
    review.refresh_from_db()
    assert review.assignee == alice


def test_in_a_list_the_row_alone_is_answered(desk: Desk, alice: User, bob: User) -> None:
    review, browser = factories.review(), desk(alice)
    headers = {"HX-Request": "true", "HX-Target": "row"}
    for action, holder in (("claim", "<span>you</span>"), ("release", "nobody")):
        html = browser.post(at(review, action), headers=headers).content.decode()
        assert html.count('<li class="line">') == 1
        assert holder in html.partition("line-holder")[2]
        assert "<h1" not in html
    assert "is back in the queue" not in browser.get("/").content.decode()
    assignment.claim(review.pk, by=actor(bob))
    refused = browser.post(at(review, "claim"), headers=headers)
    assert refused.status_code == 409
    assert 'class="problem"' in refused.content.decode()


def test_in_a_stream_the_next_review_follows_one_that_was_handed_over(
    desk: Desk, queue: ReviewQueue, alice: User, bob: User
) -> None:
    first, second = open_reviews(queue, 2)
    browser = desk(alice)
    assignment.claim(first.pk, by=actor(alice))
    handed = browser.post(f"{at(first, 'reassign')}?stream=", {"to": bob.email})
    assert handed["Location"] == f"{at(second)}?stream="
    assert "bob has it now." in browser.get(handed["Location"]).content.decode()
    assert browser.post(at(second, "reassign"), {"to": bob.email})["Location"] == at(second)


def test_handing_a_review_to_oneself_says_you_have_it(
    desk: Desk, queue: ReviewQueue, bob: User, lena: User
) -> None:
    review = factories.review(queue)
    assignment.claim(review.pk, by=actor(bob))
    handed = desk(lena).post(at(review, "reassign"), {"to": lena.email}, follow=True)
    assert "You have it now." in handed.content.decode()
