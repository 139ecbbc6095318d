"""What a form of a decision meets: a claim that ran out or is another's, and a deadline that passed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F
from django.db.models.functions import Now

from approvals.actions import assignment
from approvals.models import AuditEvent, Decision, ReviewTask, User
from tests import factories
from tests.factories import actor
from tests.web.conftest import Desk
from tests.web.pages import at, hidden

pytestmark = pytest.mark.django_db


def run_out(review: ReviewTask, *, swept: bool) -> None:
    """Let the claim on a review run out; `swept`: the worker has dropped it already."""
    ReviewTask.objects.filter(pk=review.pk).update(lease_expires_at=Now() - timedelta(seconds=1))
    if swept:
        assert assignment.end_lease(review.pk)


@pytest.mark.parametrize("swept", [False, True])
def test_a_claim_that_ran_out_is_explained_and_one_button_sends_what_was_typed(
    desk: Desk, alice: User, swept: bool
) -> None:
    review, browser = factories.review(), desk(alice)
    assignment.claim(review.pk, by=actor(alice))
    form = hidden(browser.get(at(review, "reject")))
    run_out(review, swept=swept)

    told = browser.post(at(review, "reject"), form | {"reason": "Card stolen."})

    html = told.content.decode()
    assert told.status_code == 409
    assert "Your claim has run out" in html
    assert "Claim again and reject" in html
    assert "Card stolen." in html
    button = {"reason": "Card stolen.", "claim_again": "yes"}
    assert browser.post(at(review, "reject"), hidden(told) | button).status_code == 302
    assert Decision.objects.get(review=review).reason == "Card stolen."
    kinds = list(AuditEvent.objects.order_by("seq").values_list("kind", flat=True))
    assert kinds.count("review.claimed") == 2


def test_claiming_again_what_another_has_taken_meanwhile_is_refused(
    desk: Desk, alice: User, bob: User
) -> None:
    review, browser = factories.review(), desk(alice)
    assignment.claim(review.pk, by=actor(alice))
    form = hidden(browser.get(at(review, "reject")))
    run_out(review, swept=True)
    told = browser.post(at(review, "reject"), form | {"reason": "Mine"})
    assignment.claim(review.pk, by=actor(bob))

    again = hidden(told) | {"reason": "Mine", "claim_again": "yes"}
    refused = browser.post(at(review, "reject"), again)

    assert refused.status_code in (409, 412)
    assert "Mine" in refused.content.decode()
    assert not Decision.objects.exists()


def test_the_panel_of_a_review_that_another_holds_says_so_before_anything_is_typed(
    desk: Desk, alice: User, bob: User, lena: User
) -> None:
    review = factories.review()
    assignment.claim(review.pk, by=actor(bob))
    panel = desk(alice).get(at(review, "approve"), headers={"HX-Request": "true"})
    html = panel.content.decode()
    assert panel.status_code == 409
    assert "bob@example.com has claimed this review" in html
    assert "<textarea" not in html
    assert "btn-approve" not in html
    leads = desk(lena).get(at(review, "approve")).content.decode()
    assert 'name="override"' in leads


def test_a_deadline_that_passed_takes_the_buttons_away(desk: Desk, alice: User) -> None:
    review, browser = factories.review(), desk(alice)
    form = hidden(browser.get(at(review, "reject")))
    assert "data-deadline" in browser.get(at(review, "reject")).content.decode()
    ReviewTask.objects.filter(pk=review.pk).update(deadline_at=F("sent_at") - timedelta(minutes=1))
    opened = browser.get(at(review, "reject"))
    posted = browser.post(at(review, "reject"), form | {"reason": "Too slow"})
    for response in (opened, posted):
        html = response.content.decode()
        assert response.status_code == 409
        assert "The deadline has passed" in html
        assert "btn-reject" not in html
        assert "The step fails" not in html
    assert "Too slow" in posted.content.decode()


def test_the_panel_counts_down_the_claim_and_its_holder_extends_it(
    desk: Desk, alice: User, bob: User
) -> None:
    review, browser = factories.review(), desk(alice)
    assignment.claim(review.pk, by=actor(alice))
    assert 'id="lease"' in browser.get(at(review, "reject")).content.decode()
    before = ReviewTask.objects.get(pk=review.pk).lease_expires_at
    renewed = browser.post(at(review, "renew"), headers={"HX-Request": "true"})
    after = ReviewTask.objects.get(pk=review.pk).lease_expires_at
    assert before is not None
    assert after is not None
    assert after > before
    assert after.isoformat() in renewed.content.decode()
    assert "<html" not in renewed.content.decode()
    refused = desk(bob).post(at(review, "renew"), headers={"HX-Request": "true"})
    assert refused.status_code == 409
    assert "alice@example.com has claimed this review" in refused.content.decode()
