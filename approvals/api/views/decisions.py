"""Decisions: approve or reject a review, undo a decision."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from approvals.actions import decisions
from approvals.api import presentation, queries, request_headers, schema
from approvals.api.endpoint import Endpoint
from approvals.api.serializers.decisions import DecisionBody
from approvals.api.serializers.requests import EmptyBody
from approvals.api.serializers.reviews import ReviewAnswer, VotedReviewAnswer
from approvals.api.views.reviews import ReviewAction, review_response
from approvals.models.choices import Outcome


class Decisions(Endpoint):
    """The decisions of a review."""

    @schema.versioned_operation(
        "reviews_decide",
        VotedReviewAnswer,
        body=DecisionBody,
        status=201,
        refused=[schema.DEADLINE_PASSED],
    )
    def post(self, request: Request, review_id: UUID) -> Response:
        """Approve or reject a review. Without `undo_seconds` the decision is sent at once."""
        asked = self.body(DecisionBody)
        outcome = Outcome(asked.pop("outcome"))
        version = request_headers.version(request)
        wanted = decisions.DecisionRequest(**asked, version=version)
        row, since = self.run_once(
            lambda **caller: (decisions.decide(review_id, outcome, request=wanted, **caller), None),
            lambda first: (queries.review(self.actor, review_id), first.created_at),
            status=201,
        )
        vote = row.just_cast or queries.vote(row, self.caller, since=since)
        return review_response(row, partial(presentation.voted_review, cast=vote), status=201)


class Undo(ReviewAction):
    """The undoing of a decision."""

    @schema.operation(
        "decisions_undo",
        ReviewAnswer,
        body=EmptyBody,
        refused=[404, schema.UNDO_CLOSED],
    )
    def post(self, request: Request, decision_id: UUID) -> Response:
        """Undo a decision before it is sent to Step Functions. The review is pending again."""
        self.body(EmptyBody)
        return self.act(partial(decisions.undo, decision_id))
