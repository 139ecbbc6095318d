"""The message after a decision, with its undo button while there is time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.http import HttpRequest
from django.utils.dateparse import parse_datetime

from approvals.models import ReviewTask
from approvals.untrusted import display
from approvals.web.access import access_of

_UNDO = "undo"


@dataclass(frozen=True)
class Undo:
    """A decision that can still be undone, and until when."""

    decision: UUID
    until: datetime
    now: datetime


def decided(request: HttpRequest, review: ReviewTask) -> None:
    """Tell on the next page that a review was decided, and offer to undo it."""
    decision, name = review.decision, display.visible(review.reference or review.heading)[:60]
    if decision is None:
        messages.success(request, f"Your vote on {name} is recorded; others have to vote too.")
        return
    text = f"{decision.outcome.capitalize()} {name}."
    if decision.undo_until <= decision.decided_at:
        messages.success(request, f"{text} It is being sent.")
        return
    tags = f"{_UNDO} {decision.pk} {decision.undo_until.isoformat()}"
    messages.success(request, text, extra_tags=tags)


def undo_of(request: HttpRequest, message: Message) -> Undo | None:
    """The decision that a message offers to undo."""
    parts = (message.extra_tags or "").split()
    if len(parts) != 3 or parts[0] != _UNDO:
        return None
    until = parse_datetime(parts[2])
    return Undo(UUID(parts[1]), until, access_of(request).now) if until else None
