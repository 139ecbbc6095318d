"""Approve, reject and undo on the desk: what is recorded, what is refused, and that no text is lost."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client

from approvals.actions import assignment, decisions, queues
from approvals.actors import COMMAND_LINE
from approvals.gateways.errors import Answer, Proof
from approvals.models import (
    Decision,
    ReviewQueue,
    ReviewTask,
    User,
)
from approvals.models.choices import Outcome
from tests import factories
from tests.factories import actor
from tests.web.conftest import Desk
from tests.web.deliveries import settle
from tests.web.pages import at, hidden, text

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def decide(browser: Client, review: ReviewTask, action: str, **fields: str) -> Any:
    """Open the form, fill it in, and submit it."""
    page = browser.get(at(review, action))
    assert page.status_code == 200
    return browser.post(at(review, action), hidden(page) | fields)


def test_an_approval_is_recorded_with_its_note_and_surface(desk: Desk, alice: User) -> None:
    review = factories.review()
    response = decide(desk(alice), review, "approve", reason="Called them.\r\nAll well.")
    assert response.status_code == 302
    assert response["Location"] == at(review)
    decision = Decision.objects.get(review=review)
    assert (decision.outcome, decision.by, decision.surface) == ("approved", alice, "web")
    assert decision.reason == "Called them.\nAll well."
    assert decision.signed_in == "password"


def test_a_rejection_needs_no_reason_and_says_so(desk: Desk, alice: User) -> None:
    review = factories.review()
    assert "No reason given" in desk(alice).get(at(review, "reject")).content.decode()
    decide(desk(alice), review, "reject")
    assert Decision.objects.get(review=review).outcome == "rejected"
    assert "No reason given." in text(desk, alice, review)


def test_the_form_explains_a_rejection_by_the_queues_settings(
    desk: Desk, alice: User, queue: ReviewQueue
) -> None:
    review = factories.review()
    url = at(review, "reject")
    assert "fails with the error ReviewRejected" in desk(alice).get(url).content.decode()
    ReviewQueue.objects.filter(pk=queue.pk).update(reject_as="result")
    assert "with the result “rejected”" in desk(alice).get(url).content.decode()


def test_htmx_gets_the_form_alone_and_is_sent_to_the_review_after_it(
    desk: Desk, alice: User
) -> None:
    review, browser = factories.review(), desk(alice)
    panel = browser.get(at(review, "reject"), headers=HTMX)
    assert "<html" not in panel.content.decode()
    done = browser.post(at(review, "reject"), hidden(panel) | {"reason": "No"}, headers=HTMX)
    assert done.status_code == 200
    assert done["HX-Redirect"] == at(review)


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_the_slower_one_reads_who_decided_and_keeps_the_text(
    desk: Desk, alice: User, bob: User, headers: dict[str, str]
) -> None:
    review, browser = factories.review(), desk(alice)
    form = hidden(browser.get(at(review, "reject")))
    decisions.decide(review.pk, Outcome.APPROVED, by=actor(bob))
    response = browser.post(
        at(review, "reject"), form | {"reason": "A long <b>thought</b>"}, headers=headers
    )
    html = response.content.decode()
    assert response.status_code == 409
    assert "bob@example.com was faster" in html
    assert "The first decision counts; yours was not recorded." in html
    assert "A long &lt;b&gt;thought&lt;/b&gt;" in html
    assert Decision.objects.get(review=review).by == bob


def test_the_second_click_of_one_person_does_no_harm(desk: Desk, alice: User) -> None:
    review, browser = factories.review(), desk(alice)
    form = hidden(browser.get(at(review, "approve")))
    browser.post(at(review, "approve"), form)
    response = browser.post(at(review, "approve"), form)
    assert response.status_code == 409
    assert "You have decided this already" in response.content.decode()
    assert Decision.objects.filter(review=review).count() == 1


def test_anothers_claim_refuses_a_decision_and_keeps_the_text(
    desk: Desk, alice: User, bob: User
) -> None:
    review, browser = factories.review(), desk(alice)
    assignment.claim(review.pk, by=actor(bob))
    response = browser.post(at(review, "reject"), {"reason": "Mine was better"})
    html = response.content.decode()
    assert response.status_code == 409
    assert "bob@example.com has claimed this review" in html
    assert "Mine was better" in html
    assert 'name="override"' not in html


def test_a_lead_decides_over_a_claim_when_they_say_so(desk: Desk, bob: User, lena: User) -> None:
    review, browser = factories.review(), desk(lena)
    assignment.claim(review.pk, by=actor(bob))
    form = browser.get(at(review, "approve"))
    assert 'name="override"' in form.content.decode()
    assert browser.post(at(review, "approve"), hidden(form)).status_code == 409
    assert browser.post(at(review, "approve"), hidden(form) | {"override": "on"}).status_code == 302
    assert "over the claim of bob@example.com" in text(desk, lena, review)


def test_a_review_that_changed_is_412_and_the_next_submit_counts(
    desk: Desk, alice: User, bob: User
) -> None:
    review, browser = factories.review(), desk(alice)
    form = hidden(browser.get(at(review, "reject")))
    assignment.claim(review.pk, by=actor(bob))
    assignment.release(review.pk, by=actor(bob))
    response = browser.post(at(review, "reject"), form | {"reason": "Kept"})
    assert response.status_code == 412
    assert "Kept" in response.content.decode()
    again = browser.post(at(review, "reject"), hidden(response) | {"reason": "Kept"})
    assert again.status_code == 302
    assert Decision.objects.get(review=review).reason == "Kept"


def test_a_claim_lost_and_taken_again_elsewhere_is_explained(desk: Desk, alice: User) -> None:
    review, browser = factories.review(), desk(alice)
    assignment.claim(review.pk, by=actor(alice))
    form = hidden(browser.get(at(review, "approve")))
    assert form["lease_id"]
    assignment.release(review.pk, by=actor(alice))
    assignment.claim(review.pk, by=actor(alice))
    del form["version"]
    response = browser.post(at(review, "approve"), form)
    assert response.status_code == 409
    assert "Your claim has changed" in response.content.decode()


def test_after_the_deadline_a_decision_is_refused_and_explained(desk: Desk, alice: User) -> None:
    review, browser = factories.review(), desk(alice)
    form = hidden(browser.get(at(review, "reject")))
    ReviewTask.objects.filter(pk=review.pk).update(deadline_at=F("sent_at") - timedelta(minutes=1))
    response = browser.post(at(review, "reject"), form | {"reason": "Too slow"})
    assert response.status_code == 409
    assert "The deadline has passed" in response.content.decode()
    assert "Too slow" in response.content.decode()


def test_opening_the_form_of_a_decided_review_says_what_happened(
    desk: Desk, alice: User, bob: User
) -> None:
    review = factories.review()
    decisions.decide(review.pk, Outcome.APPROVED, by=actor(bob))
    response = desk(alice).get(at(review, "reject"))
    assert response.status_code == 409
    assert "bob@example.com was faster" in response.content.decode()


# --- what becomes of it


def test_a_fresh_decision_waits_and_can_be_undone(desk: Desk, alice: User) -> None:
    review, browser = factories.review(), desk(alice)
    decide(browser, review, "approve")
    html = text(desk, alice, review)
    assert "Waiting to be sent" in html
    assert "It can still be undone." in html
    undo = re.search(r'action="(/decisions/[^"]+/undo/)"', html)
    assert undo is not None
    back = browser.post(undo[1], follow=True).content.decode()
    assert "is open again." in back
    assert "Undone before it was sent" in back
    review.refresh_from_db()
    assert review.status == "pending"


def test_undo_after_sending_began_is_refused_as_too_late(desk: Desk, alice: User) -> None:
    review = factories.review()
    decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice))
    settle(review, Answer(Proof.ACCEPTED))
    html = text(desk, alice, review)
    assert "/undo/" not in html
    decision = Decision.objects.get(review=review)
    response = desk(alice).post(f"/decisions/{decision.pk}/undo/")
    assert response.status_code == 409
    assert "Too late to undo" in response.content.decode()


def test_a_colleague_cannot_undo_and_a_lead_can(
    desk: Desk, alice: User, bob: User, lena: User
) -> None:
    review = factories.review()
    decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice))
    url = f"/decisions/{Decision.objects.get(review=review).pk}/undo/"
    assert url not in text(desk, bob, review)
    assert desk(bob).post(url).status_code == 403
    assert url in text(desk, lena, review)
    assert desk(lena).post(url).status_code == 302


def test_a_right_that_was_taken_meanwhile_is_explained_inside_the_panel(
    desk: Desk, victor: User
) -> None:
    review = factories.review()
    response = desk(victor).post(at(review, "approve"), headers=HTMX)
    assert response.status_code == 403
    assert "<html" not in response.content.decode()
    assert "This needs the role reviewer" in response.content.decode()


def test_where_the_queue_asks_for_a_reason_an_empty_one_is_refused_and_the_form_says_so(
    desk: Desk, alice: User
) -> None:
    review = factories.review()
    queues.save("manual-review", {"policy": {"reason_required_for": ["rejected"]}}, by=COMMAND_LINE)
    assert "this queue asks for one" in desk(alice).get(at(review, "reject")).content.decode()
    refused = desk(alice).post(at(review, "reject"), {"reason": "  "})
    assert refused.status_code == 422
    assert "To reject in this queue, write a reason" in refused.content.decode()
    assert desk(alice).post(at(review, "approve"), {"reason": ""}).status_code == 302
