"""Deciding and undoing over the API."""

from __future__ import annotations

import re
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from approvals.actions import decisions
from approvals.api import documentation as told
from approvals.api import reading, serializers, shapes
from approvals.api.endpoint import SURFACE, Endpoint
from approvals.api.views.reviews import answer
from approvals.exceptions import Invalid
from approvals.models.decisions import Outcome

VERBS = {Outcome.APPROVED: decisions.approve, Outcome.REJECTED: decisions.reject}


class Decisions(Endpoint):
    """The decisions of a review."""

    @told.operation(
        "reviews_decide",
        serializers.VotedReviewAnswer,
        body=shapes.DecisionBody,
        status=201,
        refused=[403, 404, 409, 412, 422],
        parameters=[told.IF_MATCH],
        examples=told.DECISIONS,
    )
    def post(self, request: Request, review_id: UUID) -> Response:
        """Approve or reject a review. Without `undo_seconds` the decision leaves at once."""
        asked = self.body(shapes.DecisionBody)
        decide = VERBS[Outcome(asked.pop("outcome"))]
        ruling = decisions.Ruling(**asked, version=_version(request), signed_in=self.signed_in)
        row = decide(review_id, by=self.caller, surface=SURFACE, ruling=ruling)
        vote = reading.vote(row, self.caller)
        return answer(row, serializers.VotedReviewAnswer, status=201, vote=vote)


class Undo(Endpoint):
    """Take a decision back."""

    @told.operation(
        "decisions_undo",
        serializers.ReviewAnswer,
        body=shapes.Nothing,
        refused=[403, 404, 409, 422],
    )
    def post(self, request: Request, decision_id: UUID) -> Response:
        """Undo a decision that has not left yet; the review is pending again."""
        self.body(shapes.Nothing)
        return answer(decisions.undo(decision_id, by=self.caller, surface=SURFACE))


def _version(request: Request) -> int | None:
    """The version of If-Match: "7"; None where there is none, or any will do."""
    header = request.META.get("HTTP_IF_MATCH", "").strip()
    if header in {"", "*"}:
        return None
    match = re.fullmatch(r'"([0-9]{1,18})"', header)
    if match is None:
        raise Invalid('If-Match takes one version in quotes, such as "7".', header="If-Match")
    return int(match[1])
