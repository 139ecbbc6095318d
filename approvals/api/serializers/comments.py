"""Comments on a review: request and response."""

from __future__ import annotations

from rest_framework import serializers

from approvals.actions import discussion
from approvals.api.serializers.fields import StrictText
from approvals.api.serializers.requests import StrictSerializer
from approvals.models import Comment


class CommentBody(StrictSerializer):
    """A comment to add to a review."""

    text = StrictText(trim_whitespace=False, min_length=1, max_length=discussion.MAX_COMMENT)


class CommentAnswer(serializers.Serializer[Comment]):
    """A comment on a review."""

    id = serializers.UUIDField()
    by = serializers.EmailField(source="by.email")
    text = serializers.CharField()
    at = serializers.DateTimeField()
