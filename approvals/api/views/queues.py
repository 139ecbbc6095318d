"""Queues: the caller's queues with their open reviews, and claiming the next review of one."""

from __future__ import annotations

from functools import partial

from rest_framework.request import Request
from rest_framework.response import Response

from approvals import policy
from approvals.actions import assignment
from approvals.api import presentation, queries, schema
from approvals.api.endpoint import Endpoint
from approvals.api.serializers.queues import QueueAnswer
from approvals.api.serializers.requests import EmptyBody
from approvals.api.serializers.reviews import ClaimedReviewAnswer, ReviewFilter
from approvals.api.views.reviews import review_response
from approvals.policy import Action
from approvals.records import database_time


class Queues(Endpoint):
    """All queues in which the caller has a role."""

    @schema.listing("queues_list", QueueAnswer)
    def get(self, request: Request) -> Response:
        """List the caller's queues by name, with their open reviews, on one page."""
        now = database_time.now()
        rows = queries.queues(self.actor)
        results = presentation.listed(rows, lambda row: presentation.queue(row, now))
        return Response({"results": results, "next": None, "previous": None})


class Next(Endpoint):
    """The next unclaimed review of a queue."""

    @schema.operation(
        "queues_next",
        ClaimedReviewAnswer,
        body=EmptyBody,
        query=ReviewFilter,
        refused=[404],
        may_be_empty=True,
    )
    def post(self, request: Request, slug: str) -> Response:
        """Claim the first unclaimed review of a queue, by the filters of the review list. 204 if none is left."""
        asked = self.query(ReviewFilter)
        self.body(EmptyBody)
        queue = queries.queue(self.actor, slug)
        policy.may(Action.CLAIM, queue, by=self.actor).or_raise()
        listed = queries.filtered(asked, self.actor)
        rows = queries.shown(listed.rows)
        if asked["escalated_to"] != slug:  # those were escalated from other queues
            rows = rows.filter(queue=queue)
        wanted = rows.order_by(*listed.order)
        row = self.run_once(
            partial(assignment.claim_next, wanted),
            lambda first: queries.review(self.actor, first.result) if first.result else None,
        )
        if row is None:
            return Response(status=204)
        return review_response(row, partial(presentation.claimed_review, caller=self.caller))
