"""Rows of quarantined messages: stored sealed with their reason, and unsealed again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace

import structlog

from approvals.actors import MESSAGE_QUEUE
from approvals.messages import Extras, redacted
from approvals.models import QuarantinedMessage, ReviewQueue
from approvals.models.ids import uuid7
from approvals.records import audit, received_messages, tokens, unit_of_work
from approvals.records.audit_kinds import AuditKind
from approvals.records.received_messages import Refused
from approvals.untrusted import display

log = structlog.get_logger(__name__)

Origin = QuarantinedMessage.Origin


def store(queue: ReviewQueue, refused: Iterable[Refused], origin: Origin) -> int:
    """Insert refused messages and open their audit chains; returns how many were not there before."""
    if origin == Origin.DEAD_LETTERS:
        refused = [_dead_letter(item) for item in refused]
    rows = [_row(queue, item, origin) for item in refused]
    rows.sort(key=lambda row: (row.sqs_message_id, row.raw_body_sha256))  # against deadlocks
    new, at = unit_of_work.insert_new(rows)
    if at is None:
        return 0
    audit.open_chains(
        {
            audit.chain(row): audit.Entry(
                AuditKind.MESSAGE_QUARANTINED,
                MESSAGE_QUEUE,
                {
                    "queue": queue.slug,
                    "reason": row.reason,
                    "origin": row.origin,
                    "sqs_message_id": row.sqs_message_id,
                    "raw_body_sha256": bytes(row.raw_body_sha256).hex(),
                },
            )
            for row in new
        },
        at,
    )
    for row in new:
        log.warning("message.quarantined", quarantined=str(row.pk), reason=row.reason)
    return len(new)


def body_of(row: QuarantinedMessage) -> bytes:
    """The bytes of a quarantined message, exactly as SQS gave them. Raises KeyMissing."""
    return tokens.unseal(row.raw_body, row=row.pk, column="raw_body")


def redacted_body(row: QuarantinedMessage) -> str:
    """The body of a quarantined message without its task token. Raises KeyMissing."""
    body = body_of(row).decode(errors="surrogatepass")
    return redacted.redacted_body(body, extras_of(row), row.queue.map_of_messages())


def extras_of(row: QuarantinedMessage) -> Extras:
    """The attributes and the fetched object of a quarantined message. Raises KeyMissing."""
    return received_messages.unsealed_extras(row.sealed_extras, row.pk)


def _row(queue: ReviewQueue, item: Refused, origin: Origin) -> QuarantinedMessage:
    """The row of a message, with its bytes sealed."""
    pk, body = uuid7(), item.received.raw
    return QuarantinedMessage(
        id=pk,
        origin=origin,
        queue=queue,
        raw_body=tokens.seal_body(body, row=pk, column="raw_body"),
        raw_body_sha256=hashlib.sha256(body).digest(),
        sealed_extras=received_messages.sealed_extras(item.received, pk),
        raw_body_bytes=len(body),
        reason=item.reason,
        explanation=display.visible(item.explanation.replace("\0", ""))[:300],
        sqs_message_id=item.received.message_id,
        sent_at=item.received.sent_at,
    )


def _dead_letter(item: Refused) -> Refused:
    """The same message with the reason `dead_letter`; its own explanation follows."""
    explanation = f"SQS gave it up after too many receives. {item.explanation}"
    return replace(item, reason="dead_letter", explanation=explanation)
