"""The shapes of answers: every field named, so that a column of a model never shows by accident."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from approvals.actors import SYSTEM_NAME
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
    ReviewTask,
    Vote,
)
from approvals.models.choices import Outcome
from approvals.orchestration.batches import progress
from approvals.untrusted import redaction

DELIVERY_STATES = (
    "waiting",
    "sending",
    "delivered",
    "closed_elsewhere",
    "unconfirmed",
    "parked",
    "undone",
)


class ProblemAnswer(serializers.Serializer[Any]):
    """A refusal, RFC 9457. Match on `code`; some codes come with more members than these."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    pointer = serializers.CharField(required=False, help_text="Where in the body, a JSON Pointer.")
    parameter = serializers.CharField(required=False, help_text="Which query parameter.")
    header = serializers.CharField(required=False, help_text="Which request header.")


@extend_schema_field(OpenApiTypes.OBJECT)
class Document(serializers.JSONField):
    """JSON as it was stored."""


class ErrorAnswer(serializers.Serializer[ReviewTask]):
    """What went wrong in the workflow."""

    name = serializers.CharField(source="error_name")
    cause = serializers.CharField(source="error_cause")


class DeliveryAnswer(serializers.Serializer[OutboxEntry]):
    """How far the decision has come on its way to Step Functions."""

    state = serializers.ChoiceField(choices=DELIVERY_STATES, source="delivery.state")
    detail = serializers.CharField(source="delivery.detail")
    attempts = serializers.IntegerField()
    delivered_at = serializers.SerializerMethodField()

    def get_delivered_at(self, entry: OutboxEntry) -> datetime | None:
        """When it was proved that Step Functions has it."""
        return entry.ended_at if entry.delivery.state == "delivered" else None


class DecisionAnswer(serializers.Serializer[Decision]):
    """The answer a review got."""

    id = serializers.UUIDField()
    outcome = serializers.ChoiceField(choices=Outcome.choices)
    by = serializers.SerializerMethodField(help_text="An e-mail, or `system`.")
    reason_code = serializers.CharField()
    reason = serializers.CharField()
    edits = Document()
    decided_at = serializers.DateTimeField()
    undo_until = serializers.DateTimeField()

    def get_by(self, decision: Decision) -> str:
        """Who decided."""
        return decision.by.email if decision.by else SYSTEM_NAME


class DefinitionAnswer(serializers.Serializer[Any]):
    """Which definition of its state machine the review's execution runs."""

    revision = serializers.CharField(
        allow_null=True, help_text="As the message said it, in `definitionRevision`."
    )
    version_arn = serializers.CharField(
        allow_null=True, help_text="The published version, once Step Functions was asked."
    )


