"""What responses show of rows: plain functions, each of which returns one JSON object.

The classes `...Answer` in `serializers` describe the same objects for the OpenAPI document; a test compares
their names. They are not used to make responses, because a list would build the fields of a serializer,
and copy them, for every row. Times stay `datetime` objects, which the renderer writes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TypeVar

from approvals import broken_rows
from approvals.actors import SYSTEM_NAME
from approvals.api import queries
from approvals.api.surroundings import Surroundings
from approvals.broken_rows import BrokenRow
from approvals.models import (
    AuditEvent,
    Comment,
    Decision,
    OrderBatch,
    OrderExecution,
    OrderIntervention,
    OutboxEntry,
    RefusedRow,
    ReviewQueue,
    ReviewTask,
    User,
    Vote,
    reason_codes,
)
from approvals.models.choices import Outcome
from approvals.orchestration.batches import progress
from approvals.records import places
from approvals.untrusted import redaction

JSONObject = dict[str, Any]
Row = TypeVar("Row")


def listed(rows: Iterable[Row], present: Callable[[Row], JSONObject]) -> list[JSONObject]:
    """Returns the rows of a list. One that cannot be shown is `{"id", "code": "broken_row", "detail"}` alone."""
    return [
        _broken(each) if isinstance(each, BrokenRow) else each
        for each in broken_rows.all_shown(rows, present)
    ]


def _broken(row: BrokenRow) -> JSONObject:
    return {"id": row.key, "code": "broken_row", "detail": "This row cannot be shown."}


# --- reviews


def review(row: ReviewTask, around: Surroundings) -> JSONObject:
    """Returns a review. `queue`, `assignee` and `decision` with its user must have been read with it."""
    decided, mismatch = row.decision, places.mismatch(row.queue, row.execution_arn)
    entry = around.deliveries.get(decided.pk) if decided else None
    held = row.is_held(around.now)
    return {
        "id": row.pk,
        "queue": row.queue.slug,
        "reference": row.reference,
        "title": row.title,
        "status": row.status,
        "outcome": decided.outcome if decided else None,
        "delivery": delivery(entry) if entry else None,
        "error": {"name": row.error_name, "cause": row.error_cause},
        "payload": row.payload,
        "envelopes": row.envelopes,
        "execution_arn": row.execution_arn or None,
        "state_name": row.state_name,
        "received_at": row.received_at,
        "deadline_at": row.deadline_at,
        "deadline_source": row.deadline_source,
        "assignee": row.assignee.email if held and row.assignee else None,
        "lease_expires_at": row.lease_expires_at if held else None,
        "escalated_to": row.escalated_to.slug if row.escalated_to else None,
        "snoozed_until": row.snoozed_until,
        "version": row.version,
        "decision": decision(decided) if decided else None,
        "definition": {
            "revision": row.definition_revision or None,
            "version_arn": around.versions.get(row.execution_arn),
        },
        "execution_mismatch": str(mismatch) if mismatch else None,
    }


def listed_review(row: ReviewTask, around: Surroundings) -> JSONObject:
    """Returns a review of a list, as `queries.listed` reads it: no payload, the start of long texts."""
    row.payload, row.error_cause = None, getattr(row, "cause_start", "")
    if row.decision:
        listed: Any = row
        row.decision.reason, row.decision.edits = listed.reason_start, listed.short_edits
    return review(row, around)


def claimed_review(row: ReviewTask, around: Surroundings, *, caller: User) -> JSONObject:
    """Returns a review with the id of the caller's own lease; null once they no longer hold the review."""
    is_callers = row.assignee_id == caller.pk and row.is_held(around.now)
    return review(row, around) | {"lease_id": row.lease_id if is_callers else None}


def voted_review(row: ReviewTask, around: Surroundings, *, cast: Vote) -> JSONObject:
    """Returns a review with the vote that the request has cast on it."""
    return review(row, around) | {"vote": vote(cast)}


def vote(row: Vote) -> JSONObject:
    """Returns a vote."""
    return {"id": row.pk, "outcome": row.outcome}


def decision(row: Decision) -> JSONObject:
    """Returns a decision; the e-mail address of who took it is `system` if nobody did."""
    return {
        "id": row.pk,
        "outcome": row.outcome,
        "by": row.by.email if row.by else SYSTEM_NAME,
        "reason_code": row.reason_code,
        "reason": row.reason,
        "edits": row.edits,
        "decided_at": row.decided_at,
        "undo_until": row.undo_until,
    }


