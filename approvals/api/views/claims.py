"""Claims: take a review, keep it, give it back, hand it over to somebody else."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from approvals.actions import assignment
from approvals.api import queries, request_headers, schema
from approvals.api.serializers.reviews import (
    ClaimBody,
    ClaimedReviewAnswer,
    LeaseBody,
    ReassignBody,
    ReviewAnswer,
)
from approvals.api.views.reviews import ReviewAction
from approvals.models import ReviewTask


class ClaimAction(ReviewAction):
    """An endpoint that changes who holds a review, and takes If-Match."""

    def act_on_version(
        self,
        verb: Callable[..., ReviewTask],
        review_id: UUID,
        *arguments: Any,
        serializer: type[ReviewAnswer] = ReviewAnswer,
        **options: Any,
    ) -> Response:
        """Run a verb on the version of the review that If-Match names. Raises Invalid for a bad header."""
        version = request_headers.version(self.request)
        verb = partial(verb, review_id, *arguments, version=version, **options)
        return self.act(verb, serializer)


class Claim(ClaimAction):
    """Take a review."""

    @schema.versioned_operation("reviews_claim", ClaimedReviewAnswer, body=ClaimBody)
    def post(self, request: Request, review_id: UUID) -> Response:
        """Claim a review; claiming one's own again renews it. A lead may override another's claim."""
        options = self.body(ClaimBody)
        return self.act_on_version(
            assignment.claim, review_id, **options, serializer=ClaimedReviewAnswer
        )


class Renew(ClaimAction):
    """Keep a review."""

    @schema.versioned_operation("reviews_renew", ClaimedReviewAnswer, body=LeaseBody)
    def post(self, request: Request, review_id: UUID) -> Response:
        """Lengthen one's own claim."""
        options = self.body(LeaseBody)
        return self.act_on_version(
            assignment.renew, review_id, **options, serializer=ClaimedReviewAnswer
        )


class Release(ClaimAction):
    """Give a review back."""

    @schema.versioned_operation("reviews_release", ReviewAnswer, body=LeaseBody)
    def post(self, request: Request, review_id: UUID) -> Response:
        """Release one's own claim; releasing what nobody holds changes nothing."""
        options = self.body(LeaseBody)
        return self.act_on_version(assignment.release, review_id, **options)


class Reassign(ClaimAction):
    """Hand a review on."""

    @schema.versioned_operation("reviews_reassign", ReviewAnswer, body=ReassignBody)
    def post(self, request: Request, review_id: UUID) -> Response:
        """Give a review to somebody else: one's own, or for a lead anybody's. They hold it then."""
        to = queries.person(self.body(ReassignBody)["to"])
        return self.act_on_version(assignment.reassign, review_id, to)
