"""What comes beside a message's body: attributes, and the object of an S3 pointer from allowed buckets only."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from approvals.actions import intake, quarantine, queues
from approvals.actors import COMMAND_LINE
from approvals.exceptions import Invalid, Unavailable
from approvals.gateways import s3, sqs
from approvals.messages import Extras
from approvals.models import QuarantinedMessage, ReviewQueue, ReviewTask
from approvals.polling import attachments, poller
from tests import factories

pytestmark = pytest.mark.django_db
TOKEN = "AQCEAAAAKgAAAAMAAAAAAAAAAc/token+0123456789=="
BODY = json.dumps({"taskToken": TOKEN, "orderId": "from S3"})
POINTER = json.dumps(
    ["software.amazon.payloadoffloading.PayloadS3Pointer", {"s3BucketName": "big", "s3Key": "k"}]
)


class S3:
    """Objects in memory in place of the gateway."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {("big", "k"): BODY.encode()}
        self.refusal: Exception | None = None
        self.read: list[str] = []

    @contextmanager
    def opened(self, place: Any, bucket: str, key: str) -> Iterator[io.BytesIO]:
        assert connection.in_atomic_block is False or connection.savepoint_ids == []
        self.read.append(f"{bucket}/{key}")
        if self.refusal:
            raise self.refusal
        yield io.BytesIO(self.objects[bucket, key])


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> S3:
    """S3 with one object."""
    made = S3()
    monkeypatch.setattr(s3, "opened", made.opened)
    return made


def message(body: str = POINTER, **attributes: str) -> sqs.Message:
    return sqs.Message("m1", "r", body, datetime.now(UTC), "", attributes)


def allow(queue: ReviewQueue, *buckets: str) -> ReviewQueue:
    return queues.save(queue.slug, {"pointer_buckets": list(buckets)}, by=COMMAND_LINE)[0]


def polled(monkeypatch: pytest.MonkeyPatch, queue: ReviewQueue, *batch: sqs.Message) -> list[str]:
    """The ids of the messages that a poll of this batch deletes."""
    deleted: list[str] = []

    def delete(_place: Any, _url: str, some: list[sqs.Message]) -> list[str]:
        deleted.extend(one.message_id for one in some)
        return []

    monkeypatch.setattr(sqs, "receive", lambda *_, **__: list(batch))
    monkeypatch.setattr(sqs, "delete", delete)
    poller.poll_once(queue, wait_seconds=0)
    return deleted


