"""Comments on a review's page: who reads and writes them, and what is refused."""

from __future__ import annotations

import pytest
from django.urls import reverse

from approvals.actions import decisions, people
from approvals.actors import COMMAND_LINE
from approvals.models import AuditEvent, Comment, Mention, User
from approvals.models.choices import Outcome
from approvals.records import audit, audit_verification
from tests import factories
from tests.factories import actor
from tests.web.conftest import Desk
from tests.web.pages import at

pytestmark = pytest.mark.django_db


def test_a_comment_is_shown_with_its_writer_and_stands_in_the_audit(
    desk: Desk, alice: User, bob: User
) -> None:
    review = factories.review()
    response = desk(alice).post(at(review, "comment"), {"text": "I called them.\r\nNo answer."})
    assert response.headers["Location"] == at(review) + "#latest-comment"
    html = desk(bob).get(at(review)).content.decode()
    assert "I called them.\nNo answer." in html.partition('id="latest-comment"')[2]
    event = AuditEvent.objects.get(kind="review.commented")
    assert (event.actor, event.data["text"]) == (alice, "I called them.\nNo answer.")
    assert audit_verification.verify(audit.chain_of("review", review.pk)) == []


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
    html = desk(victor).get(at(review)).content.decode()
    assert "For all to read." in html
    assert at(review, "comment") not in html
    assert desk(victor).post(at(review, "comment"), {"text": "Me too."}).status_code == 403


def test_a_user_without_a_role_learns_nothing_of_a_review_by_commenting(
    desk: Desk, carol: User
) -> None:
    review = factories.review(factories.queue())
    assert desk(carol).post(at(review, "comment"), {"text": "Hello?"}).status_code == 404


def test_links_of_a_comment_are_links_and_lookalikes_are_written_out(
    desk: Desk, alice: User
) -> None:
    review = factories.review()
    text = "See https://example.com/?a=1&b=<b>, https://pаypal.com/ and javascript:alert(1)"  # noqa: RUF001
    desk(alice).post(at(review, "comment"), {"text": text})
    html = desk(alice).get(at(review)).content.decode()
    rel = 'rel="noopener noreferrer nofollow"'
    assert (
        f'href="https://example.com/?a=1&amp;b=" {rel}>https://example.com/?a=1&amp;b=</a>' in html
    )
    assert "&lt;b&gt;" in html
    assert f"{rel}>https://p⟨U+0430⟩ypal.com/</a>" in html
    assert 'href="javascript' not in html


def test_who_is_mentioned_reads_it_on_the_first_page_until_they_dismiss_it(
    desk: Desk, alice: User, bob: User
) -> None:
    review = factories.review()
    desk(alice).post(at(review, "comment"), {"text": "@bob, is this <b>right</b>?"})
    browser = desk(bob)
    html = browser.get("/").content.decode()
    assert "You are mentioned" in html
    assert "is this &lt;b&gt;right&lt;/b&gt;?" in html
    address = reverse("mention_dismiss", args=[Mention.objects.get().pk])
    assert desk(alice).post(address).status_code == 404
    assert browser.get(address).status_code == 405
    assert "You are mentioned" not in browser.post(address, follow=True).content.decode()


def test_a_mention_goes_with_the_role(desk: Desk, alice: User, bob: User) -> None:
    review = factories.review()
    desk(alice).post(at(review, "comment"), {"text": "@bob"})
    people.revoke(bob, review.queue.slug, by=COMMAND_LINE)
    assert "You are mentioned" not in desk(bob).get("/").content.decode()
