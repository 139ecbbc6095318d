"""New reviews: inserted from readable messages, with their audit chains and their links to older ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from approvals.actors import Actor
from approvals.models import ReviewQueue, ReviewTask
from approvals.models.ids import uuid7
from approvals.models.review_queues import A_YEAR
from approvals.records import (
    audit,
    live_hints,
    order_summary,
    supersession,
    tokens,
    unit_of_work,
)
from approvals.records.audit_kinds import AuditKind
from approvals.records.received_messages import Readable


class Inserted(NamedTuple):
    """The reviews that were inserted, and the database's time; None if there are none."""

    rows: list[ReviewTask]
    at: datetime | None


def insert(queue: ReviewQueue, readable: Sequence[Readable]) -> Inserted:
    """Insert the reviews that may be made of these messages, in the order of their fingerprints.

    The order keeps two pollers from a deadlock. Of messages with the same token the first counts. A row
    whose token is stored already is not inserted: `duplicates.stored` finds the review that has it.
    """
    first = {item.fingerprint: item for item in reversed(readable) if item.refusal is None}
    rows = [_review(queue, item) for _, item in sorted(first.items())]
    return Inserted(*unit_of_work.insert_new(rows))


def record_arrival(
    queue: ReviewQueue,
    inserted: Inserted,
    *,
    by: Actor,
    about: Mapping[str, str] | None = None,
) -> None:
    """Open the audit chains of new reviews, with `about` in the data, and link reviews they may supersede."""
    if inserted.at is None:
        return
    entries = {}
    for row in inserted.rows:
        data = {
            "queue": queue.slug,
            "reference": row.reference,
            "sqs_message_id": row.sqs_message_id,
            "raw_body_sha256": bytes(row.raw_body_sha256).hex(),
            "token_fingerprint": bytes(row.token_fingerprint).hex(),
            "execution_arn": row.execution_arn,
            "deadline_at": row.deadline_at.isoformat(),
        }
        data |= about or {}
        entries[audit.chain(row)] = audit.Entry(AuditKind.REVIEW_RECEIVED, by, data)
        audit.log_event(
            row, AuditKind.REVIEW_RECEIVED, by=by, queue=queue.slug, reference=row.reference
        )
    audit.open_chains(entries, inserted.at)
    live_hints.after_commit(queue.pk)
    supersession.link(inserted.rows, inserted.at)


def _review(queue: ReviewQueue, item: Readable) -> ReviewTask:
    """The pending review of a message, with the deadline of the message, or else of the queue."""
    request, received = item.request, item.received
    pk = uuid7()
    amount, customer = queue.promoted(dict(request.payload))
    seconds = request.timeout_seconds or queue.timeout_seconds
    stated = request.timeout_seconds or request.deadline_at
    a_year = received.sent_at + timedelta(seconds=A_YEAR)
    deadline = request.deadline_at or received.sent_at + timedelta(seconds=min(seconds, A_YEAR))
    source = ReviewTask.DeadlineSource
    return ReviewTask(
        id=pk,
        queue=queue,
        reference=request.reference,
        title=request.title,
        payload=request.payload,
        flags=list(request.flags),
        raw_body=tokens.seal_body(received.raw, row=pk, column="raw_body"),
        raw_body_sha256=item.digest,
        sealed_extras=item.sealed_extras(pk),
        envelopes=list(request.envelopes),
        error_name=request.error_name,
        error_cause=request.error_cause,
        execution_arn=request.execution_arn,
        state_machine_arn=request.state_machine_arn,
        definition_revision=request.definition_revision,
        state_name=request.state_name,
        retry_count=request.retry_count,
        redrive_count=request.redrive_count,
        item_index=request.item_index,
        sealed_token=tokens.seal(request.token.reveal().encode(), row=pk, column="sealed_token"),
        token_fingerprint=item.fingerprint,
        sqs_message_id=received.message_id,
        sent_at=received.sent_at,
        deadline_at=min(deadline, a_year),
        deadline_source=source.MESSAGE if stated else source.DEFAULT,
        priority=request.priority,
        amount=amount,
        customer=customer,
        order_summary=order_summary.of(request.payload),
    )
