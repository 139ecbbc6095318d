"""Intake: messages from SQS as values and as rows of reviews; `accept` and `replay` share it.

`read` parses a message, `insert` stores the reviews of readable ones, `stored` finds the reviews of
their tokens, and `refusal_of` compares the two: a message without its review goes to quarantine.
"""

from __future__ import annotations

import hashlib
import json
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import structlog

from approvals import messages
from approvals.actors import Actor
from approvals.exceptions import KeyMissing
from approvals.messages import ReviewRequest
from approvals.models import ReviewQueue, ReviewTask
from approvals.models.ids import uuid7
from approvals.models.review_queues import A_YEAR
from approvals.records import audit, supersession, tokens
from approvals.records.audit_kinds import AuditKind
from approvals.untrusted.strict_json import Unreadable

log = structlog.get_logger(__name__)

PARSER_FAILED = "parser_failed"


@dataclass(frozen=True)
class Received:
    """A message as SQS delivered it."""

    body: str
    message_id: str
    sent_at: datetime


@dataclass(frozen=True)
class Refused:
    """A message for quarantine, with a reason code and a sentence for people."""

    received: Received
    reason: str
    explanation: str


@dataclass(frozen=True)
class Readable:
    """A parsed message. With a `refusal` no review may be made of it.

    One may be stored already: of a message that comes again after the queue admits fewer state machines.
    """

    received: Received
    request: ReviewRequest
    refusal: Refused | None = None

    @cached_property
    def fingerprint(self) -> bytes:
        """The 32 bytes by which its task token is found."""
        return tokens.fingerprint(self.request.token)

    @cached_property
    def digest(self) -> bytes:
        """The SHA-256 of its body."""
        return hashlib.sha256(self.received.body.encode()).digest()


class StoredReview(NamedTuple):
    """The review of a token, and the SHA-256 of the message it was made of."""

    pk: UUID
    digest: bytes


Stored = Mapping[bytes, StoredReview]  # by fingerprint


def read(queue: ReviewQueue, received: Received, **log_fields: str) -> Readable | Refused:
    """Parse a message for this queue. A bug in the parser is logged with `log_fields`."""
    try:
        request = messages.parse(received.body)
    except Unreadable as error:
        return Refused(received, error.reason, error.explanation)
    except Exception as error:  # noqa: BLE001  (a bug must not stop the queue: the bytes are kept)
        log.warning("intake.parser_failed", bug=_location(error), **log_fields)
        return Refused(received, PARSER_FAILED, type(error).__name__)
    refusal = None
    if not queue.admits(request.state_machine_arn):
        refusal = Refused(received, "not_admitted", _not_admitted(queue, request))
    return Readable(received, request, refusal)


def insert(queue: ReviewQueue, readable: Sequence[Readable]) -> list[ReviewTask]:
    """Insert the reviews that may be made of these messages, in the order of their fingerprints.

    Of messages with the same token the first counts. A row whose token is stored already is not
    inserted: `stored` finds the review that has it.
    """
    first = {item.fingerprint: item for item in reversed(readable) if item.refusal is None}
    rows = [_review(queue, item) for _, item in sorted(first.items())]
    ReviewTask.objects.bulk_create(rows, ignore_conflicts=True)
    return rows


def stored(readable: Iterable[Readable]) -> Stored:
    """The stored reviews of these messages' tokens."""
    found = ReviewTask.objects.filter(token_fingerprint__in=[i.fingerprint for i in readable])
    return {
        bytes(fingerprint): StoredReview(pk, bytes(digest))
        for fingerprint, pk, digest in found.values_list(
            "token_fingerprint", "pk", "raw_body_sha256"
        )
    }


def refusal_of(item: Readable, reviews: Stored) -> Refused | None:
    """Why a message has no review; None if one of `reviews` was made of this message."""
    review = reviews.get(item.fingerprint)
    if review is None:
        return item.refusal
    if review.digest == item.digest or _is_equal_json(review.pk, item):
        return None
    explanation = f"The same task token came before with another body: review {review.pk}."
    return Refused(item.received, "conflict", explanation)


def record_arrival(
    queue: ReviewQueue,
    rows: Sequence[ReviewTask],
    *,
    by: Actor,
    about: Mapping[str, str] | None = None,
) -> None:
    """Open the audit chains of new reviews, with `about` in the data, and link reviews they may supersede."""
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
        entries[audit.chain(row)] = audit.Entry(AuditKind.REVIEW_RECEIVED, by, data)
        audit.log_event(
            row, AuditKind.REVIEW_RECEIVED, by=by, queue=queue.slug, reference=row.reference
        )
    audit.open_chains(entries)
    supersession.link(rows)


def _not_admitted(queue: ReviewQueue, request: ReviewRequest) -> str:
    named = request.state_machine_arn
    cause = f"The message names the state machine {named}" if named else "No state machine is named"
    return f"{cause}; queue {queue.slug} takes those of its list only."


def _location(error: Exception) -> str:
    """The type and place of an error, without its text, which may hold the message."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {frame.name}, {Path(frame.filename).name}:{frame.lineno}"


def _review(queue: ReviewQueue, item: Readable) -> ReviewTask:
    """The pending review of a message, with the deadline of the message, or else of the queue."""
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


def _is_equal_json(review: UUID, item: Readable) -> bool:
    """Whether a review's message differs from this one in white space and the order of keys alone.

    A recovered message comes from the execution history, which holds its JSON value and not its bytes,
    while a poller may still find the bytes in SQS. False if the key of the stored message is missing.
    """
    sealed = ReviewTask.objects.values_list("raw_body", flat=True).get(pk=review)
    try:
        body = tokens.unseal(sealed, row=review, column="raw_body").decode()
    except KeyMissing:
        return False
    return _canonical(body) == _canonical(item.received.body)


def _canonical(body: str) -> str:
    return json.dumps(json.loads(body), sort_keys=True)
