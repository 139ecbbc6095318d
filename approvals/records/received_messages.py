"""Messages as SQS delivered them, parsed: readable for a review, or refused for quarantine."""

from __future__ import annotations

import hashlib
import json
import traceback
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from uuid import UUID

import structlog

from approvals import messages
from approvals.messages import NO_EXTRAS, Extras, PointerNotRead, ReviewRequest
from approvals.messages.pointers import Pointer
from approvals.models import ReviewQueue
from approvals.records import tokens
from approvals.untrusted.strict_json import Unreadable

log = structlog.get_logger(__name__)

PARSER_FAILED = "parser_failed"


@dataclass(frozen=True)
class Received:
    """A message as SQS delivered it."""

    body: str
    message_id: str
    sent_at: datetime
    extras: Extras = NO_EXTRAS

    @property
    def raw(self) -> bytes:
        """The bytes of its body; SQS's JSON may carry half of a surrogate pair."""
        return self.body.encode(errors="surrogatepass")

    @property
    def characters(self) -> int:
        """How long it is, with the object of its S3 pointer."""
        return len(self.body) + len(self.extras.fetched or "")


@dataclass(frozen=True)
class Refused:
    """A message for quarantine, with a reason code and a sentence for people."""

    received: Received
    reason: str
    explanation: str

    @property
    def characters(self) -> int:
        """How long the message is as it was received: what was unpacked of it is not kept."""
        return self.received.characters


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
        return hashlib.sha256(self.received.raw).digest()

    @property
    def characters(self) -> int:
        """How long it is, unpacked: what it takes of memory grows with that."""
        return max(self.received.characters, self.request.characters)

    def sealed_extras(self, row: UUID) -> bytes | None:
        """What came beside its body, sealed for a row; None if nothing did."""
        return sealed_extras(self.received, row)


def read(queue: ReviewQueue, received: Received, **log_fields: str) -> Readable | Refused:
    """Parse a message for this queue. A bug in the parser is logged with `log_fields`."""
    try:
        request = messages.parse(received.body, received.extras, queue.map_of_messages())
    except Unreadable as error:
        return Refused(received, error.reason, error.explanation)
    except Exception as error:  # noqa: BLE001  (a bug must not stop the queue: the bytes are kept)
        log.warning("intake.parser_failed", bug=_location(error), **log_fields)
        return Refused(received, PARSER_FAILED, type(error).__name__)
    refusal = None
    if not queue.admits(request.state_machine_arn):
        refusal = Refused(received, "not_admitted", _not_admitted(queue, request))
    return Readable(received, request, refusal)


def pointer_of(queue: ReviewQueue, body: str, extras: Extras) -> Pointer | None:
    """The object in S3 that a message is a pointer to and that was not read; None if it may not be.

    None too for what is no pointer, and for a bucket that the queue does not allow.
    """
    if not queue.pointer_buckets:
        return None
    try:
        messages.read(body, extras, queue.map_of_messages())
    except PointerNotRead as error:
        return error.pointer if error.pointer.bucket in queue.pointer_buckets else None
    except Unreadable:
        pass
    return None


def sealed_extras(received: Received, row: UUID) -> bytes | None:
    """The attributes of a message and the object of its S3 pointer, sealed for a row; None for neither."""
    extras = received.extras
    if not extras.attributes and extras.fetched is None:
        return None
    plain = json.dumps({"attributes": dict(extras.attributes), "fetched": extras.fetched})
    return tokens.seal_body(plain.encode(), row=row, column="sealed_extras")


def unsealed_extras(sealed: bytes | memoryview | None, row: UUID) -> Extras:
    """What `sealed_extras` has sealed. Raises KeyMissing."""
    if sealed is None:
        return NO_EXTRAS
    stored = json.loads(tokens.unseal(sealed, row=row, column="sealed_extras"))
    return Extras(stored["attributes"], stored["fetched"])


def _not_admitted(queue: ReviewQueue, request: ReviewRequest) -> str:
    named = request.state_machine_arn
    cause = f"The message names the state machine {named}" if named else "No state machine is named"
    return f"{cause}; queue {queue.slug} takes those of its list only."


def _location(error: Exception) -> str:
    """The type and place of an error, without its text, which may hold the message."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {frame.name}, {Path(frame.filename).name}:{frame.lineno}"