class ReviewAnswer(serializers.Serializer[ReviewTask]):
    """A review. The context brings `now`, a time of the database's clock, `deliveries` and `versions`."""

    id = serializers.UUIDField()
    queue = serializers.SlugField(source="queue.slug")
    reference = serializers.CharField()
    title = serializers.CharField()
    status = serializers.ChoiceField(choices=ReviewTask.Status.choices)
    outcome = serializers.SerializerMethodField()
    delivery = serializers.SerializerMethodField(help_text="Null until there is a decision.")
    error = ErrorAnswer(source="*")
    payload = Document(help_text="The message, without its task token.")
    execution_arn = serializers.SerializerMethodField()
    state_name = serializers.CharField()
    received_at = serializers.DateTimeField()
    deadline_at = serializers.DateTimeField()
    deadline_source = serializers.ChoiceField(choices=ReviewTask.DeadlineSource.choices)
    assignee = serializers.SerializerMethodField(help_text="Null once the lease has run out.")
    lease_expires_at = serializers.SerializerMethodField()
    version = serializers.IntegerField()
    decision = DecisionAnswer(allow_null=True)
    definition = serializers.SerializerMethodField()

    @extend_schema_field(serializers.ChoiceField(choices=Outcome.choices, allow_null=True))
    def get_outcome(self, review: ReviewTask) -> str | None:
        """The decision's."""
        return review.decision.outcome if review.decision else None

    @extend_schema_field(DeliveryAnswer(allow_null=True))
    def get_delivery(self, review: ReviewTask) -> dict[str, Any] | None:
        """Decided is not delivered."""
        entry = self.context["deliveries"].get(review.decision_id)
        return None if entry is None else dict(DeliveryAnswer(entry).data)

    @extend_schema_field(DefinitionAnswer)
    def get_definition(self, review: ReviewTask) -> dict[str, str | None]:
        """Null where it is not known, which says nothing against the review."""
        version = self.context["versions"].get(review.execution_arn)
        return {"revision": review.definition_revision or None, "version_arn": version}

    def get_execution_arn(self, review: ReviewTask) -> str | None:
        """Null where the message named none."""
        return review.execution_arn or None

    @extend_schema_field(serializers.EmailField(allow_null=True))
    def get_assignee(self, review: ReviewTask) -> str | None:
        """Who holds it now."""
        if review.assignee is None or not review.is_held(self.context["now"]):
            return None
        return review.assignee.email

    def get_lease_expires_at(self, review: ReviewTask) -> datetime | None:
        """Until when they do."""
        return review.lease_expires_at if review.is_held(self.context["now"]) else None


class ClaimedReviewAnswer(ReviewAnswer):
    """A review that the caller has claimed. The context brings the `caller` too."""

    lease_id = serializers.SerializerMethodField(
        help_text="Null where an answer is repeated and the claim has ended since."
    )

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_lease_id(self, review: ReviewTask) -> str | None:
        """The caller's own lease, for as long as it is theirs."""
        if review.assignee_id != self.context["caller"].pk:
            return None
        return str(review.lease_id) if review.is_held(self.context["now"]) else None


class VoteAnswer(serializers.Serializer[Vote]):
    """What the caller said."""

    id = serializers.UUIDField()
    outcome = serializers.ChoiceField(choices=Outcome.choices)


class VotedReviewAnswer(ReviewAnswer):
    """A review after the caller's vote; `decision` is null while votes are missing."""

    vote = serializers.SerializerMethodField()

    @extend_schema_field(VoteAnswer)
    def get_vote(self, review: ReviewTask) -> dict[str, Any]:
        """The vote that this request cast."""
        return dict(VoteAnswer(self.context["vote"]).data)


class CommentAnswer(serializers.Serializer[Comment]):
    """What somebody said about a review."""

    id = serializers.UUIDField()
    by = serializers.EmailField(source="by.email")
    text = serializers.CharField()
    at = serializers.DateTimeField()


class EventAnswer(serializers.Serializer[AuditEvent]):
    """One link of the review's hash chain."""

    seq = serializers.IntegerField()
    kind = serializers.CharField()
    actor = serializers.CharField(source="actor_name")
    on_behalf_of = serializers.EmailField(
        source="on_behalf_of.email", default=None, allow_null=True
    )
    surface = serializers.CharField()
    data = Document()  # type: ignore[assignment]  # a field, not the answer's own `data`
    at = serializers.DateTimeField()
    prev_hash = serializers.SerializerMethodField()
    hash = serializers.SerializerMethodField()

    def get_prev_hash(self, event: AuditEvent) -> str:
        """In hexadecimal."""
        return bytes(event.prev_hash).hex()

    def get_hash(self, event: AuditEvent) -> str:
        """In hexadecimal."""
        return bytes(event.hash).hex()


class QueueAnswer(serializers.Serializer[Any]):
    """A queue, and how much waits in it; counting stops at 100."""

    slug = serializers.SlugField()
    name = serializers.CharField()
    open = serializers.IntegerField(max_value=100)
    open_is_capped = serializers.BooleanField(help_text="There are more than `open` says.")
    oldest_received_at = serializers.DateTimeField(allow_null=True)
    oldest_age_seconds = serializers.IntegerField(allow_null=True)
    next_deadline_at = serializers.DateTimeField(allow_null=True)


