"""Comments on a review: list them, add one."""

from __future__ import annotations

from functools import partial
from typing import cast
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from approvals.actions import discussion
from approvals.api import pagination, presentation, queries, schema
from approvals.api.endpoint import Endpoint
from approvals.api.pagination import PageQuery
from approvals.api.serializers.comments import CommentAnswer, CommentBody


class Comments(Endpoint):
    """The comments on a review."""

    @schema.listing("reviews_comments", CommentAnswer, query=PageQuery, refused=[404])
    def get(self, request: Request, review_id: UUID) -> Response:
        """List the comments on a review, oldest first."""
        asked = self.query(PageQuery)
        rows = queries.comments(queries.review(self.actor, review_id))
        found = pagination.page(rows, ["at", "id"], cursor=asked["cursor"], size=asked["page_size"])
        results = presentation.listed(found.rows, presentation.comment)
        return Response(pagination.envelope(request, found, results))

    @schema.operation(
        "reviews_comment",
        CommentAnswer,
        body=CommentBody,
        status=201,
        refused=[404],
    )
    def post(self, request: Request, review_id: UUID) -> Response:
        """Comment on a review, whatever its status. A comment is never changed."""
        text = self.body(CommentBody)["text"]
        row = self.run_once(
            partial(discussion.comment, review_id, text),
            lambda first: queries.comment(self.actor, review_id, cast("UUID", first.result)),
            status=201,
        )
        return Response(presentation.comment(row), status=201)
