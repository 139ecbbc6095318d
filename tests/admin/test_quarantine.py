"""Quarantine on the admin site: operators replay and discard."""

from __future__ import annotations

import pytest

from approvals.models import (
    AuditEvent,
    QuarantinedMessage,
    ReviewQueue,
    User,
)
from tests.admin.addresses import at
from tests.admin.answers import messages_of
from tests.admin.conftest import Enter
from tests.admin.rows import quarantined

pytestmark = pytest.mark.django_db


def test_an_operator_replays_and_discards(enter: Enter, oscar: User, queue: ReviewQueue) -> None:
    hopeless, other = quarantined(queue), quarantined(queue, "[]")
    browser = enter(oscar)
    picked = {
        "action": "discard_selected",
        "_selected_action": [hopeless.pk, other.pk],
        "index": "0",
    }
    form_url = browser.post(at("quarantinedmessage_changelist"), picked)["Location"]
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
    assert (
        "Nothing matches these filters"
        in browser.get(listing, {"state": "waiting"}).content.decode()
    )
    assert "1 quarantined message" in browser.get(listing, {"q": str(other.pk)}).content.decode()
