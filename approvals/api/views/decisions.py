"""Deciding and undoing over the API."""

from __future__ import annotations

from functools import partial
from typing import cast
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from approvals.actions import decisions
from approvals.api import queries, request_headers, schema
from approvals.api.endpoint import Endpoint
from approvals.api.serializers.decisions import DecisionBody
from approvals.api.serializers.requests import EmptyBody
from approvals.api.serializers.reviews import ReviewAnswer, VotedReviewAnswer
from approvals.api.views.reviews import Change, answer
from approvals.models.decisions import Outcome
from approvals.records import idempotency


class Decisions(Endpoint):
    """The decisions of a review."""

    @schema.operation(
        "reviews_decide",
        VotedReviewAnswer,
        body=DecisionBody,
        status=201,
        refused=[*schema.OF_CLAIMS, schema.LATE],
        parameters=[schema.IF_MATCH],
    )
    def post(self, request: Request, review_id: UUID) -> Response:
        """Approve or reject a review. Without `undo_seconds` the decision leaves at once."""
        asked, key = self.body(DecisionBody), self.idempotency_key(201)
        outcome = Outcome(asked.pop("outcome"))
        version = request_headers.version(request)
        wanted = decisions.DecisionRequest(**asked, version=version)
        since = None
        try:
            row = decisions.decide(review_id, outcome, by=self.actor, request=wanted, key=key)
        except idempotency.AlreadyAnswered:
            row = queries.review(self.actor, review_id)
            kept = idempotency.earlier(cast("idempotency.Key", key))
            since = kept.created_at if kept else None
        vote = queries.vote(row, self.caller, since=since)
        return answer(row, VotedReviewAnswer, status=201, vote=vote)


class Undo(Change):
    """Take a decision back."""

    @schema.operation(
        "decisions_undo",
        ReviewAnswer,
        body=EmptyBody,
        refused=[404, schema.CLOSED],
    )
    def post(self, request: Request, decision_id: UUID) -> Response:
        """Undo a decision that has not left yet; the review is pending again."""
        self.body(EmptyBody)
        return self.change(partial(decisions.undo, decision_id))
