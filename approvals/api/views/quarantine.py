"""Quarantine, for operators: messages that could not become reviews, and what is to become of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from approvals.actions import ingest
from approvals.api import pagination, queries, schema
from approvals.api.authentication import ALL_RIGHTS
from approvals.api.endpoint import Endpoint
from approvals.api.serializers.quarantine import (
    DiscardBody,
    QuarantineAnswer,
    QuarantinedMessageAnswer,
    QuarantineQuery,
)
from approvals.api.serializers.requests import ANY, EmptyBody

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
        """List quarantined messages, the latest first, open ones unless another state is named."""
        asked = self.query(QuarantineQuery)
        rows = queries.quarantine(self.actor).filter(**STATES[asked["state"]])
        if asked["queue"]:
            rows = rows.filter(queue__slug=asked["queue"])
        found = pagination.page(rows, BY_ARRIVAL, cursor=asked["cursor"], size=asked["page_size"])
        results = [QuarantineAnswer(row).data for row in found.rows]
        return Response(pagination.envelope(request, found, results))


class OneMessage(Endpoint):
    """What the endpoints of one quarantined message share."""

    changes_need = ALL_RIGHTS

    def settle(self, verb: Callable[..., Any], status: int = 200) -> Response:
        """Run a verb of the caller's on the message, once, and show what became of it."""
        self.run_once(verb, lambda _: None, status=status)
        return self.shown(status)

    def shown(self, status: int = 200) -> Response:
        """The message as it is now."""
        row = queries.quarantined(self.actor, self.kwargs["message_id"])
        context = {"body": queries.blotted_body(row)}
        shown = QuarantinedMessageAnswer(row, context=context).data
        return Response(shown, status=status)


class Message(OneMessage):
    """One quarantined message."""

    @schema.operation("quarantine_read", QuarantinedMessageAnswer, refused=[404])
    def get(self, request: Request, message_id: UUID) -> Response:
        """Read a quarantined message with its body, tokens blotted out."""
        return self.shown()


class Replay(OneMessage):
    """Try a quarantined message again."""

    @schema.operation(
        "quarantine_replay",
        QuarantinedMessageAnswer,
        body=EmptyBody,
        status=201,
        refused=[404, schema.SETTLED],
    )
    def post(self, request: Request, message_id: UUID) -> Response:
        """Make the review of a message that can be read now; `replayed_as` names it.

        The answer is the message and not its review, which an operator may have no right to see.
        """
        self.body(EmptyBody)
        return self.settle(partial(ingest.replay, message_id), 201)


class Discard(OneMessage):
    """Give a quarantined message up."""

    @schema.operation(
        "quarantine_discard",
        QuarantinedMessageAnswer,
        body=DiscardBody,
        refused=[404, schema.SETTLED],
    )
    def post(self, request: Request, message_id: UUID) -> Response:
        """Settle a message without a review, for a reason. Its bytes stay, sealed."""
        reason = self.body(DiscardBody)["reason"]
        return self.settle(partial(ingest.discard, message_id, reason))