class OutageAnswer(serializers.Serializer[OrderExecution]):
    """The error an execution ended with."""

    name = serializers.CharField(source="error")
    cause = serializers.CharField(
        help_text="Its beginning; whatever looks like a token is blotted."
    )


class AttemptAnswer(serializers.Serializer[OrderExecution]):
    """One execution that was to fulfil an order."""

    attempt = serializers.IntegerField()
    execution_arn = serializers.SerializerMethodField(help_text="Null until Step Functions has it.")
    status = serializers.ChoiceField(choices=OrderExecution.Status.choices)
    refusal = serializers.CharField(help_text="Why Step Functions will not take it, or empty.")
    error = serializers.SerializerMethodField(help_text="Null unless it ended with one.")
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True, help_text="As Step Functions says.")

    def get_execution_arn(self, order: OrderExecution) -> str | None:
        """Known from an answer of Step Functions, never put together here."""
        return order.execution_arn or None

    @extend_schema_field(OutageAnswer(allow_null=True))
    def get_error(self, order: OrderExecution) -> dict[str, Any] | None:
        """What it ended with."""
        return dict(OutageAnswer(order).data) if order.error else None


class OrderAnswer(AttemptAnswer):
    """An order and the execution that fulfils it: its last attempt."""

    order_id = serializers.CharField()


class InterventionAnswer(serializers.Serializer[OrderIntervention]):
    """What somebody asked to be done to an execution, and what Step Functions made of it."""

    kind = serializers.ChoiceField(choices=OrderIntervention.Kind.choices)
    attempt = serializers.IntegerField(source="order.attempt")
    reason = serializers.CharField()
    by = serializers.SerializerMethodField()
    asked_at = serializers.DateTimeField(source="created_at")
    outcome = serializers.SerializerMethodField(help_text="Null while that is not known.")
    ended_at = serializers.DateTimeField(allow_null=True)

    @extend_schema_field(serializers.EmailField(allow_null=True))
    def get_by(self, hand: OrderIntervention) -> str | None:
        """Who asked; null where it was a command."""
        return hand.created_by.email if hand.created_by else None

    @extend_schema_field(
        serializers.ChoiceField(choices=OrderIntervention.Outcome.choices, allow_null=True)
    )
    def get_outcome(self, hand: OrderIntervention) -> str | None:
        """How it ended."""
        return hand.outcome or None


class WholeOrderAnswer(OrderAnswer):
    """One order with its input, all attempts and what was done to them.

    The context brings `attempts` and `interventions`.
    """

    input = serializers.SerializerMethodField(help_text="As it was handed over.")
    attempts = serializers.SerializerMethodField(help_text="The latest first.")
    interventions = serializers.SerializerMethodField(help_text="Redrives and stops, latest first.")

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_input(self, order: OrderExecution) -> Any:
        """Without what looks like a task token."""
        return redaction.redact_json(json.loads(order.input))

    @extend_schema_field(AttemptAnswer(many=True))
    def get_attempts(self, order: OrderExecution) -> list[dict[str, Any]]:
        """Of the same order."""
        return [dict(AttemptAnswer(row).data) for row in self.context["attempts"]]

    @extend_schema_field(InterventionAnswer(many=True))
    def get_interventions(self, order: OrderExecution) -> list[dict[str, Any]]:
        """Of all attempts."""
        return [dict(InterventionAnswer(row).data) for row in self.context["interventions"]]


class RefusedRowAnswer(serializers.Serializer[RefusedRow]):
    """A row of a batch's source that became no order."""

    line = serializers.IntegerField()
    order_id = serializers.CharField(help_text="Empty where the row could not be read.")
    code = serializers.CharField(help_text="Why, in one word that does not change.")
    reason = serializers.CharField()


