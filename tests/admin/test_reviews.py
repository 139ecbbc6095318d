"""Reviews on the admin site: found, shown and decided by the members of their queue."""

from __future__ import annotations

import json

import pytest

from approvals.actions import (
    intake,
    people,
    queues,
)
from approvals.actors import COMMAND_LINE
from approvals.models import (
    Decision,
    ReviewQueue,
    ReviewTask,
    User,
)
from tests import factories
from tests.admin.addresses import at
from tests.admin.answers import messages_of
from tests.admin.conftest import Enter
from tests.admin.rows import Rows, quarantined
from tests.canary import CANARY, assert_no_canary

pytestmark = pytest.mark.django_db


def test_one_review_is_approved_from_its_page(enter: Enter, alice: User, rows: Rows) -> None:
    browser = enter(alice)
    page = browser.get(at("reviewtask_change", rows.review.pk)).content.decode()
    assert f"approve/?id={rows.review.pk}" in page
    answer = browser.post(at("reviewtask_approve"), {"id": rows.review.pk, "reason": ""})
    assert answer["Location"] == at("reviewtask_changelist")
    assert ReviewTask.objects.get(pk=rows.review.pk).status == "approved"


def test_a_queue_that_wants_a_reason_gets_one_in_the_admin_site_too(
    enter: Enter, alice: User, rows: Rows
) -> None:
    queues.save("manual-review", {"policy": {"reason_required_for": ["approved"]}}, by=COMMAND_LINE)
    answer = enter(alice).post(at("reviewtask_approve"), {"id": rows.review.pk, "reason": " "})
    assert answer.status_code == 422
    assert "write a reason" in messages_of(answer)[0]


def test_nobody_decides_outside_their_queues_or_as_a_viewer(
    enter: Enter, oscar: User, carol: User, victor: User, rows: Rows
) -> None:
    typed = {"id": rows.review.pk, "reason": "x"}
    for outsider in (oscar, carol):
        assert enter(outsider).post(at("reviewtask_approve"), typed).status_code == 404
    browser = enter(victor)
    assert b"Approve</a>" not in browser.get(at("reviewtask_change", rows.review.pk)).content
    answer = browser.post(at("reviewtask_approve"), typed)
    assert answer.status_code == 403
    assert "needs the role reviewer" in messages_of(answer)[0]
    assert not Decision.objects.filter(review=rows.review).exists()
    for bad in ("nonsense", ""):
        assert browser.get(at("reviewtask_approve"), {"id": bad}).status_code == 404


def test_a_review_is_found_by_reference_and_by_id(enter: Enter, alice: User, rows: Rows) -> None:
    browser, listing = enter(alice), at("reviewtask_changelist")
    for term in ("ORD-OPEN", str(rows.review.pk)):
        page_text = browser.get(listing, {"q": term}).content.decode()
        assert str(rows.review.pk) in page_text
        assert "1 review task" in page_text
    assert "2 review tasks" in browser.get(listing, {"queue": "manual-review"}).content.decode()
    assert "1 review task" in browser.get(listing, {"status__exact": "pending"}).content.decode()


def test_no_page_shows_a_token_or_turns_text_round(
    enter: Enter, alice: User, oscar: User, queue: ReviewQueue
) -> None:
    body = factories.message(taskToken=CANARY, title="invoice\u202efdp.exe", orderId="a\u202eb")
    body["input"]["echo"] = {"deep": [f"again {CANARY}"]}
    intake.accept(queue, [factories.received(body)])
    review = ReviewTask.objects.get()
    broken = quarantined(queue, json.dumps({**body, "schemaVersion": "9"}))
    people.grant(oscar, queue.slug, "reviewer", by=COMMAND_LINE)
    browser = enter(oscar)
    pages = [
        at("reviewtask_changelist"), at("reviewtask_change", review.pk),
        at("quarantinedmessage_changelist"), at("quarantinedmessage_change", broken.pk),
        at("auditevent_changelist"), f"{at('reviewtask_approve')}?id={review.pk}",
    ]  # fmt: skip
    for page in pages:
        answer = browser.get(page)
        assert answer.status_code == 200
        assert_no_canary(answer.content)
        assert b"\xe2\x80\xae" not in answer.content, page
    assert b"schemaVersion" in browser.get(pages[3]).content
