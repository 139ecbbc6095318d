"""Reviews: list, read, claim, renew, release, and their audit trail."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from approvals.actions import assignment
from approvals.api import documentation as told
from approvals.api import pagination, reading, serializers, shapes
from approvals.api.endpoint import SURFACE, Endpoint
from approvals.models import ReviewTask
from approvals.records import clock


def present(
    rows: Iterable[ReviewTask],
    shape: type[serializers.ReviewAnswer] = serializers.ReviewAnswer,
    **context: Any,
) -> list[dict[str, Any]]:
    """Reviews as the API shows them, by the database's clock as it is now."""
    rows = list(rows)
    context |= {"now": clock.now(), "deliveries": reading.deliveries(rows)}
    return [dict(shape(row, context=context).data) for row in rows]


def answer(
    row: ReviewTask,
    shape: type[serializers.ReviewAnswer] = serializers.ReviewAnswer,
    *,
    status: int = 200,
    **context: Any,
) -> Response:
    """One review as an answer."""
    return Response(present([row], shape, **context)[0], status=status)


class Reviews(Endpoint):
    """All reviews the caller may see."""

    @told.listing("reviews_list", serializers.ReviewAnswer, query=shapes.ReviewQuery)
    def get(self, request: Request) -> Response:
        """List reviews, pending ones unless other statuses are named."""
        asked = self.query(shapes.ReviewQuery)
        rows = reading.narrowed(reading.reviews(self.caller), asked, self.caller)
        order = reading.ORDERS[asked["ordering"]]
        found = pagination.page(rows, order, cursor=asked["cursor"], size=asked["page_size"])
        return Response(pagination.envelope(request, found, present(found.rows)))


class Review(Endpoint):
    """One review."""

    @told.operation("reviews_read", serializers.ReviewAnswer, refused=[404])
    def get(self, request: Request, review_id: UUID) -> Response:
        """Read a review."""
        return answer(reading.review(self.caller, review_id))


class Claim(Endpoint):
    """Take a review."""

    @told.operation(
        "reviews_claim",
        serializers.ClaimedReviewAnswer,
        body=shapes.ClaimBody,
        refused=[403, 404, 409, 422],
    )
    def post(self, request: Request, review_id: UUID) -> Response:
        """Claim a review; claiming one's own again renews it. A lead may override another's claim."""
        asked = self.body(shapes.ClaimBody)
        row = assignment.claim(
            review_id, by=self.caller, surface=SURFACE, override=asked["override"]
        )
        return answer(row, serializers.ClaimedReviewAnswer)


class Renew(Endpoint):
    """Keep a review."""

    @told.operation(
        "reviews_renew",
        serializers.ClaimedReviewAnswer,
        body=shapes.LeaseBody,
        refused=[403, 404, 409, 422],
    )
    def post(self, request: Request, review_id: UUID) -> Response:
        """Lengthen one's own claim."""
        asked = self.body(shapes.LeaseBody)
        row = assignment.renew(
            review_id, by=self.caller, surface=SURFACE, lease_id=asked["lease_id"]
        )
        return answer(row, serializers.ClaimedReviewAnswer)


class Release(Endpoint):
    """Give a review back."""

    @told.operation(
        "reviews_release",
        serializers.ReviewAnswer,
        body=shapes.LeaseBody,
        refused=[403, 404, 409, 422],
    )
    def post(self, request: Request, review_id: UUID) -> Response:
        """Release one's own claim; releasing what nobody holds changes nothing."""
        asked = self.body(shapes.LeaseBody)
        row = assignment.release(
            review_id, by=self.caller, surface=SURFACE, lease_id=asked["lease_id"]
        )
        return answer(row)


class Events(Endpoint):
    """What happened to a review."""

    @told.listing("reviews_events", serializers.EventAnswer, query=shapes.PageQuery, refused=[404])
    def get(self, request: Request, review_id: UUID) -> Response:
        """Read the audit trail of a review, oldest first, with the hashes of its chain."""
        asked = self.query(shapes.PageQuery)
        events = reading.events(reading.review(self.caller, review_id))
        found = pagination.page(events, ["seq"], cursor=asked["cursor"], size=asked["page_size"])
        shown = [serializers.EventAnswer(row).data for row in found.rows]
        return Response(pagination.envelope(request, found, shown))
