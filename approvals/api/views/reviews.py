"""Reviews: the list, one review, and its audit trail; and how every endpoint shows a review."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from approvals.api import pagination, queries, schema
from approvals.api.endpoint import Endpoint
from approvals.api.serializers.audit_events import EventAnswer
from approvals.api.serializers.requests import PageQuery
from approvals.api.serializers.reviews import ReviewAnswer, ReviewQuery
from approvals.models import ReviewTask
from approvals.records import database_time, execution_snapshots, idempotency, outbox


def serialized(
    rows: Iterable[ReviewTask],
    serializer: type[ReviewAnswer] = ReviewAnswer,
    **context: Any,
) -> list[dict[str, Any]]:
    """Returns the reviews as JSON objects; leases are compared with the database's clock as it is now.

    `context` is what the serializer needs beyond `now`, `deliveries` and `versions`.
    """
    rows = list(rows)
    context |= {
        "now": database_time.now(),
        "deliveries": outbox.callback_entries(row.decision_id for row in rows if row.decision_id),
        "versions": execution_snapshots.versions(row.execution_arn for row in rows),
    }
    return [dict(serializer(row, context=context).data) for row in rows]


def review_response(
    row: ReviewTask,
    serializer: type[ReviewAnswer] = ReviewAnswer,
    *,
    status: int = 200,
    **context: Any,
) -> Response:
    """Returns one review, with its version as the ETag that If-Match takes.

    If-None-Match is ignored: the delivery's progress and the end of a lease change the response
    without a new version, so a 304 would confirm values that have changed.
    """
    body = serialized([row], serializer, **context)[0]
    return Response(body, status=status, headers={"ETag": f'"{row.version}"'})


class ReviewAction(Endpoint):
    """An endpoint whose POST changes one review and responds with it."""

    def act(
        self,
        verb: Callable[..., ReviewTask],
        serializer: type[ReviewAnswer] = ReviewAnswer,
    ) -> Response:
        """Run a verb as the caller, once under the request's key, and show the review as it is then."""
        row = self.run_once(verb, self._as_it_is)
        return review_response(row, serializer, caller=self.caller)

    def _as_it_is(self, first: idempotency.AlreadyAnswered) -> ReviewTask:
        return queries.review(self.actor, cast("UUID", first.result))


class Reviews(Endpoint):
    """All reviews the caller may see."""

    @schema.listing("reviews_list", ReviewAnswer, query=ReviewQuery)
    def get(self, request: Request) -> Response:
        """List the reviews that the caller may see, pending ones by default."""
        asked = self.query(ReviewQuery)
        listed = queries.filtered(queries.reviews(self.actor), asked, self.actor)
        place = {"cursor": asked["cursor"], "size": asked["page_size"]}
        found = pagination.page(listed.rows, listed.order, narrow=listed.narrow, **place)
        return Response(pagination.envelope(request, found, serialized(found.rows)))


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
        results = [EventAnswer(row).data for row in found.rows]
        return Response(pagination.envelope(request, found, results))
