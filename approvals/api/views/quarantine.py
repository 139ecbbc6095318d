"""Quarantine, for operators: list, read, replay and discard messages that could not become reviews."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from approvals.actions import quarantine
from approvals.api import pagination, presentation, quarantine_presentation, queries, schema
from approvals.api.authentication import NO_SCOPE
from approvals.api.endpoint import Endpoint
from approvals.api.serializers.quarantine import (
    DiscardBody,
    QuarantineAnswer,
    QuarantinedBodyAnswer,
    QuarantinedMessageAnswer,
    QuarantineQuery,
)
from approvals.api.serializers.requests import ANY, EmptyBody
from approvals.records import idempotency

BY_ARRIVAL = ("-received_at", "-id")
STATES: dict[str, dict[str, Any]] = {
    "open": {"replayed_at": None, "discarded_at": None},
    "replayed": {"replayed_at__isnull": False},
    "discarded": {"discarded_at__isnull": False},
    ANY: {},
}


class Quarantine(Endpoint):
    """All quarantined messages."""

    @schema.listing(
        "quarantine_list",
        QuarantineAnswer,
        query=QuarantineQuery,
    )
    def get(self, request: Request) -> Response:
        """List quarantined messages, newest first, open ones by default."""
        asked = self.query(QuarantineQuery)
        rows = queries.quarantine(self.actor).filter(**STATES[asked["state"]])
        if asked["queue"]:
            rows = rows.filter(queue__slug=asked["queue"])
        found = pagination.page(rows, BY_ARRIVAL, cursor=asked["cursor"], size=asked["page_size"])
        results = presentation.listed(found.rows, quarantine_presentation.quarantined)
        return Response(pagination.envelope(request, found, results))


class MessageEndpoint(Endpoint):
    """An endpoint of one quarantined message; its POST replays or discards it."""

    write_scope = NO_SCOPE

    def settle(self, verb: Callable[..., Any], status: int = 200) -> Response:
        """Run a verb as the caller, once under the request's key, and show the message as it is then."""
        statuses = [status]

        def repeat(first: idempotency.AlreadyAnswered) -> object:
            statuses.append(first.status)
            return first

        if self.run_once(verb, repeat, status=status) is None:  # a poller is to do it
            statuses.append(quarantine.ACCEPTED)
        return self.message_response(statuses[-1])

    def message_response(self, status: int = 200) -> Response:
        """Returns the message as it is now. Raises NotAllowed or NotFound."""
        row = queries.quarantined_message(self.actor, self.kwargs["message_id"])
        body = queries.redacted_body(row)
        return Response(quarantine_presentation.quarantined_message(row, body), status=status)


class Message(MessageEndpoint):
    """One quarantined message."""

    @schema.operation("quarantine_read", QuarantinedMessageAnswer, refused=[404])
    def get(self, request: Request, message_id: UUID) -> Response:
        """Read a quarantined message with the beginning of its body, task tokens redacted."""
        return self.message_response()


class Body(Endpoint):
    """The body of one quarantined message."""

    @schema.operation("quarantine_body", QuarantinedBodyAnswer, refused=[404])
    def get(self, request: Request, message_id: UUID) -> Response:
        """Read the whole body of a quarantined message, task tokens redacted."""
        row = queries.quarantined_message(self.actor, message_id)
        return Response(quarantine_presentation.quarantined_body(row, queries.redacted_body(row)))


class Replay(MessageEndpoint):
    """Replays a quarantined message."""

    @schema.operation(
        "quarantine_replay",
        QuarantinedMessageAnswer,
        body=EmptyBody,
        status=201,
        refused=[404, schema.ALREADY_SETTLED],
        accepted="Stored; a poller reads the object in S3 first.",
    )
    def post(self, request: Request, message_id: UUID) -> Response:
        """Create the review of a message that can be read now; `replayed_as` is its id.

        202 where the message is a pointer into a bucket of S3 that the queue allows: a poller reads the
        object and replays it, within seconds; `replayed_as` has the review then, or `replay_refusal` why
        there is none. The response is the message, not the review: an operator may have no permission to
        see that.
        """
        self.body(EmptyBody)
        return self.settle(partial(quarantine.replay, message_id), 201)


class Discard(MessageEndpoint):
    """Discards a quarantined message."""

    @schema.operation(
        "quarantine_discard",
        QuarantinedMessageAnswer,
        body=DiscardBody,
        refused=[404, schema.ALREADY_SETTLED],
    )
    def post(self, request: Request, message_id: UUID) -> Response:
        """Close a message without a review, with a reason. Its bytes are kept, sealed."""
        reason = self.body(DiscardBody)["reason"]
        return self.settle(partial(quarantine.discard, message_id, reason))
