"""What responses show of quarantined messages."""

from __future__ import annotations

from django.urls import reverse

from approvals.api.presentation import JSONObject
from approvals.models import QuarantinedMessage
from approvals.untrusted import display


def quarantined(row: QuarantinedMessage) -> JSONObject:
    """Returns a quarantined message without its body."""
    request = getattr(row, "replay_request", None)
    return {
        "id": row.pk,
        "queue": row.queue.slug,
        "state": _quarantine_state(row),
        "origin": row.origin,
        "reason": row.reason,
        "explanation": row.explanation,
        "bytes": row.raw_body_bytes,
        "sqs_message_id": row.sqs_message_id,
        "sent_at": row.sent_at,
        "received_at": row.received_at,
        "replayed_at": row.replayed_at,
        "replayed_by": row.replayed_by.email if row.replayed_by else None,
        "replayed_as": row.replayed_as_id,
        "discarded_at": row.discarded_at,
        "discarded_by": row.discarded_by.email if row.discarded_by else None,
        "discard_reason": row.discard_reason,
        "replay_asked_at": request.asked_at if request else None,
        "replay_refusal": request.refusal if request else "",
    }


def quarantined_message(row: QuarantinedMessage, body: str | None) -> JSONObject:
    """Returns a quarantined message with the beginning of its redacted body.

    Never its bytes: those may hold a task token.
    """
    shown = None if body is None else body[: display.MAX_SHOWN]
    url = reverse("api:message-body", args=[row.pk])
    return quarantined(row) | {"body": shown, "body_is_cut": shown != body, "body_url": url}


def quarantined_body(row: QuarantinedMessage, body: str | None) -> JSONObject:
    """Returns the whole of a quarantined message's redacted body."""
    return {"id": row.pk, "body": body}


def _quarantine_state(row: QuarantinedMessage) -> str:
    if row.replayed_at is not None:
        return "replayed"
    return "open" if row.discarded_at is None else "discarded"