def test_an_object_in_an_allowed_bucket_is_fetched_and_becomes_the_review(
    store: S3, queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert polled(monkeypatch, allow(queue, "big"), message()) == ["m1"]

    review = ReviewTask.objects.get()
    assert (review.reference, review.envelopes) == ("from S3", ["S3 object in big"])
    assert store.read == ["big/k"]


def test_the_node_clients_attribute_is_followed_too(store: S3, queue: ReviewQueue) -> None:
    taken = attachments.received(
        allow(queue, "big"), message("x", S3MessageBodyKey="(big)k", other="y")
    )

    assert taken is not None
    assert intake.accept(queue, [taken]).reviews == 1
    assert taken.extras.attributes == {"S3MessageBodyKey": "(big)k"}


def test_a_bucket_that_the_queue_does_not_allow_is_never_read_and_the_quarantine_names_the_envelope(
    store: S3, queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert polled(monkeypatch, allow(queue, "other"), message()) == ["m1"]

    row = QuarantinedMessage.objects.get()
    assert (row.reason, store.read) == ("s3_pointer", [])
    assert "S3 pointer" in row.explanation


def test_once_the_bucket_is_allowed_the_command_replays_the_message(
    store: S3, queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    polled(monkeypatch, queue, message())
    row = QuarantinedMessage.objects.get()
    allow(queue, "big")

    with pytest.raises(Invalid, match="replay the message"):
        quarantine.replay(row.pk, by=COMMAND_LINE, fetched=Extras())
    call_command("quarantine", "replay", str(row.pk), stdout=io.StringIO())

    assert ReviewTask.objects.get().reference == "from S3"


@pytest.mark.parametrize(
    ("content", "refusal", "words"),
    [
        (b"x" * 1_048_577, None, "more than 1048576 bytes"),
        (b"\xff\xfe", None, "no text in UTF-8"),
        (b"", Invalid("s3://big/k is missing."), "is missing"),
    ],
)
def test_why_an_object_was_not_read_is_explained(
    content: bytes, refusal: Exception | None, words: str, store: S3, queue: ReviewQueue
) -> None:
    store.objects["big", "k"], store.refusal = content, refusal

    taken = attachments.received(allow(queue, "big"), message())

    assert taken is not None
    intake.accept(queue, [taken])
    assert words in QuarantinedMessage.objects.get().explanation


def test_a_message_whose_object_s3_does_not_give_now_comes_back_and_holds_up_no_other(
    store: S3, queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.refusal = Unavailable("S3 does not answer")
    other = sqs.Message("m2", "r", factories.received().body, datetime.now(UTC))

    queue = allow(queue, "big")

    assert polled(monkeypatch, queue, message(), other) == ["m2"]
    assert polled(monkeypatch, queue, message()) == []


def test_a_token_in_an_attribute_is_sealed_with_the_body_for_replay(
    queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = factories.queue(
        queue.slug, state_machine_arns=["arn:aws:states:us-east-1:123456789012:stateMachine:x"]
    )
    polled(monkeypatch, queue, message("hello", taskToken=TOKEN, orderId="9", trace="t"))
    row = QuarantinedMessage.objects.get()
    assert TOKEN.encode() not in bytes(row.sealed_extras or b"")

    queues.save(queue.slug, {"state_machine_arns": []}, by=COMMAND_LINE)
    review = quarantine.replay(row.pk, by=COMMAND_LINE)

    assert review is not None
    assert (review.reference, review.payload["body"]) == ("9", "hello")
    assert "trace" not in review.payload
    again = attachments.received(queue, message("hello ", taskToken=TOKEN, orderId="9"))
    assert again is not None
    assert intake.accept(queue, [again]).quarantined == 1
    again = attachments.received(queue, message("hello", orderId="9", taskToken=TOKEN))
    assert again is not None
    assert intake.accept(queue, [again]).duplicates == 1


@pytest.mark.parametrize("key", ["k\\ud800", "k\\u0000"])
def test_a_key_that_cannot_be_one_is_never_asked_for_and_holds_up_no_other_message(
    key: str, store: S3, queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = sqs.Message("m2", "r", factories.received().body, datetime.now(UTC))
    body = POINTER.replace('"k"', f'"{key}"')

    assert polled(monkeypatch, allow(queue, "big"), message(body), other) == ["m1", "m2"]
    assert (store.read, ReviewTask.objects.count()) == ([], 1)


def test_an_object_whose_reading_fails_unforeseen_holds_up_no_other_message(
    store: S3, queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.refusal = KeyError("unforeseen")
    other = sqs.Message("m2", "r", factories.received().body, datetime.now(UTC))

    assert polled(monkeypatch, allow(queue, "big"), message(), other) == ["m1", "m2"]
    row = QuarantinedMessage.objects.get()
    assert (row.reason, ReviewTask.objects.count()) == ("s3_pointer", 1)
    assert "reading it failed here (KeyError)" in row.explanation


def test_megabytes_in_s3_are_not_held_together(
    queue: ReviewQueue, store: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    queues.save(queue.slug, {"pointer_buckets": ["big"]}, by=COMMAND_LINE)
    queue.refresh_from_db()
    store.objects["big", "k"] = json.dumps({"taskToken": TOKEN, "input": "x" * 900_000}).encode()
    found = [
        sqs.Message(f"m{n}", f"r{n}", POINTER, datetime.now(UTC), "", {}) for n in range(sqs.BATCH)
    ]
    deleted: list[str] = []
    held: list[int] = []
    accept = intake.accept

    def spied(queue: ReviewQueue, batch: Any, **options: Any) -> intake.Taken:
        held.append(sum(one.characters for one in batch))
        return accept(queue, batch, **options)

    monkeypatch.setattr(intake, "accept", spied)
    monkeypatch.setattr(sqs, "receive", lambda *_, **__: found)

    def delete(_place: Any, _url: str, part: list[sqs.Message]) -> list[str]:
        deleted.extend(message.message_id for message in part)
        return []

    monkeypatch.setattr(sqs, "delete", delete)

    assert poller.poll_once(queue, wait_seconds=0) == sqs.BATCH
    assert deleted == [message.message_id for message in found]
    assert max(held) <= poller.MOST_CHARACTERS + 1_048_576
