"""Talking about a review and handing it over: what the desk offers beside deciding."""

from __future__ import annotations

import pytest
from django.urls import reverse

from approvals.actions import assignment, decisions, queues
from approvals.actors import COMMAND_LINE
from approvals.models import AuditEvent, Comment, ReviewTask, User
from approvals.models.choices import Outcome
from approvals.records import audit
from tests import factories
from tests.factories import actor
from tests.web.conftest import Desk

pytestmark = pytest.mark.django_db


def at(review: ReviewTask, action: str) -> str:
    """The address of an action on a review."""
    return reverse(f"review_{action}", args=[review.pk])


def test_a_comment_is_shown_with_its_writer_and_stands_in_the_audit(
    desk: Desk, alice: User, bob: User
) -> None:
    review = factories.review()
    response = desk(alice).post(at(review, "comment"), {"text": "I called them.\r\nNo answer."})
    assert response.headers["Location"] == reverse("review", args=[review.pk]) + "#comments"
    html = desk(bob).get(reverse("review", args=[review.pk])).content.decode()
    assert "I called them.\nNo answer." in html
    event = AuditEvent.objects.get(kind="review.commented")
    assert (event.actor, event.data["text"]) == (alice, "I called them.\nNo answer.")
    assert audit.verify(audit.chain_of("review", review.pk)) == []


@pytest.mark.parametrize("text", ["", "  \n ", "x" * 4_001, "a\0b"])
def test_a_comment_that_cannot_be_kept_is_refused_on_the_page_it_was_typed_on(
    desk: Desk, alice: User, text: str
) -> None:
    review = factories.review()
    response = desk(alice).post(at(review, "comment"), {"text": text})
    assert response.status_code == 422
    assert "This cannot be recorded" in response.content.decode()
    assert not Comment.objects.exists()


def test_a_comment_makes_nobodys_decision_stale(desk: Desk, alice: User, bob: User) -> None:
    review = factories.review()
    desk(bob).post(at(review, "comment"), {"text": "Careful with this one."})
    decided = decisions.decide(
        review.pk,
        Outcome.APPROVED,
        by=actor(alice),
        request=decisions.DecisionRequest(version=review.version),
    )
    assert decided.status == "approved"


def test_a_decided_review_can_still_be_discussed(desk: Desk, alice: User) -> None:
    review = factories.review()
    decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice))
    desk(alice).post(at(review, "comment"), {"text": "The voucher was genuine."})
    assert Comment.objects.get().review == review


def test_a_viewer_reads_comments_and_writes_none(desk: Desk, alice: User, victor: User) -> None:
    review = factories.review()
    desk(alice).post(at(review, "comment"), {"text": "For all to read."})
    html = desk(victor).get(reverse("review", args=[review.pk])).content.decode()
    assert "For all to read." in html
    assert at(review, "comment") not in html
    assert desk(victor).post(at(review, "comment"), {"text": "Me too."}).status_code == 403


def test_a_user_without_a_role_learns_nothing_of_a_review_by_commenting(
    desk: Desk, carol: User
) -> None:
    review = factories.review(factories.queue())
    assert desk(carol).post(at(review, "comment"), {"text": "Hello?"}).status_code == 404


def test_a_holder_hands_their_review_to_a_colleague(desk: Desk, alice: User, bob: User) -> None:
    review = assignment.claim(factories.review().pk, by=actor(alice))
    html = desk(alice).get(reverse("review", args=[review.pk])).content.decode()
    assert f'<option value="{bob.email}">' in html
    desk(alice).post(at(review, "reassign"), {"to": bob.email})
    review.refresh_from_db()
    assert review.assignee == bob
    html = desk(bob).get(reverse("review", args=[review.pk])).content.decode()
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
