"""The malicious corpus: whatever the bytes, a message is refused with a reason or can be stored and read back."""

from __future__ import annotations

import base64
import functools
import gzip
import json
import time
import tracemalloc
import zlib
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from approvals import messages
from approvals.actions import intake
from approvals.gateways import s3, sqs
from approvals.models import QuarantinedMessage, ReviewQueue, ReviewTask
from approvals.polling import attachments
from approvals.untrusted.strict_json import Unreadable
from tests.factories import message, received

pytestmark = pytest.mark.django_db
MEGABYTE = 1_048_576
SECONDS = (
    3.0  # 1 s of processor time is the promise; coverage's tracer and a busy machine take theirs
)
QUICK = settings(
    max_examples=100,
    deadline=timedelta(seconds=1),
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
GOOD = json.dumps(message(taskToken="corpus-token-0123456789"))

DISPLAY = [
    "\u202eevil\u2066\u2069", "a\u200d\u200b\ufeffb", "Z" + "\u0301" * 10_000, "\u0410CME \uff11\uff12 \u0661",
    "e\u0301 \u00e9", "\u0131\u0130", "\U0001f468\u200d\U0001f469", "\u2028\u2029", "\U000e0041", "\ufffe\uffff",
    "\x01\x1b[31m\x7f\x9b", "line\r\n{\"event\": \"forged\"}", "</script><script>alert(1)</script>",
    "{{7*7}}{% debug %}", "javascript:alert(1)", "=HYPERLINK(\"http://x\")", "\r\nBcc: x@y", "' OR 1=1 --",
    "id=csrfmiddlewaretoken", "%00%0A", "\\u0000", "\\ud800", "x" * 50_000,
]  # fmt: skip
SLOW = {
    "an open string of escapes": '{"a":"' + '\\"' * 500_000,
    "an open string of backslashes": '{"a":"' + "\\" * 1_000_001,
    "quotes": '"' * MEGABYTE,
    "empty strings": '""' * 500_000,
    "a megabyte of one key": '{"taskToken":"t","' + "k" * 1_000_000 + '":1}',
    "a megabyte of one text": '{"taskToken":"t","a":"' + "t" * 1_000_000 + '"}',
    "backslashes in a text": '{"taskToken":"tokentoken","a":"' + "\\\\" * 500_000 + '"}',
    "escapes in a text": '{"taskToken":"' + "a" * 2000 + '","a":"' + "\\\\u0061" * 149_000 + '"}',
    "a token that almost matches": '{"taskToken":"' + "a" * 2000 + 'b","a":"' + "a" * 1_000_000 + '"}',
    "100,000 keys": "{" + ",".join(f'"k{n}":1' for n in range(80_000)) + "}",
    "a deep cause": json.dumps(message(error={"Error": "E", "Cause": '{"a":' * 150_000})),
    "a number as long as the body": '{"taskToken":"t","a":' + "9" * 1_000_000 + "}",
    "a number with a fraction of that length": '{"taskToken":"t","a":0.' + "9" * 1_000_000 + "}",
    "a long number in the cause": json.dumps(message(error={"Error": "E", "Cause": "9" * 900_000})),
    "a long amount": json.dumps(message(input={"total": "9" * 900_000})),
    "a text of opening brackets": json.dumps(message(title="[{" * 300_000)),
}  # fmt: skip


def zipped(text: bytes) -> str:
    return base64.b64encode(gzip.compress(text, mtime=0)).decode()


def in_sns(text: str) -> str:
    return json.dumps({"Type": "Notification", "TopicArn": "arn:t", "Message": text})


BOMB = b'{"taskToken":"corpus-token-0123456789","a":"' + b"0" * 100_000_000
ZIPPED_BOMB = zipped(BOMB)
ENVELOPES = {
    "a gzip bomb": ZIPPED_BOMB,
    "a gzip bomb in SNS": in_sns(ZIPPED_BOMB),
    "a gzip bomb in gzip": zipped(ZIPPED_BOMB.encode()),
    "a bomb of zlib": base64.b64encode(zlib.compress(BOMB)).decode(),
    "zeros as a CloudEvent": json.dumps({"specversion": "1.0", "data_base64": ZIPPED_BOMB}),
    "a bomb in an HTTP request": json.dumps({"isBase64Encoded": True, "body": ZIPPED_BOMB}),
    "lists of one": "[" * 400_000 + "{}" + "]" * 400_000,
    "a text in a text": functools.reduce(lambda text, _: json.dumps(text), range(15), GOOD),
    "a pointer to a bucket of others": json.dumps(
        [
            "software.amazon.payloadoffloading.PayloadS3Pointer",
            {"s3BucketName": "theirs", "s3Key": "k"},
        ]
    ),
    "a pointer in SNS": in_sns('{"s3BucketName": "theirs", "s3Key": "k"}'),
    "a pointer to nowhere": json.dumps({"S3Payload": {"Bucket": "../..", "Key": "\ud800"}}),
    "many names of tokens": json.dumps({f"t{n}": {"MyTaskToken": "x"} for n in range(30_000)}),
}
del BOMB  # 100 MB


@pytest.mark.parametrize("name", ENVELOPES)
def test_no_envelope_unpacks_far_or_reads_the_buckets_of_others(
    name: str, wary: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "opened", lambda *_: pytest.fail("it read S3"))
    arrival = sqs.Message(name, "r", ENVELOPES[name], datetime.now(UTC))
    if "bomb" in name:  # tracing what parses into many small objects takes a minute
        tracemalloc.start()
    began = time.process_time()
    try:
        taken = attachments.received(wary, arrival)
        assert taken is not None
        assert intake.accept(wary, [taken]).quarantined == 1
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert most < 64 * MEGABYTE
    assert time.process_time() - began < 2 * SECONDS
    assert QuarantinedMessage.objects.get().reason != "parser_failed"


def assert_kept(queue: ReviewQueue, body: str) -> None:
    """The message is a review that reads back, or a quarantined message; it took a second at most."""
    arrival = received(body)
    began = time.process_time()
    taken = intake.accept(queue, [arrival])

    assert time.process_time() - began < SECONDS
    assert taken.reviews + taken.duplicates + taken.quarantined == 1
    reviews = list(ReviewTask.objects.filter(sqs_message_id=arrival.message_id))
    assert len(reviews) == taken.reviews
    assert all(isinstance(review.payload, dict) for review in reviews)
    assert not QuarantinedMessage.objects.filter(
        reason__in=["parser_failed", "not_storable"]
    ).exists()


@pytest.fixture
def wary(queue: ReviewQueue) -> ReviewQueue:
    """The queue, with amount and customer promoted from the message."""
    queue.fields = [
        {"path": "input.total", "role": "amount"},
        {"path": "input.customer.name", "role": "customer"},
    ]
    return queue


@pytest.mark.parametrize("name", SLOW)
def test_no_message_takes_longer_than_a_second(name: str, wary: ReviewQueue) -> None:
    began = time.process_time()
    with suppress(Unreadable):
        messages.parse(SLOW[name])
    assert time.process_time() - began < SECONDS

    assert_kept(wary, SLOW[name])


@pytest.mark.parametrize(
    "text", DISPLAY, ids=lambda text: text[:12].encode("unicode_escape").decode()
)
def test_hostile_texts_are_stored_as_they_came_in_every_field(text: str, wary: ReviewQueue) -> None:
    fields = dict.fromkeys(("title", "stateName", "executionArn", "error", "orderId", text), text)
    order = {"total": text, "customer": {"name": text}, text: text}

    assert_kept(wary, json.dumps(message(**fields, input=order), ensure_ascii=False))

    review = ReviewTask.objects.get()
    assert review.payload["input"]["total"] == text
    assert review.payload["title"] == text


def test_a_good_message_cut_at_every_byte_is_refused_at_each(queue: ReviewQueue) -> None:
    for length in range(len(GOOD)):
        with pytest.raises(Unreadable):
            messages.parse(GOOD[:length])
    assert messages.parse(GOOD).flags == ()


JUNK = ['"', "\\", "{", "]", ",", "\0", "\ud800", "é", "9" * 70]
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(),
    st.sampled_from([*DISPLAY, 2**53 + 1, 2**64, -0.0, 1e-320, 1e63, "\0", "\ud800"]),
)  # fmt: skip
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)
names = st.sampled_from([*sorted(message()), "title", "priority", "retryCount", "itemIndex", "x"])


@pytest.mark.campaign
@QUICK
@given(fields=st.dictionaries(names, documents))
def test_any_value_in_any_field_is_stored_or_quarantined(
    fields: dict[str, Any], wary: ReviewQueue
) -> None:
    assert_kept(wary, json.dumps(message(**fields)))


@pytest.mark.campaign
@QUICK
@given(body=st.one_of(st.text(), st.binary().map(lambda raw: raw.decode("latin-1"))))
def test_any_text_at_all_is_quarantined(body: str, wary: ReviewQueue) -> None:
    assert_kept(wary, body)


@pytest.mark.campaign
@QUICK
@given(at=st.integers(0, len(GOOD)), junk=st.sampled_from(JUNK))
def test_junk_anywhere_in_a_good_message_never_stops_the_line(
    at: int, junk: str, wary: ReviewQueue
) -> None:
    assert_kept(wary, GOOD[:at] + junk + GOOD[at:])
