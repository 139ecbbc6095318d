"""Reviews: list, read, claim, renew, release, reassign, comment, and their audit trail."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, cast
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from approvals.actions import assignment, discussion
from approvals.api import pagination, queries, request_headers, schema
from approvals.api.endpoint import Endpoint
from approvals.api.serializers.audit_events import EventAnswer
from approvals.api.serializers.comments import CommentAnswer, CommentBody
from approvals.api.serializers.requests import PageQuery
from approvals.api.serializers.reviews import (
    ClaimBody,
    ClaimedReviewAnswer,
    LeaseBody,
    ReassignBody,
    ReviewAnswer,
    ReviewQuery,
)
from approvals.models import ReviewTask
from approvals.records import database_time, execution_snapshots, idempotency


def present(
    rows: Iterable[ReviewTask],
    shape: type[ReviewAnswer] = ReviewAnswer,
    **context: Any,
) -> list[dict[str, Any]]:
    """Reviews as the API shows them, by the database's clock as it is now."""
    rows = list(rows)
    context |= {
        "now": database_time.now(),
        "deliveries": queries.deliveries(rows),
        "versions": execution_snapshots.versions(row.execution_arn for row in rows),
    }
    return [dict(shape(row, context=context).data) for row in rows]


def answer(
    row: ReviewTask,
    shape: type[ReviewAnswer] = ReviewAnswer,
    *,
    status: int = 200,
    **context: Any,
) -> Response:
    """One review as an answer, with its version as ETag, for If-Match.

    If-None-Match is not listened to: how far a delivery has come, and that a lease has run out, change
    the answer without a new version, so a 304 would keep what is no longer so.
    """
    shown = present([row], shape, **context)[0]
    return Response(shown, status=status, headers={"ETag": f'"{row.version}"'})


class Change(Endpoint):
    """An endpoint whose POST changes one review, and answers with it."""

    def change(
        self,
        verb: Callable[..., ReviewTask],
        shape: type[ReviewAnswer] = ReviewAnswer,
    ) -> Response:
        """Run a verb of the caller's, or show its review again where its key says it has run."""
        try:
            row = verb(by=self.actor, key=self.idempotency_key())
        except idempotency.AlreadyAnswered as earlier:
            row = queries.review(self.actor, cast("UUID", earlier.result))
        return answer(row, shape, caller=self.caller)


class Reviews(Endpoint):
    """All reviews the caller may see."""

    @schema.listing("reviews_list", ReviewAnswer, query=ReviewQuery)
    def get(self, request: Request) -> Response:
        """List reviews, pending ones unless other statuses are named."""
        asked = self.query(ReviewQuery)
        rows = queries.narrowed(queries.reviews(self.actor), asked, self.actor)
        order = queries.ORDERS[asked["ordering"]]
        found = pagination.page(rows, order, cursor=asked["cursor"], size=asked["page_size"])
        return Response(pagination.envelope(request, found, present(found.rows)))


class Review(Endpoint):
    """One review."""

    @schema.operation("reviews_read", ReviewAnswer, refused=[404])
    def get(self, request: Request, review_id: UUID) -> Response:
        """Read a review."""
        return answer(queries.review(self.actor, review_id))


class Claim(Change):
    """Take a review."""

    @schema.operation(
        "reviews_claim",
        ClaimedReviewAnswer,
        body=ClaimBody,
        refused=schema.OF_CLAIMS,
        parameters=[schema.IF_MATCH],
    )
    def post(self, request: Request, review_id: UUID) -> Response:
        """Claim a review; claiming one's own again renews it. A lead may override another's claim."""
        asked = self.body(ClaimBody)
        verb = partial(
            assignment.claim, review_id, version=request_headers.version(request), **asked
        )
        return self.change(verb, ClaimedReviewAnswer)


class Renew(Change):
    """Keep a review."""

    @schema.operation(
        "reviews_renew",
        ClaimedReviewAnswer,
        body=LeaseBody,
        refused=schema.OF_CLAIMS,
        parameters=[schema.IF_MATCH],
    )
    def post(self, request: Request, review_id: UUID) -> Response:
        """Lengthen one's own claim."""
        asked = self.body(LeaseBody)
        verb = partial(
            assignment.renew, review_id, version=request_headers.version(request), **asked
        )
        return self.change(verb, ClaimedReviewAnswer)


class Release(Change):
    """Give a review back."""

    @schema.operation(
        "reviews_release",
        ReviewAnswer,
        body=LeaseBody,
        refused=schema.OF_CLAIMS,
        parameters=[schema.IF_MATCH],
    )
    def post(self, request: Request, review_id: UUID) -> Response:
        """Release one's own claim; releasing what nobody holds changes nothing."""
        asked = self.body(LeaseBody)
        verb = partial(
            assignment.release, review_id, version=request_headers.version(request), **asked
        )
        return self.change(verb)


class Reassign(Change):
    """Hand a review on."""

    @schema.operation(
        "reviews_reassign",
        ReviewAnswer,
        body=ReassignBody,
        refused=schema.OF_CLAIMS,
        parameters=[schema.IF_MATCH],
    )
    def post(self, request: Request, review_id: UUID) -> Response:
        """Give a review to somebody else: one's own, or for a lead anybody's. They hold it then."""
        to = queries.person(self.body(ReassignBody)["to"])
        version = request_headers.version(request)
        return self.change(partial(assignment.reassign, review_id, to, version=version))


class Comments(Endpoint):
    """What people say about a review."""

    @schema.listing("reviews_comments", CommentAnswer, query=PageQuery, refused=[404])
    def get(self, request: Request, review_id: UUID) -> Response:
        """Read the comments on a review, oldest first."""
        asked = self.query(PageQuery)
        said = queries.comments(queries.review(self.actor, review_id))
        found = pagination.page(said, ["at", "id"], cursor=asked["cursor"], size=asked["page_size"])
        shown = [CommentAnswer(row).data for row in found.rows]
        return Response(pagination.envelope(request, found, shown))

    @schema.operation(
        "reviews_comment",
        CommentAnswer,
        body=CommentBody,
        status=201,
        refused=[404],
    )
    def post(self, request: Request, review_id: UUID) -> Response:
        """Say something about a review, whatever its status. A comment is never changed."""
        text, key = self.body(CommentBody)["text"], self.idempotency_key(201)
        try:
            said = discussion.comment(review_id, text, by=self.actor, key=key)
        except idempotency.AlreadyAnswered as earlier:
            said = queries.comment(self.actor, review_id, cast("UUID", earlier.result))
        return Response(CommentAnswer(said).data, status=201)


class Events(Endpoint):
    """What happened to a review."""

    @schema.listing("reviews_events", EventAnswer, query=PageQuery, refused=[404])
    def get(self, request: Request, review_id: UUID) -> Response:
        """Read the audit trail of a review, oldest first, with the hashes of its chain."""
        asked = self.query(PageQuery)
        events = queries.events(queries.review(self.actor, review_id))
        found = pagination.page(events, ["seq"], cursor=asked["cursor"], size=asked["page_size"])
        shown = [EventAnswer(row).data for row in found.rows]
        return Response(pagination.envelope(request, found, shown))
