"""Requests to replay a message that a poller has to read: refused with a reason, and gone once it is settled."""

from __future__ import annotations

import pytest

from approvals.actions import intake, quarantine, queues
from approvals.actors import COMMAND_LINE
from approvals.models import QuarantinedMessage, ReplayRequest, ReviewQueue
from tests.factories import received

pytestmark = pytest.mark.django_db
OTHERS = "arn:aws:states:us-east-1:123456789012:stateMachine:others"


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