def delivery(row: OutboxEntry) -> JSONObject:
    """Returns a delivery's progress; `delivered_at` is null until it is proved."""
    state = row.delivery
    return {
        "state": state.state,
        "detail": state.detail,
        "attempts": row.attempts,
        "delivered_at": row.ended_at if state.state == "delivered" else None,
    }


def comment(row: Comment) -> JSONObject:
    """Returns a comment on a review."""
    return {"id": row.pk, "by": row.by.email, "text": row.text, "at": row.at}


def event(row: AuditEvent) -> JSONObject:
    """Returns an audit event, its hashes in hexadecimal."""
    return {
        "seq": row.seq,
        "kind": row.kind,
        "actor": row.actor_name,
        "on_behalf_of": row.on_behalf_of.email if row.on_behalf_of else None,
        "surface": row.surface,
        "data": row.data,
        "at": row.at,
        "prev_hash": bytes(row.prev_hash).hex(),
        "hash": bytes(row.hash).hex(),
    }


# --- queues and quarantine


def queue(row: ReviewQueue, now: datetime) -> JSONObject:
    """Returns a queue as `queries.queues` counts its open reviews; ages are in seconds."""
    counted: Any = row
    oldest = counted.oldest_received_at
    return {
        "slug": row.slug,
        "name": row.name,
        "open": min(counted.waiting, queries.COUNT_UP_TO),
        "open_is_capped": counted.waiting > queries.COUNT_UP_TO,
        "oldest_received_at": oldest,
        "oldest_age_seconds": None if oldest is None else int((now - oldest).total_seconds()),
        "next_deadline_at": counted.next_deadline_at,
        "reason_codes": [
            {
                "code": each.code,
                "label": each.label,
                "template": each.template,
                "outcomes": list(each.outcomes),
            }
            for each in reason_codes.parsed(row.reason_codes)
        ],
        "reason_required_for": [each for each in Outcome.values if row.needs_reason(each)],
    }


def queue_settings(row: ReviewQueue, version: int) -> JSONObject:
    """Returns where the messages of a queue hold their fields."""
    return {
        "slug": row.slug,
        "version": version,
        "message_map": row.message_map,
        "pointer_buckets": row.pointer_buckets,
    }


# --- orders


def attempt(row: OrderExecution) -> JSONObject:
    """Returns an attempt at an order. Its ARN is one that Step Functions has given, never composed."""
    return {
        "attempt": row.attempt,
        "execution_arn": row.execution_arn or None,
        "status": row.status,
        "refusal": row.refusal,
        "error": {"name": row.error, "cause": row.cause} if row.error else None,
        "created_at": row.created_at,
        "started_at": row.started_at,
        "ended_at": row.ended_at,
    }


def order(row: OrderExecution) -> JSONObject:
    """Returns an order with its latest attempt."""
    return attempt(row) | {"order_id": row.order_id}


def whole_order(
    attempts: list[OrderExecution], interventions: Iterable[OrderIntervention]
) -> JSONObject:
    """Returns an order with its redacted input, its attempts, latest first, and its interventions."""
    latest = attempts[0]
    return order(latest) | {
        "input": redaction.redact_json(json.loads(latest.input)),
        "attempts": [attempt(row) for row in attempts],
        "interventions": [intervention(row) for row in interventions],
    }


def intervention(row: OrderIntervention) -> JSONObject:
    """Returns a redrive or stop; `by` is null if a command asked for it, `outcome` until it is known."""
    return {
        "kind": row.kind,
        "attempt": row.order.attempt,
        "reason": row.reason,
        "by": row.created_by.email if row.created_by else None,
        "asked_at": row.created_at,
        "outcome": row.outcome or None,
        "ended_at": row.ended_at,
    }


def order_batch(row: OrderBatch) -> JSONObject:
    """Returns a batch of orders with its progress, counted now, and the first 100 rows that were refused."""
    counts = progress.by_status(row)
    return {
        "id": row.pk,
        "source": row.source,
        "mode": row.mode,
        "batch_size": row.size,
        "on_bad_row": row.on_bad_row,
        "status": row.status,
        "trouble": row.trouble,
        "problem": row.problem,
        "progress": round(progress.progress(row, counts)[0], 4),
        "counts": progress.totals(row, counts),
        "refusals": [refused_row(each) for each in row.refusals.order_by("item")[:100]],
        "created_at": row.created_at,
        "ended_at": row.ended_at,
        "lines": progress.lines(row),
    }


def refused_row(row: RefusedRow) -> JSONObject:
    """Returns a row of a batch that did not become an order."""
    return {"line": row.line, "order_id": row.order_id, "code": row.code, "reason": row.reason}