class OrderBatchAnswer(serializers.Serializer[OrderBatch]):
    """A batch of orders, and what its rows have come to. The context brings `stands`."""

    id = serializers.UUIDField()
    source = serializers.CharField(  # type: ignore[assignment]
        help_text="`s3://bucket/key`, `file:name`, or `api`."
    )
    mode = serializers.ChoiceField(choices=OrderBatch.Mode.choices)
    batch_size = serializers.IntegerField(source="size")
    on_bad_row = serializers.ChoiceField(choices=OrderBatch.OnBadRow.choices)
    status = serializers.ChoiceField(choices=OrderBatch.Status.choices)
    trouble = serializers.CharField(help_text="Why it was stopped, or empty.")
    progress = serializers.SerializerMethodField(help_text="0 to 1.")
    counts = serializers.SerializerMethodField(
        help_text="Rows by their end; all but `read` sum up to it."
    )
    refusals = serializers.SerializerMethodField(help_text="The first 100 rows that were refused.")
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)

    def get_progress(self, batch: OrderBatch) -> float:
        """How far it is."""
        return round(progress.progress(batch, self.context["stands"])[0], 4)

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "integer"}})
    def get_counts(self, batch: OrderBatch) -> dict[str, int]:
        """What its rows have come to."""
        return progress.sums(batch, self.context["stands"])

    @extend_schema_field(RefusedRowAnswer(many=True))
    def get_refusals(self, batch: OrderBatch) -> Any:
        """The first refused rows."""
        first = list(batch.refusals.order_by("item")[:100])
        return [RefusedRowAnswer(row).data for row in first]


QUARANTINE_STATES = ("open", "replayed", "discarded")


class QuarantineAnswer(serializers.Serializer[QuarantinedMessage]):
    """A message that could not become a review."""

    id = serializers.UUIDField()
    queue = serializers.SlugField(source="queue.slug")
    state = serializers.SerializerMethodField()
    origin = serializers.ChoiceField(choices=QuarantinedMessage.Origin.choices)
    reason = serializers.CharField(help_text="Why, in one word that does not change.")
    explanation = serializers.CharField()
    bytes = serializers.IntegerField(source="raw_body_bytes")
    sqs_message_id = serializers.CharField()
    sent_at = serializers.DateTimeField()
    received_at = serializers.DateTimeField()
    replayed_at = serializers.DateTimeField(allow_null=True)
    replayed_by = serializers.SerializerMethodField()
    replayed_as = serializers.UUIDField(
        source="replayed_as_id", allow_null=True, help_text="The review it became."
    )
    discarded_at = serializers.DateTimeField(allow_null=True)
    discarded_by = serializers.SerializerMethodField()
    discard_reason = serializers.CharField()

    @extend_schema_field(serializers.ChoiceField(choices=QUARANTINE_STATES))
    def get_state(self, message: QuarantinedMessage) -> str:
        """What became of it."""
        if message.replayed_at is not None:
            return "replayed"
        return "open" if message.discarded_at is None else "discarded"

    @extend_schema_field(serializers.EmailField(allow_null=True))
    def get_replayed_by(self, message: QuarantinedMessage) -> str | None:
        """Who replayed it."""
        return message.replayed_by.email if message.replayed_by else None

    @extend_schema_field(serializers.EmailField(allow_null=True))
    def get_discarded_by(self, message: QuarantinedMessage) -> str | None:
        """Who discarded it."""
        return message.discarded_by.email if message.discarded_by else None


class QuarantinedMessageAnswer(QuarantineAnswer):
    """One such message with its body. The context brings the `body`, tokens blotted out."""

    body = serializers.SerializerMethodField(
        help_text="As it came, but for what is or looks like a task token. Null without its key."
    )

    def get_body(self, message: QuarantinedMessage) -> str | None:
        """Never the bytes themselves: those may hold a token."""
        body: str | None = self.context["body"]
        return body
