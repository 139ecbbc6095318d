"""Requests to replay a message that a poller has to read: refused with a reason, and gone once it is settled."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial

import pytest
from django.db.models.functions import Now

from approvals.actions import intake, quarantine, queues
from approvals.actors import COMMAND_LINE
from approvals.messages import Extras
from approvals.models import AuditEvent, QuarantinedMessage, ReplayRequest, ReviewQueue, User
from approvals.records import audit, idempotency
from tests import factories
from tests.admin.rows import operator
from tests.factories import actor, received

pytestmark = pytest.mark.django_db
OTHERS = "arn:aws:states:us-east-1:123456789012:stateMachine:others"

POINTER = json.dumps(
    ["software.amazon.payloadoffloading.PayloadS3Pointer", {"s3BucketName": "big", "s3Key": "k"}]
)


@pytest.fixture
def pointer(queue: ReviewQueue) -> QuarantinedMessage:
    """A message in quarantine that points into a bucket, which the queue allows by now."""
    arrival = received(POINTER)
    intake.accept(queue, [arrival])
    queues.save(queue.slug, {"pointer_buckets": ["big"]}, by=COMMAND_LINE)
    return QuarantinedMessage.objects.get(sqs_message_id=arrival.message_id)


def events(row: QuarantinedMessage) -> list[str]:
    """The kinds of a message's events."""
    found = AuditEvent.objects.filter(chain=audit.chain(row)).order_by("seq")
    return list(found.values_list("kind", flat=True))


def asked(queue: ReviewQueue) -> ReplayRequest:
    """A message in quarantine whose replay was asked for."""
    arrival = received("{broken")
    intake.accept(queue, [arrival])
    row = QuarantinedMessage.objects.get(sqs_message_id=arrival.message_id)
    return ReplayRequest.objects.create(message=row, surface="web")


def test_a_refusal_is_kept_once_and_for_its_message_alone(queue: ReviewQueue) -> None:
    one, other = asked(queue), asked(queue)

    assert quarantine.refuse_replay(one.pk, "The object is gone.")
    assert not quarantine.refuse_replay(one.pk, "Again.")

    one.refresh_from_db()
    other.refresh_from_db()
    assert (one.refusal, one.refused_at is None) == ("The object is gone.", False)
    assert other.refused_at is None


def test_the_request_of_a_message_that_was_settled_meanwhile_is_deleted(queue: ReviewQueue) -> None:
    discarded = asked(queue).message
    quarantine.discard(discarded.pk, "spam", by=COMMAND_LINE)
    queues.save(queue.slug, {"state_machine_arns": [OTHERS]}, by=COMMAND_LINE)
    queue.refresh_from_db()
    arrival = received()
    intake.accept(queue, [arrival])
    queues.save(queue.slug, {"state_machine_arns": []}, by=COMMAND_LINE)
    replayed = QuarantinedMessage.objects.get(sqs_message_id=arrival.message_id)
    quarantine.replay(replayed.pk, by=COMMAND_LINE)

    for row in (discarded, replayed):
        ReplayRequest.objects.create(message=row, surface="web")
        quarantine.refuse_replay(row.pk, "The object is gone.")

        assert not ReplayRequest.objects.exists()


def test_a_discard_takes_its_own_request_along(queue: ReviewQueue) -> None:
    one, other = asked(queue), asked(queue)

    quarantine.discard(one.pk, "spam", by=COMMAND_LINE)

    assert list(ReplayRequest.objects.all()) == [other]


def test_a_refusal_is_cut_to_what_its_column_holds(queue: ReviewQueue) -> None:
    request = asked(queue)

    quarantine.refuse_replay(request.pk, "x" * 301)

    request.refresh_from_db()
    assert request.refusal == "x" * 300
    assert events(request.message) == ["message.quarantined", "message.replay_refused"]


def test_a_request_says_who_asked_last_and_waits_as_it_is_until_it_is_refused(
    pointer: QuarantinedMessage, alice: User
) -> None:
    oscar = operator("oscar@example.com")
    assert quarantine.replay(pointer.pk, by=actor(oscar, "admin")) is None
    ReplayRequest.objects.update(asked_at=Now() - timedelta(hours=1))
    before = ReplayRequest.objects.values().get()
    assert (before["asked_by_id"], before["surface"]) == (oscar.pk, "admin")

    assert quarantine.replay(pointer.pk, by=COMMAND_LINE) is None
    assert ReplayRequest.objects.values().get() == before
    quarantine.refuse_replay(pointer.pk, "The object is gone.")
    assert quarantine.replay(pointer.pk, by=COMMAND_LINE) is None

    again = ReplayRequest.objects.get()
    assert (again.asked_by, again.surface) == (None, "command")
    assert (again.refused_at, again.refusal) == (None, "")
    assert again.asked_at > before["asked_at"]
    assert events(pointer) == [
        "message.quarantined",
        "message.replay_asked",
        "message.replay_refused",
        "message.replay_asked",
    ]


def test_a_repeated_request_is_answered_as_the_first_was(
    queue: ReviewQueue, pointer: QuarantinedMessage
) -> None:
    spam = asked(queue).message
    for verb, message, status in (
        (partial(quarantine.replay, pointer.pk), pointer, 202),
        (partial(quarantine.discard, spam.pk, "spam"), spam, 200),
    ):
        key = factories.idempotency_key(str(message))
        verb(by=COMMAND_LINE, key=key)

        with pytest.raises(idempotency.AlreadyAnswered) as earlier:
            verb(by=COMMAND_LINE, key=key)
        assert (earlier.value.result, earlier.value.status) == (message.pk, status)


def test_a_replay_with_the_object_ends_its_own_request_alone(
    queue: ReviewQueue, pointer: QuarantinedMessage
) -> None:
    quarantine.replay(pointer.pk, by=COMMAND_LINE)
    other = asked(queue)
    fetched = Extras({}, json.dumps(factories.message(orderId="ORD-S3")))

    review = quarantine.replay(pointer.pk, by=COMMAND_LINE, fetched=fetched)

    assert review is not None
    assert review.reference == "ORD-S3"
    assert list(ReplayRequest.objects.all()) == [other]


def test_a_replay_leaves_the_requests_of_other_messages(queue: ReviewQueue) -> None:
    waiting = asked(queue)
    queues.save(queue.slug, {"state_machine_arns": [OTHERS]}, by=COMMAND_LINE)
    queue.refresh_from_db()
    arrival = received()
    intake.accept(queue, [arrival])
    queues.save(queue.slug, {"state_machine_arns": []}, by=COMMAND_LINE)

    quarantine.replay(
        QuarantinedMessage.objects.get(sqs_message_id=arrival.message_id).pk, by=COMMAND_LINE
    )

    assert list(ReplayRequest.objects.all()) == [waiting]
