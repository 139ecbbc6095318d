"""One action on several rows: each by itself, and no more at once than a page takes."""

from __future__ import annotations

import pytest

from approvals.actions import (
    assignment,
    decisions,
)
from approvals.admin import bulk_action_page
from approvals.models import (
    AuditEvent,
    Decision,
    ReviewQueue,
    ReviewTask,
    User,
)
from approvals.models.choices import Outcome
from tests import factories
from tests.admin.addresses import at
from tests.admin.answers import messages_of
from tests.admin.conftest import Enter
from tests.admin.rows import Rows
from tests.factories import actor

pytestmark = pytest.mark.django_db


def test_a_reviewer_decides_several_and_hears_of_each_by_itself(
    enter: Enter, alice: User, bob: User, queue: ReviewQueue
) -> None:
    free, held, decided = (factories.review(queue, title=f"Review {n}") for n in range(3))
    assignment.claim(held.pk, by=actor(bob))
    decisions.decide(decided.pk, Outcome.APPROVED, by=actor(bob))
    browser = enter(alice)
    picked = {
        "action": "reject_selected", "index": "0",
        "_selected_action": [str(r.pk) for r in (free, held, decided)],
    }  # fmt: skip
    form_url = browser.post(at("reviewtask_changelist"), picked)["Location"]
    asked = browser.get(form_url)
    assert ReviewTask.objects.get(pk=free.pk).status == "pending"  # nothing is done yet

    typed = {"id": [pk for _, pk in asked.context["hidden"]], "reason": "The stock is wrong."}
    answer = browser.post(at("reviewtask_reject"), typed)

    texts = "\n".join(messages_of(answer))
    assert "Review 0: rejected." in texts
    assert "Review 1: Somebody else holds this review. (bob@example.com)" in texts
    assert "Review 2: This review has been decided already. (bob@example.com)" in texts
    assert answer.status_code == 409
    assert {pk for _, pk in answer.context["hidden"]} == {held.pk, decided.pk}
    assert answer.context["form"]["reason"].value() == "The stock is wrong."
    decision = Decision.objects.get(review=free)
    assert (decision.by, decision.surface, decision.reason) == (
        alice,
        "admin",
        "The stock is wrong.",
    )
    event = AuditEvent.objects.filter(chain=f"review:{free.pk}").last()
    assert (event.kind, event.actor, event.surface) == ("review.rejected", alice, "admin")


def test_more_than_a_page_takes_are_refused_and_not_cut(
    enter: Enter, alice: User, queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_action_page, "AT_ONCE", 2)
    reviews = [factories.review(queue) for _ in range(3)]
    browser, listing = enter(alice), at("reviewtask_changelist")
    picked = {
        "action": "reject_selected", "index": "0", "select_across": "1",
        "_selected_action": [str(reviews[0].pk)],
    }  # fmt: skip
    answer = browser.post(f"{listing}?queue={queue.slug}", picked)
    assert answer["Location"] == f"{listing}?queue={queue.slug}"
    assert any("Nothing was done" in text for text in messages_of(browser.get(answer["Location"])))

    ids = [str(review.pk) for review in reviews]
    assert browser.post(at("reviewtask_reject"), {"id": ids, "reason": "x"}).status_code == 400
    assert (
        browser.post(at("reviewtask_reject"), {"id": ids[:1] * 3, "reason": "x"}).status_code == 302
    )
    assert Decision.objects.count() == 1


@pytest.mark.parametrize("picked", ["zzz", "\x00", "1"])
def test_what_is_no_row_cannot_be_picked(
    enter: Enter, alice: User, rows: Rows, picked: str
) -> None:
    typed = {"action": "approve_selected", "index": "0", "_selected_action": picked}
    assert enter(alice).post(at("reviewtask_changelist"), typed).status_code == 400
