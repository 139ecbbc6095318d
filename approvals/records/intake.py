"""What came from SQS, as rows: a review or a quarantined message, the same at intake and at replay."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from uuid import UUID

import structlog

from approvals.exceptions import KeyMissing
from approvals.messages import ReviewRequest
from approvals.models import QuarantinedMessage, ReviewQueue, ReviewTask, User
from approvals.models.ids import uuid7
from approvals.models.review_queues import A_YEAR
from approvals.records import audit, supersession, tokens
from approvals.untrusted import redaction

log = structlog.get_logger(__name__)

Stored = Mapping[
    bytes, tuple[UUID, bytes]
]  # by fingerprint: the review, and the digest of its body


@dataclass(frozen=True)
class Received:
    """A message as it came from SQS."""

    body: str
    message_id: str
    sent_at: datetime


@dataclass(frozen=True)
class Readable:
    """A message that was read; `obstacle` is why it may not become a review: a reason and a sentence."""

    received: Received
    request: ReviewRequest
    obstacle: tuple[str, str] | None = None

    @cached_property
    def fingerprint(self) -> bytes:
        """By what the task token is found."""
        return tokens.fingerprint(self.request.token)

    @cached_property
    def digest(self) -> bytes:
        """The SHA-256 of the body."""
        return hashlib.sha256(self.received.body.encode()).digest()


@dataclass(frozen=True)
class Refused:
    """A message that goes to quarantine: a stable word, and a sentence for people."""

    received: Received
    reason: str
    explanation: str


def obstacle(queue: ReviewQueue, request: ReviewRequest) -> tuple[str, str] | None:
    """Why this queue does not take a message of this state machine; None where it does."""
    named = request.state_machine_arn
    if queue.admits(named):
        return None
    who = f"The message names the state machine {named}" if named else "No state machine is named"
    return "not_admitted", f"{who}; queue {queue.slug} takes those of its list only."


def review(queue: ReviewQueue, item: Readable) -> ReviewTask:
    """The pending review of a message, with the deadline of the message, else of the queue."""
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
        definition_revision=request.definition_revision,
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


def quarantined(
    queue: ReviewQueue, item: Refused, origin: QuarantinedMessage.Origin
) -> QuarantinedMessage:
    """The row that keeps a message, byte for byte and sealed."""
    pk, body = uuid7(), item.received.body.encode(errors="surrogatepass")
    return QuarantinedMessage(
        id=pk,
        origin=origin,
        queue=queue,
        raw_body=tokens.seal(body, row=pk, column="raw_body"),
        raw_body_sha256=hashlib.sha256(body).digest(),
        raw_body_bytes=len(body),
        reason=item.reason,
        explanation=item.explanation.replace("\0", "")[:300],
        sqs_message_id=item.received.message_id,
        sent_at=item.received.sent_at,
    )


def body_of(row: QuarantinedMessage) -> bytes:
    """The bytes of a quarantined message, exactly as SQS gave them. Raises KeyMissing."""
    return tokens.unseal(row.raw_body, row=row.pk, column="raw_body")


def for_eyes(row: QuarantinedMessage) -> str:
    """The body of a quarantined message without its task token. Raises KeyMissing."""
    return redaction.redacted_body(body_of(row).decode(errors="replace"))


def stored(readable: Iterable[Readable]) -> Stored:
    """The reviews that hold the tokens of these messages."""
    found = ReviewTask.objects.filter(token_fingerprint__in=[i.fingerprint for i in readable])
    return {
        bytes(mark): (pk, bytes(digest))
        for mark, pk, digest in found.values_list("token_fingerprint", "pk", "raw_body_sha256")
    }


def against(item: Readable, known: Stored) -> tuple[str, str] | None:
    """Why no review stands for this very message: a reason and a sentence. None where one does."""
    if item.fingerprint not in known:
        return item.obstacle
    pk, digest = known[item.fingerprint]
    if digest == item.digest or _says_the_same(pk, item):
        return None
    return "conflict", f"The same task token came before with another body: review {pk}."


def _says_the_same(pk: UUID, item: Readable) -> bool:
    """Whether a review's message differs from this one in its white space and order of keys alone.

    Recovery takes a message from the execution's history, which holds what it said, not its bytes;
    a poller may still find the bytes in SQS. Without its key, the stored message tells nothing.
    """
    sealed = ReviewTask.objects.values_list("raw_body", flat=True).get(pk=pk)
    try:
        stored = tokens.unseal(sealed, row=pk, column="raw_body").decode()
    except KeyMissing:
        return False
    return _in_one_order(stored) == _in_one_order(item.received.body)


def _in_one_order(body: str) -> str:
    return json.dumps(json.loads(body), sort_keys=True)


def begin(
    queue: ReviewQueue,
    rows: Sequence[ReviewTask],
    *,
    by: User | None,
    surface: str,
    about: Mapping[str, str] | None = None,
) -> None:
    """Record the arrival of new reviews, and whose place they may take; `about` adds to what is said."""
    entries = {}
    for row in rows:
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
        chain = audit.chain_of("review", row.pk)
        entries[chain] = audit.Entry("review.received", by, surface, data)
        log.info("review.received", review=str(row.pk), queue=queue.slug, reference=row.reference)
    audit.open_chains(entries)
    supersession.begin(rows)
