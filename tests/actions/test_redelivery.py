"""What is parked is sent again by operators alone, one entry at a time."""

from __future__ import annotations

from uuid import uuid4

import pytest
from celery import current_app
from django.db.models.functions import Now
from pytest_django.fixtures import DjangoCaptureOnCommitCallbacks

from approvals.actions import redelivery
from approvals.exceptions import Invalid, NotAllowed, NotFound
from approvals.models import (
    AuditEvent,
    Decision,
    OrderExecution,
    OutboxEntry,
    ReviewQueue,
    User,
)
from approvals.models.outbox import Detail
from approvals.records import audit_verification, database_time, outbox, wake_ups
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


@pytest.mark.parametrize("kind", [OutboxEntry.Kind.REDRIVE, OutboxEntry.Kind.STOP])
def test_an_intervention_is_requested_anew_instead(db: None, kind: OutboxEntry.Kind) -> None:
    oscar = operator("oscar@example.com")
    entry = factories.outbox_entry(kind, uuid4(), b"{}", not_before=database_time.now())
    factories.moved(entry, outbox.parked(Detail.REFUSED))

    with pytest.raises(Invalid, match=f"A {kind} of the lane executions cannot be requeued"):
        redelivery.requeue(entry.pk, by=actor(oscar, "admin"))


@pytest.mark.parametrize(
    "state", [each for each in OutboxEntry.State if each != OutboxEntry.State.PARKED]
)
def test_only_what_is_parked_is_sent_again(
    queue: ReviewQueue, alice: User, state: OutboxEntry.State
) -> None:
    oscar, entry = operator("oscar@example.com"), parked(queue, alice)
    is_open = state in {OutboxEntry.State.WAITING, OutboxEntry.State.SENDING}
    OutboxEntry.objects.update(state=state, lease_until=Now(), ended_at=None if is_open else Now())

    with pytest.raises(Invalid, match=f"this entry is {state}"):
        redelivery.requeue(entry.pk, by=actor(oscar, "admin"))


def test_the_named_entry_alone_is_sent_again_and_at_once(
    queue: ReviewQueue,
    alice: User,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    oscar = operator("oscar@example.com")
    _, chosen, _ = (parked(queue, alice) for _ in range(3))
    sent: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(current_app, "send_task", lambda name, args, **_: sent.append((name, args)))

    with django_capture_on_commit_callbacks(execute=True):
        requeued = redelivery.requeue(chosen.pk, by=actor(oscar, "admin"))

    assert wake_ups.flush(10)
    assert (requeued, requeued.state) == (chosen, "waiting")
    assert list(OutboxEntry.objects.exclude(state="parked")) == [chosen]
    assert sent == [(wake_ups.DELIVER, [str(chosen.pk)])]
    event = AuditEvent.objects.get(kind="callback.requeued")
    decision = Decision.objects.get(pk=chosen.subject)
    assert event.chain == f"review:{decision.review_id}"
    assert event.data == {"entry": str(chosen.pk), "was": "invalid_token"}
