"""Duplicates: which of the received messages have a review already, and which contradict it.

A message is the same as before if it has the same task token and the same bytes, or the same JSON value.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from uuid import UUID

from approvals import messages
from approvals.exceptions import KeyMissing
from approvals.models import ReviewTask
from approvals.records import received_messages, tokens
from approvals.records.received_messages import Readable, Refused
from approvals.untrusted.strict_json import Unreadable


class StoredReview(NamedTuple):
    """The review of a token, and the SHA-256 of the message it was made of."""

    pk: UUID
    digest: bytes


Stored = Mapping[bytes, StoredReview]  # by fingerprint


def stored(readable: Iterable[Readable], new: Iterable[ReviewTask] = ()) -> Stored:
    """The stored reviews of these messages' tokens; `new` are those that were inserted just now."""
    known = {
        bytes(row.token_fingerprint): StoredReview(row.pk, bytes(row.raw_body_sha256))
        for row in new
    }
    asked = [item.fingerprint for item in readable if item.fingerprint not in known]
    if not asked:
        return known
    found = ReviewTask.objects.filter(token_fingerprint__in=asked)
    return known | {
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


def _is_equal_json(review: UUID, item: Readable) -> bool:
    """Whether a review's message differs from this one in white space, order of keys and envelopes alone.

    A recovered message comes from the execution history, which holds its JSON value and not its bytes,
    while a poller may still find the bytes in SQS. False if the key of the stored message is missing, or
    the message was erased.
    """
    columns = ("raw_body", "sealed_extras", "queue")
    row = ReviewTask.objects.only(*columns).select_related("queue").get(pk=review)
    if not row.raw_body:
        return False
    paths = row.queue.map_of_messages()
    try:
        body = tokens.unseal(row.raw_body, row=review, column="raw_body")
        extras = received_messages.unsealed_extras(row.sealed_extras, review)
        stored = messages.read(body.decode(errors="surrogatepass"), extras, paths)
        again = messages.read(item.received.body, item.received.extras, paths)
    except (KeyMissing, Unreadable):
        return False
    return _canonical(stored) == _canonical(again)


def _canonical(message: messages.Message) -> str:
    return json.dumps(message.document, sort_keys=True)
