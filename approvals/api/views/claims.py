"""Claims: claim a review, extend the claim, release it, hand it over to another person."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from approvals.actions import assignment
from approvals.api import presentation, queries, request_headers, schema
from approvals.api.serializers.reviews import (
    ClaimBody,
    ClaimedReviewAnswer,
    LeaseBody,
    ReassignBody,
    ReviewAnswer,
)
from approvals.api.views.reviews import Presentation, ReviewAction
from approvals.models import ReviewTask


class ClaimAction(ReviewAction):
    """An endpoint that changes who holds a review, and takes If-Match."""

    def act_on_version(
        self,
        verb: Callable[..., ReviewTask],
        review_id: UUID,
        *arguments: Any,
        present: Presentation = presentation.review,
        **options: Any,
    ) -> Response:
        """Run a verb on the version of the review that If-Match names. Raises Invalid for a bad header."""
        version = request_headers.version(self.request)
        verb = partial(verb, review_id, *arguments, version=version, **options)
        return self.act(verb, present)

    @property
    def _as_claimed(self) -> Presentation:
        """Shows a review with the id of the caller's lease."""
        return partial(presentation.claimed_review, caller=self.caller)


class Claim(ClaimAction):
    """Claims a review."""

    @schema.versioned_operation("reviews_claim", ClaimedReviewAnswer, body=ClaimBody)
    def post(self, request: Request, review_id: UUID) -> Response:
        """Claim a review. Claiming one's own again renews the claim.

        A lead may take over another reviewer's claim with `override`.
        """
        options = self.body(ClaimBody)
        return self.act_on_version(assignment.claim, review_id, **options, present=self._as_claimed)


class Renew(ClaimAction):
    """Extends a claim."""

    @schema.versioned_operation("reviews_renew", ClaimedReviewAnswer, body=LeaseBody)
    def post(self, request: Request, review_id: UUID) -> Response:
        """Extend one's own claim."""
        options = self.body(LeaseBody)
        return self.act_on_version(assignment.renew, review_id, **options, present=self._as_claimed)


class Release(ClaimAction):
    """Ends a claim."""

    @schema.versioned_operation("reviews_release", ReviewAnswer, body=LeaseBody)
    def post(self, request: Request, review_id: UUID) -> Response:
        """Release one's own claim. Releasing a review that nobody holds changes nothing."""
        options = self.body(LeaseBody)
        return self.act_on_version(assignment.release, review_id, **options)


class Reassign(ClaimAction):
    """Hands a claim over."""

    @schema.versioned_operation("reviews_reassign", ReviewAnswer, body=ReassignBody)
    def post(self, request: Request, review_id: UUID) -> Response:
        """Hand a review over to another person, who then holds it: one's own, or as a lead any review."""
        to = queries.user_by_email(self.body(ReassignBody)["to"])
        return self.act_on_version(assignment.reassign, review_id, to)
