"""What comes in: a message becomes a review or a quarantined message, exactly once, or stays in SQS."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import transaction

from approvals import messages
from approvals.exceptions import DATABASE_AWAY
from approvals.messages import ReviewRequest
from approvals.models import QuarantinedMessage, ReviewQueue, ReviewTask
from approvals.models.decisions import Surface
from approvals.models.ids import uuid7
from approvals.models.queues import A_YEAR
from approvals.records import audit, tokens
from approvals.strict_json import Unreadable

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Received:
    """A message as it came from SQS."""

    body: str
    message_id: str
    sent_at: datetime


@dataclass(frozen=True)
class _Readable:
    received: Received
    request: ReviewRequest
    fingerprint: bytes

    @property
    def digest(self) -> bytes:
        return _sha256(self.received.body)


@dataclass(frozen=True)
class _Refused:
    received: Received
    reason: str
    explanation: str


@dataclass(frozen=True)
class Taken:
    """How many messages of a batch became reviews, were there already, or went to quarantine."""

    reviews: int = 0
    duplicates: int = 0
    quarantined: int = 0

    def __add__(self, other: Taken) -> Taken:
        return Taken(
            self.reviews + other.reviews,
            self.duplicates + other.duplicates,
            self.quarantined + other.quarantined,
        )


def accept(queue: ReviewQueue, batch: Iterable[Received]) -> Taken:
    """Store a batch of messages: when this returns, each of them is durable and may be deleted.

    One transaction for the batch; where the data of one row is refused by the database, the batch is
    redone row by row and that row goes to quarantine. Raises OperationalError where the database is
    away: then nothing was stored and nothing may be deleted.
    """
    readable, refused = _sort(batch)
    try:
        return _store(queue, readable, refused)
    except DATABASE_AWAY:
        raise
    except Exception as error:  # noqa: BLE001  (poison of any kind: its own row, and only that one)
        log.warning("intake.row_by_row", queue=queue.slug, error=type(error).__name__)
    taken = Taken()
    for item in readable:
        taken += _store_alone(queue, item)
    for refusal in refused:
        taken += _store(queue, [], [refusal])
    return taken


def _sort(batch: Iterable[Received]) -> tuple[list[_Readable], list[_Refused]]:
    """Parse everything before the transaction; fingerprint order keeps two pollers from deadlock."""
    readable: list[_Readable] = []
    refused: list[_Refused] = []
    for received in batch:
        try:
            request = messages.parse(received.body)
        except Unreadable as error:
            refused.append(_Refused(received, error.reason, error.explanation))
        except Exception as error:
            # A bug of the parser must not stop the line: the bytes are kept, the message moves on.
            log.exception("intake.parser_failed", message_id=received.message_id)
            refused.append(_Refused(received, "parser_failed", type(error).__name__))
        else:
            readable.append(_Readable(received, request, tokens.fingerprint(request.token)))
    readable.sort(key=lambda item: item.fingerprint)
    refused.sort(key=lambda item: item.received.message_id)
    return readable, refused


def _store_alone(queue: ReviewQueue, item: _Readable) -> Taken:
    try:
        return _store(queue, [item], [])
    except DATABASE_AWAY:
        raise
    except Exception as error:  # noqa: BLE001  (its text may hold the message: only its type is logged)
        log.warning(
            "intake.refused_by_database",
            message_id=item.received.message_id,
            error=type(error).__name__,
        )
        reason = _Refused(item.received, "not_storable", "The database refuses this content.")
        return _store(queue, [], [reason])


@transaction.atomic(durable=True)
def _store(queue: ReviewQueue, readable: Sequence[_Readable], refused: list[_Refused]) -> Taken:
    first = {item.fingerprint: item for item in reversed(readable)}
    rows = [_review(queue, item) for _, item in sorted(first.items())]
    ReviewTask.objects.bulk_create(rows, ignore_conflicts=True)
    stored = {
        bytes(mark): (pk, bytes(digest))
        for mark, pk, digest in ReviewTask.objects.filter(
            token_fingerprint__in=list(first)
        ).values_list("token_fingerprint", "pk", "raw_body_sha256")
    }
    new = [row for row in rows if stored[bytes(row.token_fingerprint)][0] == row.pk]
    conflicts = [item for item in readable if stored[item.fingerprint][1] != item.digest]
    _record_arrivals(queue, new)
    quarantined = _quarantine(
        queue,
        refused
        + [
            _Refused(
                item.received,
                "conflict",
                f"The same task token came before with another body: review"
                f" {stored[item.fingerprint][0]}.",
            )
            for item in conflicts
        ],
    )
    duplicates = len(readable) - len(new) - len(conflicts)
    return Taken(reviews=len(new), duplicates=duplicates, quarantined=quarantined)


def _review(queue: ReviewQueue, item: _Readable) -> ReviewTask:
    request, received = item.request, item.received
    pk = uuid7()
    amount, customer = queue.promoted(dict(request.payload))
    seconds = request.timeout_seconds or queue.timeout_seconds
    source = ReviewTask.DeadlineSource
    return ReviewTask(
        id=pk,
        queue=queue,
        reference=request.reference,
        title=request.title,
        payload=request.payload,
        flags=list(request.flags),
        raw_body=tokens.seal(received.body.encode(), row=pk, column="raw_body"),
        raw_body_sha256=item.digest,
        error_name=request.error_name,
        error_cause=request.error_cause,
        execution_arn=request.execution_arn,
        state_machine_arn=request.state_machine_arn,
        state_name=request.state_name,
        retry_count=request.retry_count,
        redrive_count=request.redrive_count,
        item_index=request.item_index,
        sealed_token=tokens.seal(request.token.reveal().encode(), row=pk, column="sealed_token"),
        token_fingerprint=item.fingerprint,
        sqs_message_id=received.message_id,
        sent_at=received.sent_at,
        deadline_at=received.sent_at + timedelta(seconds=min(seconds, A_YEAR)),
        deadline_source=source.MESSAGE if request.timeout_seconds else source.DEFAULT,
        priority=request.priority,
        amount=amount,
        customer=customer,
    )


def _record_arrivals(queue: ReviewQueue, rows: list[ReviewTask]) -> None:
    audit.open_chains(
        {
            audit.chain_of("review", row.pk): audit.Entry(
                "review.received",
                None,
                Surface.QUEUE,
                {
                    "queue": queue.slug,
                    "reference": row.reference,
                    "sqs_message_id": row.sqs_message_id,
                    "raw_body_sha256": bytes(row.raw_body_sha256).hex(),
                    "token_fingerprint": bytes(row.token_fingerprint).hex(),
                    "execution_arn": row.execution_arn,
                    "deadline_at": row.deadline_at.isoformat(),
                },
            )
            for row in rows
        }
    )
    for row in rows:
        log.info("review.received", review=str(row.pk), queue=queue.slug, reference=row.reference)


def _quarantine(queue: ReviewQueue, refused: list[_Refused]) -> int:
    rows = [_quarantined(queue, item) for item in refused]
    rows.sort(
        key=lambda row: (row.sqs_message_id, row.raw_body_sha256)
    )  # one order for all pollers
    QuarantinedMessage.objects.bulk_create(rows, ignore_conflicts=True)
    kept = set(
        QuarantinedMessage.objects.filter(pk__in=[row.pk for row in rows]).values_list(
            "pk", flat=True
        )
    )
    new = [row for row in rows if row.pk in kept]
    audit.open_chains(
        {
            audit.chain_of("quarantine", row.pk): audit.Entry(
                "message.quarantined",
                None,
                Surface.QUEUE,
                {
                    "queue": queue.slug,
                    "reason": row.reason,
                    "sqs_message_id": row.sqs_message_id,
                    "raw_body_sha256": bytes(row.raw_body_sha256).hex(),
                },
            )
            for row in new
        }
    )
    for row in new:
        log.warning("message.quarantined", quarantined=str(row.pk), reason=row.reason)
    return len(new)


def _quarantined(queue: ReviewQueue, item: _Refused) -> QuarantinedMessage:
    pk, body = uuid7(), item.received.body.encode(errors="surrogatepass")
    return QuarantinedMessage(
        id=pk,
        queue=queue,
        raw_body=tokens.seal(body, row=pk, column="raw_body"),
        raw_body_sha256=hashlib.sha256(body).digest(),
        raw_body_bytes=len(body),
        reason=item.reason,
        explanation=item.explanation.replace("\0", "")[:300],
        sqs_message_id=item.received.message_id,
        sent_at=item.received.sent_at,
    )


def _sha256(body: str) -> bytes:
    return hashlib.sha256(body.encode()).digest()
