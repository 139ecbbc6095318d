"""Reviews: the list, one review, and its audit trail; and how every endpoint responds with a review."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from approvals.actions import lifecycle
from approvals.api import pagination, presentation, queries, schema, surroundings
from approvals.api.endpoint import Endpoint
from approvals.api.pagination import PageQuery
from approvals.api.serializers.audit_events import EventAnswer
from approvals.api.serializers.reviews import (
    ClosingBody,
    ListedReviewAnswer,
    ReviewAnswer,
    ReviewQuery,
)
from approvals.models import ReviewTask
from approvals.records import idempotency

Presentation = Callable[[ReviewTask, surroundings.Surroundings], presentation.JSONObject]


def review_response(
    row: ReviewTask, present: Presentation = presentation.review, *, status: int = 200
) -> Response:
    """Returns one review, with its version as the ETag that If-Match takes.

    If-None-Match is ignored: the delivery's progress and the end of a lease change the response
    without a new version, so a 304 would confirm values that have changed.
    """
    body = present(row, surroundings.around([row]))
    return Response(body, status=status, headers={"ETag": f'"{row.version}"'})


class ReviewAction(Endpoint):
    """An endpoint whose POST changes one review and responds with it."""

    def act(
        self,
        verb: Callable[..., ReviewTask],
        present: Presentation = presentation.review,
    ) -> Response:
        """Run a verb as the caller, once under the request's key, and show the review as it is then."""
        row = self.run_once(verb, self._as_it_is)
        return review_response(row, present)

    def _as_it_is(self, first: idempotency.AlreadyAnswered) -> ReviewTask:
        return queries.review(self.actor, cast("UUID", first.result))


class Reviews(Endpoint):
    """All reviews the caller may see."""

    @schema.listing("reviews_list", ListedReviewAnswer, query=ReviewQuery)
    def get(self, request: Request) -> Response:
        """List the reviews that the caller may see, pending ones by default, without their payloads."""
        asked = self.query(ReviewQuery)
        listed = queries.filtered(asked, self.actor)
        found = pagination.page(
            queries.listed(listed.listed),
            listed.order,
            cursor=asked["cursor"],
            size=asked["page_size"],
            narrow=listed.narrow,
            read_first=listed.first,
        )
        rows = queries.with_queues(found.rows, listed.queues)
        around = surroundings.around(rows)
        results = presentation.listed(rows, partial(presentation.listed_review, around=around))
        return Response(pagination.envelope(request, found, results))


class Review(Endpoint):
    """One review."""

    @schema.operation("reviews_read", ReviewAnswer, refused=[404])
    def get(self, request: Request, review_id: UUID) -> Response:
        """Read a review."""
        return review_response(queries.review(self.actor, review_id))


class Events(Endpoint):
    """The audit trail of a review."""

    @schema.listing("reviews_events", EventAnswer, query=PageQuery, refused=[404])
    def get(self, request: Request, review_id: UUID) -> Response:
        """Read the audit trail of a review, oldest event first, with its hash chain."""
        asked = self.query(PageQuery)
        events = queries.events(queries.review(self.actor, review_id))
        found = pagination.page(events, ["seq"], cursor=asked["cursor"], size=asked["page_size"])
        results = presentation.listed(found.rows, presentation.event)
        return Response(pagination.envelope(request, found, results))


class CloseUnproved(ReviewAction):
    """Closes a review that is past its deadline and of which nothing can be proved."""

    @schema.operation(
        "reviews_close_unproved",
        ReviewAnswer,
        body=ClosingBody,
        refused=[404, schema.ALREADY_DECIDED],
    )
    def post(self, request: Request, review_id: UUID) -> Response:
        """Close an unproved review as expired, with a reason. Only a queue's lead may."""
        reason = self.body(ClosingBody)["reason"]
        return self.act(partial(lifecycle.close_unproved, review_id, reason))
