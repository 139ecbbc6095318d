"""The audit trail on the admin site: the chain of a row, and the hash of an event."""

from __future__ import annotations

import pytest

from approvals.models import (
    AuditEvent,
    User,
)
from tests.admin.addresses import at
from tests.admin.conftest import Enter
from tests.admin.rows import Rows

pytestmark = pytest.mark.django_db


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
