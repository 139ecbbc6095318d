"""What belongs to a message beside its body: its attributes, and the S3 object of an extended client's pointer.

The object is read before intake's transaction, from buckets that the queue allows, and never beyond 1 MiB.
"""

from __future__ import annotations

from dataclasses import replace

import structlog

from approvals import messages
from approvals.exceptions import DATABASE_AWAY, Invalid, Unavailable
from approvals.gateways import s3, sqs
from approvals.messages import Extras
from approvals.models import ReviewQueue
from approvals.records import places, received_messages
from approvals.records.received_messages import Received
from approvals.untrusted.strict_json import MAX_BYTES

log = structlog.get_logger(__name__)


def received(queue: ReviewQueue, message: sqs.Message) -> Received | None:
    """The message as intake takes it; None if S3 does not answer for its object, so that it comes back."""
    extras = Extras(messages.attributes_used(message.attributes))
    try:
        extras = with_object(queue, message.body, extras)
    except Unavailable as error:
        log.warning("poll.object_away", queue=queue.slug, error=error.message)
        return None
    except DATABASE_AWAY:
        raise
    except Exception as error:  # noqa: BLE001  (one message must not hold up the others of its batch)
        name = type(error).__name__
        log.warning("poll.object_failed", queue=queue.slug, error=name)
        extras = replace(extras, not_fetched=f"reading it failed here ({name}).")
    return Received(message.body, message.message_id, message.sent_at, extras)


def with_object(queue: ReviewQueue, body: str, extras: Extras) -> Extras:
    """The extras with the text of the object that the message points to, or why it was not read.

    Unchanged if the message is no pointer, or to a bucket that the queue does not allow. Raises
    Unavailable if S3 does not answer.
    """
    pointer = received_messages.pointer_of(queue, body, extras)
    if pointer is None:
        return extras
    try:
        with s3.opened(places.of_queue(queue), pointer.bucket, pointer.key) as stream:
            content = stream.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            return replace(extras, not_fetched=f"it has more than {MAX_BYTES} bytes.")
        return replace(extras, fetched=content.decode("utf-8-sig"))
    except Invalid as error:
        return replace(extras, not_fetched=error.message)
    except UnicodeDecodeError:
        return replace(extras, not_fetched="it is no text in UTF-8.")
