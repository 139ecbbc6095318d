"""The outbox and the orders on the admin site: what is shown of them, and what is sent again."""

from __future__ import annotations

import pytest
from pytest_django.fixtures import Settings

from approvals.actors import COMMAND_LINE
from approvals.models import (
    AuditEvent,
    Decision,
    OutboxEntry,
    User,
)
from approvals.orchestration import fulfillment
from approvals.records import outbox
from tests.admin import rows as made
from tests.admin.addresses import at
from tests.admin.conftest import Enter
from tests.admin.rows import MACHINE, Rows
from tests.canary import CANARY

pytestmark = pytest.mark.django_db


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


def test_parked_entries_are_sent_again_together(enter: Enter, oscar: User, rows: Rows) -> None:
    browser, page = enter(oscar), at("outboxentry_changelist")
    alice = User.objects.get(email="alice@example.com")
    entries = [rows.entry.pk, made.parked(rows.queue, alice).pk]
    chosen = {"action": "requeue_selected", "_selected_action": entries}
    asked = browser.post(page, chosen, follow=True)
    assert "Send again 2 outbox entries" in asked.content.decode()
    assert OutboxEntry.objects.filter(pk__in=entries, state="parked").count() == 2
    done = browser.post(at("outboxentry_requeue_many"), {"id": entries}, follow=True)
    assert done.content.decode().count("in line again") == 2
    assert OutboxEntry.objects.filter(pk__in=entries, state="waiting").count() == 2
    again = browser.post(at("outboxentry_requeue_many"), {"id": entries})
    assert again.status_code == 422


def test_who_only_looks_sends_nothing_again(enter: Enter, audrey: User, rows: Rows) -> None:
    browser = enter(audrey)
    assert "Send again" not in browser.get(at("outboxentry_changelist")).content.decode()
    answer = browser.post(at("outboxentry_requeue_many"), {"id": [rows.entry.pk]})
    assert answer.status_code == 403


def test_the_outbox_is_filtered_and_searched(enter: Enter, audrey: User, rows: Rows) -> None:
    browser, listing = enter(audrey), at("outboxentry_changelist")
    for query in (
        {"state__exact": "parked"},
        {"lane__exact": "executions"},
        {"q": str(rows.entry.pk)},
        {"q": str(rows.order.pk)},
    ):
        assert "1 outbox entry" in browser.get(listing, query).content.decode(), query
    assert "Nothing matches “nonsense”" in browser.get(listing, {"q": "nonsense"}).content.decode()
    assert b"Send again" not in browser.get(at("outboxentry_change", rows.entry.pk)).content


def test_an_order_shows_its_input_and_its_chain(enter: Enter, audrey: User, rows: Rows) -> None:
    browser = enter(audrey)
    page_text = browser.get(at("orderexecution_change", rows.order.pk)).content.decode()
    assert "order.accepted" in page_text
    assert "waiting / queued" in page_text
    found = browser.get(at("orderexecution_changelist"), {"q": "A-1"}).content.decode()
    assert "1 order execution" in found


def test_a_token_in_an_orders_input_is_not_shown(
    enter: Enter, oscar: User, settings: Settings
) -> None:
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = MACHINE
    given = {"order_id": "7", "note": "Fragile.", "parent": {"taskToken": CANARY}}
    order, _ = fulfillment.start_order_fulfillment(given, by=COMMAND_LINE)

    page = enter(oscar).get(at("orderexecution_change", order.pk))

    assert "Fragile." in page.content.decode()
    assert CANARY not in page.content.decode()
