"""Deferrals: skip a review, snooze it, or have others decide it."""

from __future__ import annotations

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from approvals.actions import escalation, postponement
from approvals.api import schema
from approvals.api.serializers.reviews import EscalateBody, ReviewAnswer, SkipBody, SnoozeBody
from approvals.api.views.claims import ClaimAction


class Skip(ClaimAction):
    """Skips a review."""

    @schema.versioned_operation("reviews_skip", ReviewAnswer, body=SkipBody)
    def post(self, request: Request, review_id: UUID) -> Response:
        """Skip a review: `next/` gives it to the caller again after all others. Their claim ends."""
        return self.act_on_version(postponement.skip, review_id, **self.body(SkipBody))


class Snooze(ClaimAction):
    """Sets a review aside."""

    @schema.versioned_operation("reviews_snooze", ReviewAnswer, body=SnoozeBody)
    def post(self, request: Request, review_id: UUID) -> Response:
        """Set a review aside for everybody until a time before its deadline. Its claim ends."""
        until = self.body(SnoozeBody)["until"]
        return self.act_on_version(postponement.snooze, review_id, until)


class Escalate(ClaimAction):
    """Escalates a review."""

    @schema.versioned_operation("reviews_escalate", ReviewAnswer, body=EscalateBody)
    def post(self, request: Request, review_id: UUID) -> Response:
        """Have the people of the queue's `escalate_to` decide, or without one its leads. Its claim ends."""
        reason = self.body(EscalateBody)["reason"]
        return self.act_on_version(escalation.escalate, review_id, reason)
