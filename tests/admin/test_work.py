"""Reviews, quarantine, the outbox and the trail on the admin site."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from approvals.actions import (
    assignment,
    decisions,
    intake,
    people,
    queues,
    redelivery,
)
from approvals.actors import COMMAND_LINE
from approvals.exceptions import Invalid, NotAllowed, NotFound
from approvals.models import (
    AuditEvent,
    Decision,
    OrderExecution,
    OutboxEntry,
    QuarantinedMessage,
    ReviewQueue,
    ReviewTask,
    User,
)
from approvals.models.choices import Outcome
from approvals.orchestration import fulfillment
from approvals.records import audit, outbox
from tests import factories
from tests.admin.conftest import MACHINE, Enter, Rows, at, ordered, quarantined
from tests.canary import CANARY, assert_no_canary
from tests.factories import actor

pytestmark = pytest.mark.django_db


def messages_of(answer: object) -> list[str]:
    """The messages on a page."""
    return [str(message) for message in answer.context["messages"]]


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
    form_url = browser.post(at("reviewtask_changelist"), picked).url
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


def test_one_review_is_approved_from_its_page(enter: Enter, alice: User, rows: Rows) -> None:
    browser = enter(alice)
    page = browser.get(at("reviewtask_change", rows.review.pk)).content.decode()
    assert f"approve/?id={rows.review.pk}" in page
    answer = browser.post(at("reviewtask_approve"), {"id": rows.review.pk, "reason": ""})
    assert answer.url == at("reviewtask_changelist")
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


def test_an_operator_replays_and_discards(enter: Enter, oscar: User, queue: ReviewQueue) -> None:
    hopeless, other = quarantined(queue), quarantined(queue, "[]")
    browser = enter(oscar)
    picked = {
        "action": "discard_selected",
        "_selected_action": [hopeless.pk, other.pk],
        "index": "0",
    }
    form_url = browser.post(at("quarantinedmessage_changelist"), picked).url
    ids = [pk for _, pk in browser.get(form_url).context["hidden"]]
    assert browser.post(form_url, {"id": ids, "reason": ""}).status_code == 422
    again = browser.post(at("quarantinedmessage_replay"), {"id": [hopeless.pk]})
    assert again.status_code == 422
    assert messages_of(again)
    browser.post(at("quarantinedmessage_discard"), {"id": ids, "reason": "A test message."})
    for row in QuarantinedMessage.objects.all():
        assert (row.discarded_by, row.discard_reason) == (oscar, "A test message.")
        event = AuditEvent.objects.filter(chain=f"quarantine:{row.pk}").last()
        assert (event.kind, event.surface) == ("message.discarded", "admin")
    listing = at("quarantinedmessage_changelist")
    assert "2 quarantined messages" in browser.get(listing, {"state": "discarded"}).content.decode()
    assert "0 quarantined messages" in browser.get(listing, {"state": "waiting"}).content.decode()
    assert "1 quarantined message" in browser.get(listing, {"q": str(other.pk)}).content.decode()


def test_a_parked_callback_is_sent_again_and_its_journal_goes_on(
    enter: Enter, oscar: User, rows: Rows
) -> None:
    browser, page = enter(oscar), at("outboxentry_change", rows.entry.pk)
    page_text = browser.get(page).content.decode()
    assert "InvalidToken" in page_text
    assert "invalid_token" in page_text

    browser.post(at("outboxentry_requeue", rows.entry.pk))

    entry = OutboxEntry.objects.get(pk=rows.entry.pk)
    assert (entry.state, entry.detail, entry.attempts, entry.ended_at) == (
        "waiting",
        "queued",
        1,
        None,
    )
    review = Decision.objects.get(pk=entry.subject).review_id
    event = AuditEvent.objects.filter(chain=f"review:{review}").last()
    assert (event.kind, event.actor, event.surface) == ("callback.requeued", oscar, "admin")
    assert event.data == {"entry": str(entry.pk), "was": "invalid_token"}
    assert outbox.lease(entry.pk).number == 2
    again = browser.post(at("outboxentry_requeue", entry.pk))
    assert again.status_code == 422
    assert "Only what is parked is sent again" in again.content.decode()


def test_a_refused_order_is_sent_again_and_waits(oscar: User, alice: User) -> None:
    order = ordered(alice)
    OrderExecution.objects.filter(pk=order.pk).update(status="refused", refusal="No.")
    entry = OutboxEntry.objects.get(subject=order.pk)
    outbox.move(entry, outbox.parked("refused"))

    redelivery.requeue(entry.pk, by=actor(oscar, "admin"))

    order.refresh_from_db()
    assert (order.status, order.refusal) == ("pending", "")
    assert AuditEvent.objects.filter(chain=f"order:{order.pk}").last().kind == "order.requeued"
    assert audit.verify(f"order:{order.pk}") == []


def test_only_an_operator_sends_again(alice: User, rows: Rows) -> None:
    with pytest.raises(NotAllowed):
        redelivery.requeue(rows.entry.pk, by=actor(alice, "api"))
    with pytest.raises(NotFound):
        redelivery.requeue(rows.review.pk, by=actor(alice, "api"))
    OutboxEntry.objects.filter(pk=rows.entry.pk).update(lane="notices")
    with pytest.raises(Invalid, match="lane notices"):
        redelivery.requeue(rows.entry.pk, by=actor(alice, "api"))


def test_the_outbox_is_filtered_and_searched(enter: Enter, audrey: User, rows: Rows) -> None:
    browser, listing = enter(audrey), at("outboxentry_changelist")
    for query in (
        {"state__exact": "parked"},
        {"lane__exact": "executions"},
        {"q": str(rows.entry.pk)},
        {"q": str(rows.order.pk)},
    ):
        assert "1 outbox entry" in browser.get(listing, query).content.decode(), query
    assert "0 outbox entries" in browser.get(listing, {"q": "nonsense"}).content.decode()
    assert b"Send again" not in browser.get(at("outboxentry_change", rows.entry.pk)).content


def test_an_order_shows_its_input_and_its_chain(enter: Enter, audrey: User, rows: Rows) -> None:
    browser = enter(audrey)
    page_text = browser.get(at("orderexecution_change", rows.order.pk)).content.decode()
    assert "order.accepted" in page_text
    assert "waiting / queued" in page_text
    found = browser.get(at("orderexecution_changelist"), {"q": "A-1"}).content.decode()
    assert "1 order execution" in found


def test_a_chain_is_found_by_name_and_by_the_id_of_its_row(
    enter: Enter, audrey: User, rows: Rows
) -> None:
    browser = enter(audrey)
    for term in (f"review:{rows.review.pk}", str(rows.review.pk)):
        page_text = browser.get(at("auditevent_changelist"), {"q": term}).content.decode()
        assert "1 audit event" in page_text
        assert "review.received" in page_text
    event = AuditEvent.objects.get(chain=f"review:{rows.review.pk}")
    assert (
        bytes(event.hash).hex() in browser.get(at("auditevent_change", event.pk)).content.decode()
    )


def test_a_look_changes_nothing(
    enter: Enter, oscar: User, lena: User, rows: Rows, client: Client
) -> None:
    before = AuditEvent.objects.count()
    for address in (
        f"{at('quarantinedmessage_replay')}?id={rows.message.pk}",
        at("outboxentry_requeue", rows.entry.pk),
        at("reviewqueue_switch", rows.queue.pk),
        at("user_deactivate", lena.pk),
    ):
        assert enter(oscar).get(address).status_code == 200
    assert enter(lena).get(f"{at('reviewtask_approve')}?id={rows.review.pk}").status_code == 200
    assert AuditEvent.objects.count() == before
    assert OutboxEntry.objects.get(pk=rows.entry.pk).state == "parked"


def test_more_than_a_page_takes_are_refused_and_not_cut(
    enter: Enter, alice: User, queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("approvals.admin.bulk_actions.AT_ONCE", 2)
    reviews = [factories.review(queue) for _ in range(3)]
    browser, listing = enter(alice), at("reviewtask_changelist")
    picked = {
        "action": "reject_selected", "index": "0", "select_across": "1",
        "_selected_action": [str(reviews[0].pk)],
    }  # fmt: skip
    answer = browser.post(f"{listing}?queue={queue.slug}", picked)
    assert answer.url == f"{listing}?queue={queue.slug}"
    assert any("Nothing was done" in text for text in messages_of(browser.get(answer.url)))

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


def test_nul_is_a_bad_request_wherever_it_stands(enter: Enter, oscar: User, rows: Rows) -> None:
    browser, users = enter(oscar), at("user_changelist")
    for address in (f"{users}?q=%00", f"{users}?%00=x", f"{users}a%00b/change/", "/admin/%00"):
        assert browser.get(address).status_code == 400, address
    typed = {"email": "a\x00b@example.com", "kind": "person"}
    assert browser.post(at("user_new"), typed).status_code == 400


def test_a_token_in_an_orders_input_is_not_shown(enter: Enter, oscar: User, settings: Any) -> None:
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = MACHINE
    given = {"order_id": "7", "note": "Fragile.", "parent": {"taskToken": CANARY}}
    order, _ = fulfillment.start_order_fulfillment(given, by=COMMAND_LINE)

    page = enter(oscar).get(at("orderexecution_change", order.pk))

    assert "Fragile." in page.content.decode()
    assert CANARY not in page.content.decode()
