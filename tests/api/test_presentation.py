"""What responses show of rows: the names that the OpenAPI document describes, and null for what is not known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from rest_framework.serializers import ListSerializer, Serializer

from approvals.api import presentation, quarantine_presentation, schema_examples
from approvals.api.presentation import JSONObject
from approvals.api.serializers.audit_events import EventAnswer
from approvals.api.serializers.bulk_decisions import BulkDecisionAnswer
from approvals.api.serializers.comments import CommentAnswer
from approvals.api.serializers.order_batches import OrderBatchAnswer
from approvals.api.serializers.orders import OrderAnswer, WholeOrderAnswer
from approvals.api.serializers.quarantine import (
    QuarantineAnswer,
    QuarantinedBodyAnswer,
    QuarantinedMessageAnswer,
)
from approvals.api.serializers.queue_settings import QueueSettingsAnswer
from approvals.api.serializers.queues import QueueAnswer
from approvals.api.serializers.reviews import (
    ClaimedReviewAnswer,
    ListedReviewAnswer,
    ReviewAnswer,
    VotedReviewAnswer,
)
from approvals.api.surroundings import Surroundings
from approvals.models import (
    AuditEvent,
    Comment,
    Decision,
    OrderBatch,
    OrderExecution,
    OrderIntervention,
    OutboxEntry,
    QuarantinedMessage,
    RefusedRow,
    ReviewQueue,
    ReviewTask,
    User,
    Vote,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
OLGA = User(email="olga@example.com")
OSCAR = User(email="oscar@example.com")
FAILED = OrderExecution(
    order_id="7",
    created_at=NOON,
    attempt=2,
    status="failed",
    error="Busy",
    cause="Later.",
    input="{}",
)


def decided() -> tuple[ReviewTask, Surroundings]:
    """A decided review and its surroundings, with nothing missing in them."""
    decision = Decision(outcome="approved", by=OSCAR, decided_at=NOON)
    entry = OutboxEntry(state=OutboxEntry.State.WAITING, detail="queued")
    review: Any = ReviewTask(queue=ReviewQueue(slug="held"), decision=decision, status="approved")
    review.reason_start, review.short_edits = "", None  # as `queries.listed` reads it
    return review, Surroundings(NOON, {decision.pk: entry}, {})


def review(present: Any = presentation.review, **more: Any) -> JSONObject:
    """A decided review as `present` shows it."""
    shown: JSONObject = present(*decided(), **more)
    return shown


def quarantined(**settled: Any) -> QuarantinedMessage:
    """A message in quarantine."""
    queue = ReviewQueue(slug="held")
    row = QuarantinedMessage(queue=queue, sent_at=NOON, received_at=NOON, **settled)
    row._state.fields_cache["replay_request"] = None  # no database is asked for it
    return row


def counted() -> ReviewQueue:
    """A queue without open reviews, as `queries.queues` reads it."""
    offered = {"code": "fraud", "label": "Fraud", "outcomes": ["rejected"]}
    policy = {"reason_required_for": ["rejected"]}
    queue: Any = ReviewQueue(slug="held", name="Held", reason_codes=[offered], policy=policy)
    queue.waiting, queue.oldest_received_at, queue.next_deadline_at = 0, None, None
    return queue  # type: ignore[no-any-return]


def event() -> AuditEvent:
    """An audit event."""
    return AuditEvent(prev_hash=b"\0", hash=b"\xff", data={}, on_behalf_of=OLGA)


def is_described(shown: JSONObject, by: Serializer[Any], place: str = "") -> None:
    """Fails unless an object has exactly the names of the serializer, in its order, and so have those in it."""
    assert list(shown) == list(by.fields), place
    for name, field in by.fields.items():
        if isinstance(field, ListSerializer):
            assert shown[name], f"{place}/{name} is not shown"
            for inner in shown[name]:
                is_described(inner, cast("Serializer[Any]", field.child), f"{place}/{name}")
        elif isinstance(field, Serializer):
            assert shown[name] is not None, f"{place}/{name} is not shown"
            is_described(shown[name], field, f"{place}/{name}")


PRESENTED: list[tuple[type[Serializer[Any]], JSONObject]] = [
    (ReviewAnswer, review()),
    (ListedReviewAnswer, review(presentation.listed_review)),
    (ClaimedReviewAnswer, review(presentation.claimed_review, caller=OLGA)),
    (VotedReviewAnswer, review(presentation.voted_review, cast=Vote(outcome="approved"))),
    (CommentAnswer, presentation.comment(Comment(by=OLGA, text="Seen."))),
    (EventAnswer, presentation.event(event())),
    (QueueAnswer, presentation.queue(counted(), NOON)),
    (QueueSettingsAnswer, presentation.queue_settings(counted(), 1)),
    (QuarantineAnswer, quarantine_presentation.quarantined(quarantined())),
    (QuarantinedMessageAnswer, quarantine_presentation.quarantined_message(quarantined(), "{}")),
    (QuarantinedBodyAnswer, quarantine_presentation.quarantined_body(quarantined(), "{}")),
    (OrderAnswer, presentation.order(FAILED)),
    (
        WholeOrderAnswer,
        presentation.whole_order([FAILED], [OrderIntervention(order=FAILED, kind="stop")]),
    ),
]


@pytest.mark.parametrize(
    ("answer", "shown"), PRESENTED, ids=[answer.__name__ for answer, _ in PRESENTED]
)
def test_a_response_has_the_names_that_the_schema_describes_in_their_order(
    answer: type[Serializer[Any]], shown: JSONObject
) -> None:
    is_described(shown, answer())


@pytest.mark.django_db
def test_a_batch_has_the_names_that_the_schema_describes_in_their_order() -> None:
    batch = OrderBatch.objects.create(source="api", mode="executions", state_machine_arn="arn")
    RefusedRow.objects.create(batch=batch, item=0, line=1, code="invalid", reason="No object.")

    is_described(presentation.order_batch(batch), OrderBatchAnswer())


def test_every_response_that_the_schema_gives_an_example_of_is_compared() -> None:
    # A bulk decision is compared in test_bulk_presentation.
    compared = {answer for answer, _ in PRESENTED} | {OrderBatchAnswer, BulkDecisionAnswer}

    assert compared == set(schema_examples.ANSWERS)


# --- what is not known is null


def test_an_attempt_that_was_not_started_has_no_execution_and_no_error() -> None:
    shown = presentation.attempt(OrderExecution(created_at=NOON, attempt=1, status="pending"))

    assert (shown["execution_arn"], shown["error"]) == (None, None)


def test_an_attempt_that_failed_names_its_error() -> None:
    assert presentation.attempt(FAILED)["error"] == {"name": "Busy", "cause": "Later."}


def test_an_intervention_has_an_outcome_once_it_is_known_and_a_person_if_one_asked() -> None:
    asked = OrderIntervention(order=FAILED, kind="stop", created_at=NOON, created_by=OLGA)
    done = OrderIntervention(order=FAILED, kind="stop", created_at=NOON, outcome="done")

    first, second = presentation.intervention(asked), presentation.intervention(done)

    assert (first["outcome"], first["by"], first["attempt"]) == (None, "olga@example.com", 2)
    assert (second["outcome"], second["by"]) == ("done", None)


def test_a_decision_at_the_deadline_is_the_systems() -> None:
    assert presentation.decision(Decision(outcome="approved"))["by"] == "system"


def test_a_persons_decision_has_their_address() -> None:
    decision = Decision(outcome="approved", by=User(email="ada@example.com"))

    assert presentation.decision(decision)["by"] == "ada@example.com"


def test_a_lease_is_shown_to_its_holder_alone_and_until_it_ends() -> None:
    held, around = decided()
    held.status, held.assignee, held.lease_id = "pending", OLGA, OLGA.pk
    held.lease_expires_at = NOON + timedelta(minutes=1)
    later = Surroundings(NOON + timedelta(minutes=1), {}, {})

    def lease(around: Surroundings, caller: User) -> list[Any]:
        shown = presentation.claimed_review(held, around, caller=caller)
        return [shown[name] for name in ("assignee", "lease_expires_at", "lease_id")]

    assert lease(around, OLGA) == ["olga@example.com", held.lease_expires_at, OLGA.pk]
    assert lease(around, OSCAR) == ["olga@example.com", held.lease_expires_at, None]
    assert lease(later, OLGA) == [None, None, None]
