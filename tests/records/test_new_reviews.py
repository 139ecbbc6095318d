"""New reviews: their audit chains say where they came from."""

from __future__ import annotations

import pytest

from approvals.actors import COMMAND_LINE
from approvals.models import AuditEvent, ReviewQueue
from approvals.records import audit, audit_verification, new_reviews
from tests import factories

pytestmark = pytest.mark.django_db


def test_the_first_event_of_a_review_has_its_actor_and_the_given_details(
    queue: ReviewQueue,
) -> None:
    inserted = new_reviews.insert(queue, [factories.readable(queue)])
    (row,) = inserted.rows

    new_reviews.record_arrival(queue, inserted, by=COMMAND_LINE, about={"quarantined": "q-1"})

    event = AuditEvent.objects.get(chain=audit.chain(row))
    assert (event.seq, event.kind, event.surface) == (1, "review.received", "command")
    assert event.data["quarantined"] == "q-1"
    assert event.data["token_fingerprint"] == bytes(row.token_fingerprint).hex()
    assert audit_verification.verify(audit.chain(row)) == []
