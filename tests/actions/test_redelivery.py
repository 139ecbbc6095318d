"""What is parked is sent again by operators alone."""

from __future__ import annotations

import pytest

from approvals.actions import (
    redelivery,
)
from approvals.exceptions import Invalid, NotAllowed, NotFound
from approvals.models import (
    AuditEvent,
    OrderExecution,
    OutboxEntry,
    ReviewQueue,
    User,
)
from approvals.models.outbox import Detail
from approvals.records import audit_verification, outbox
from tests import factories
from tests.admin.rows import operator, ordered, parked
from tests.factories import actor

pytestmark = pytest.mark.django_db


def test_a_refused_order_is_sent_again_and_waits(alice: User) -> None:
    oscar, order = operator("oscar@example.com"), ordered(alice)
    OrderExecution.objects.filter(pk=order.pk).update(status="refused", refusal="No.")
    entry = OutboxEntry.objects.get(subject=order.pk)
    factories.moved(entry, outbox.parked(Detail.REFUSED))

    redelivery.requeue(entry.pk, by=actor(oscar, "admin"))

    order.refresh_from_db()
    assert (order.status, order.refusal) == ("pending", "")
    assert AuditEvent.objects.filter(chain=f"order:{order.pk}").last().kind == "order.requeued"
    assert audit_verification.verify(f"order:{order.pk}") == []


def test_only_an_operator_sends_again(queue: ReviewQueue, alice: User) -> None:
    entry = parked(queue, alice)
    with pytest.raises(NotAllowed):
        redelivery.requeue(entry.pk, by=actor(alice, "api"))
    with pytest.raises(NotFound):
        redelivery.requeue(factories.review(queue).pk, by=actor(alice, "api"))
    OutboxEntry.objects.filter(pk=entry.pk).update(lane="notices")
    with pytest.raises(Invalid, match="lane notices"):
        redelivery.requeue(entry.pk, by=actor(alice, "api"))
