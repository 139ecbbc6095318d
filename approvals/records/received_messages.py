"""Messages as SQS delivered them, parsed: readable for a review, or refused for quarantine."""

from __future__ import annotations

import hashlib
import traceback
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

import structlog

from approvals import messages
from approvals.messages import ReviewRequest
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

    @property
    def raw(self) -> bytes:
        """The bytes of its body; SQS's JSON may carry half of a surrogate pair."""
        return self.body.encode(errors="surrogatepass")


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
        return hashlib.sha256(self.received.raw).digest()


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


def _not_admitted(queue: ReviewQueue, request: ReviewRequest) -> str:
    named = request.state_machine_arn
    cause = f"The message names the state machine {named}" if named else "No state machine is named"
    return f"{cause}; queue {queue.slug} takes those of its list only."


def _location(error: Exception) -> str:
    """The type and place of an error, without its text, which may hold the message."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {frame.name}, {Path(frame.filename).name}:{frame.lineno}"
