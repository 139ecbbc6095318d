"""Decisions and votes: the request that casts a vote, and both in responses."""

from __future__ import annotations

from rest_framework import serializers

from approvals.actions import decisions
from approvals.api.serializers.fields import (
    Choice,
    JSONDocument,
    StrictBoolean,
    StrictInteger,
    StrictText,
    StrictUUID,
)
from approvals.api.serializers.requests import StrictSerializer
from approvals.models import Decision, Vote
from approvals.models.choices import Outcome


class DecisionBody(StrictSerializer):
    """A vote on a review."""

    outcome = Choice(choices=Outcome.choices)
    reason_code = StrictText(default="", allow_blank=True, trim_whitespace=False, max_length=64)
    reason = StrictText(
        default="", allow_blank=True, trim_whitespace=False, max_length=decisions.MAX_REASON
    )
    edits = serializers.DictField(default=dict)
    lease_id = StrictUUID(default=None, allow_null=True)
    override = StrictBoolean(default=False)
    undo_seconds = StrictInteger(default=0, min_value=0, max_value=31_536_000)


class DecisionAnswer(serializers.Serializer[Decision]):
    """The decision on a review."""

    id = serializers.UUIDField()
    outcome = serializers.ChoiceField(choices=Outcome.choices)
    by = serializers.CharField(read_only=True, help_text="An e-mail address, or `system`.")
    reason_code = serializers.CharField()
    reason = serializers.CharField()
    edits = JSONDocument()
    decided_at = serializers.DateTimeField()
    undo_until = serializers.DateTimeField()


class VoteAnswer(serializers.Serializer[Vote]):
    """The caller's vote."""

    id = serializers.UUIDField()
    outcome = serializers.ChoiceField(choices=Outcome.choices)
