"""Comments: who may write one, what a text must be, and that the audit chain notices a changed one."""

from __future__ import annotations

from uuid import uuid4

import pytest

from approvals.actions import decisions, discussion, people
from approvals.actors import COMMAND_LINE
from approvals.exceptions import Invalid, NotAllowed, NotFound
from approvals.models import AuditEvent, Comment, Mention, ReviewTask, User
from approvals.models.choices import Outcome
from approvals.records import audit, audit_verification, idempotency
from tests import factories
from tests.factories import actor

pytestmark = pytest.mark.django_db


def test_a_comment_is_stored_and_its_text_is_on_the_chain(review: ReviewTask, alice: User) -> None:
    added = discussion.comment(review.pk, "  Call them.\r\nToday. ", by=actor(alice, "api"))

    stored = Comment.objects.get()
    assert (stored, stored.text) == (added, "Call them.\nToday.")
    assert (stored.by, stored.surface) == (alice, "api")
    event = AuditEvent.objects.get(kind="review.commented")
    assert event.data == {"comment": str(stored.pk), "text": "Call them.\nToday."}
    assert audit_verification.verify(audit.chain(review)) == []


def test_a_comment_makes_no_version_stale_and_a_decided_review_takes_one(
    review: ReviewTask, alice: User
) -> None:
    decided = decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice))

    discussion.comment(review.pk, "It was right.", by=actor(alice))

    assert ReviewTask.objects.get().version == decided.version


def test_a_viewer_writes_none_and_somebody_without_a_role_finds_nothing(
    review: ReviewTask, victor: User, carol: User, alice: User
) -> None:
    with pytest.raises(NotAllowed):
        discussion.comment(review.pk, "Hello.", by=actor(victor))
    for review_id, person in ((review.pk, carol), (uuid4(), alice)):
        with pytest.raises(NotFound):
            discussion.comment(review_id, "Hello.", by=actor(person))

    assert not Comment.objects.exists()


@pytest.mark.parametrize("text", ["", " \r\n ", "x" * 4_001, "nul \0", "half \ud800"])
def test_what_is_no_text_to_keep_is_refused(text: str, review: ReviewTask, alice: User) -> None:
    with pytest.raises(Invalid) as refused:
        discussion.comment(review.pk, text, by=actor(alice))

    assert refused.value.extra == {"pointer": "/text"}
    assert not AuditEvent.objects.filter(kind="review.commented").exists()


def test_a_text_of_four_thousand_characters_is_kept(review: ReviewTask, alice: User) -> None:
    assert discussion.comment(review.pk, "x" * 4_000, by=actor(alice)).text == "x" * 4_000


def test_under_a_key_a_comment_is_written_once(review: ReviewTask, alice: User) -> None:
    key = factories.idempotency_key(status=201)
    added = discussion.comment(review.pk, "Once.", by=actor(alice), key=key)

    with pytest.raises(idempotency.AlreadyAnswered) as earlier:
        discussion.comment(review.pk, "Once.", by=actor(alice), key=key)

    assert earlier.value.result == added.pk
    assert Comment.objects.count() == 1


def test_a_comment_mentions_people_who_may_see_the_review(
    review: ReviewTask, alice: User, bob: User, victor: User, carol: User
) -> None:
    text = "@bob @VICTOR@example.com @carol @alice @nobody, please look."
    discussion.comment(review.pk, text, by=actor(alice))

    assert {mention.user for mention in Mention.objects.all()} == {bob, victor}
    event = AuditEvent.objects.get(kind="review.commented")
    assert event.data["mentioned"] == [bob.email, victor.email]


def test_a_mention_is_dismissed_once_by_whom_it_is_for(
    review: ReviewTask, alice: User, bob: User, victor: User
) -> None:
    discussion.comment(review.pk, "@bob", by=actor(alice))
    mention = Mention.objects.get()
    discussion.comment(review.pk, "@victor", by=actor(alice))
    for other in (alice, victor):
        with pytest.raises(NotFound):
            discussion.dismiss(mention.pk, by=actor(other))

    discussion.dismiss(mention.pk, by=actor(bob))
    discussion.dismiss(mention.pk, by=actor(bob))

    mention.refresh_from_db()
    assert mention.dismissed_at is not None
    event = AuditEvent.objects.get(kind="review.mention_dismissed")
    assert event.data == {"comment": str(mention.comment_id)}
    assert audit_verification.verify(audit.chain(review)) == []


def test_who_may_no_longer_see_the_review_dismisses_no_mention_in_it(
    review: ReviewTask, alice: User, bob: User
) -> None:
    discussion.comment(review.pk, "@bob", by=actor(alice))
    people.revoke(bob, review.queue.slug, by=COMMAND_LINE)

    with pytest.raises(NotFound):
        discussion.dismiss(Mention.objects.get().pk, by=actor(bob))
