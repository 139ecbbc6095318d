"""Exports are recorded before anything leaves."""

from __future__ import annotations

from uuid import uuid4

import pytest

from approvals.actions import exports, people
from approvals.actors import COMMAND_LINE
from approvals.exceptions import NotAllowed, NotFound
from approvals.models import AuditEvent, ReviewQueue, User
from approvals.records import audit
from tests import factories
from tests.bulk import begun
from tests.factories import actor

pytestmark = pytest.mark.django_db


def test_an_export_is_an_event_of_the_person_with_what_was_searched(alice: User) -> None:
    people.grant_site(alice, "auditor", by=COMMAND_LINE)

    exports.record_trail_export("csv", {"who": "bob@example.com"}, by=actor(alice))

    event = AuditEvent.objects.filter(chain=audit.chain(alice)).latest("seq")
    assert event.kind == "trail.exported"
    assert event.actor_name == alice.email
    assert event.data == {"format": "csv", "filters": {"who": "bob@example.com"}}


def test_who_may_not_inspect_may_not_export(alice: User) -> None:
    with pytest.raises(NotAllowed):
        exports.record_trail_export("csv", {}, by=actor(alice))


def test_an_export_of_reviews_is_an_event_of_the_person(alice: User) -> None:
    queue = ReviewQueue.objects.get(slug="manual-review")

    exports.record_review_export(queue, {"q": "fraud"}, by=actor(alice))

    event = AuditEvent.objects.filter(chain=audit.chain(alice)).latest("seq")
    assert event.kind == "reviews.exported"
    assert event.data == {"queue": "manual-review", "filters": {"q": "fraud"}}


def test_who_does_not_see_a_queue_exports_nothing_of_it(alice: User, carol: User) -> None:
    queue = ReviewQueue.objects.get(slug="manual-review")

    with pytest.raises(NotFound):
        exports.record_review_export(queue, {}, by=actor(carol))


def test_the_export_of_a_bulk_decision_is_recorded(
    queue: ReviewQueue, alice: User, carol: User
) -> None:
    job = begun([factories.review(queue)], alice)
    theirs = begun([factories.review(ReviewQueue.objects.get(slug="refunds"))], carol)

    for wrong, by in ((job.pk, carol), (theirs.pk, alice), (uuid4(), alice)):
        with pytest.raises(NotFound):
            exports.record_bulk_export(wrong, by=actor(by))
    exports.record_bulk_export(job.pk, by=actor(alice))

    event = AuditEvent.objects.get(kind="bulk.exported")
    assert (event.actor, event.data) == (alice, {"bulk": str(job.pk)})


def test_an_export_of_orders_needs_the_right_and_is_an_event_of_the_person(alice: User) -> None:
    with pytest.raises(NotAllowed):
        exports.record_order_export("orders", {}, by=actor(alice))
    people.grant_site(alice, "orders", by=COMMAND_LINE)

    exports.record_order_export("orders", {"status": "failed"}, by=actor(alice))

    event = AuditEvent.objects.filter(chain=audit.chain(alice)).latest("seq")
    assert event.kind == "orders.exported"
    assert event.data == {"rows": "orders", "filters": {"status": "failed"}}
