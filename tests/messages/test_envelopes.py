"""Envelopes: each is opened and named, alone and inside others, and a bad one says what is wrong with it."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from approvals import messages
from approvals.messages import Extras, redacted
from approvals.untrusted.strict_json import Unreadable

CASES = Path(__file__).parent / "cases"
TOKEN = "AQCEAAAAKgAAAAMAAAAAAAAAAc/token+0123456789=="
BODY = json.dumps({"taskToken": TOKEN, "orderId": "1"})


def sns(text: str) -> str:
    return json.dumps(
        {"Type": "Notification", "TopicArn": "arn:t", "MessageId": "m", "Message": text}
    )


def event(detail: Any) -> str:
    return json.dumps(
        {"version": "0", "detail-type": "review", "source": "orders", "detail": detail}
    )


def records(*each: dict[str, Any]) -> str:
    return json.dumps({"Records": list(each)})


def sqs_record(text: str) -> dict[str, Any]:
    return {"messageId": "m", "receiptHandle": "r", "body": text, "eventSource": "aws:sqs"}


def packed(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def zipped(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


ENVELOPES = {
    "sns": (sns(BODY), ["SNS notification"]),
    "eventbridge": (event(json.loads(BODY)), ["EventBridge event"]),
    "eventbridge with text": (event(BODY), ["EventBridge event"]),
    "lambda with sqs": (records(sqs_record(BODY)), ["Lambda event"]),
    "lambda with sns": (
        records({"EventSource": "aws:sns", "Sns": {"Message": BODY}}), ["Lambda event", "record of aws:sns"],
    ),
    "lambda with kinesis": (records({"kinesis": {"data": packed(BODY)}}), ["Lambda event", "record", "base64"]),
    "pipes": (json.dumps(sqs_record(BODY)), ["record of aws:sqs"]),
    "pipes with one": (json.dumps([sqs_record(BODY)]), ["Pipes batch"]),
    "pipes with one of sns": (
        json.dumps([{"EventSource": "aws:sns", "Sns": {"Message": BODY}}]), ["Pipes batch", "record of aws:sns"],
    ),
    "list of one": (json.dumps([json.loads(BODY)]), ["list of one"]),
    "list of one record": (json.dumps([{"messageId": "m", "body": BODY}]), ["list of one", "record"]),
    "sns without a topic": (json.dumps({"MessageId": "m", "Message": BODY}), ["SNS notification"]),
    "cloud event": (json.dumps({"specversion": "1.0", "data": json.loads(BODY)}), ["CloudEvent"]),
    "cloud event with text": (json.dumps({"specversion": "1.0", "data": BODY}), ["CloudEvent"]),
    "cloud event with base64": (json.dumps({"specversion": "1.0", "data_base64": packed(BODY)}), ["CloudEvent"]),
    "request to SQS": (json.dumps({"QueueUrl": "q", "MessageBody": BODY}), ["request to SQS"]),
    "request to a function": (json.dumps({"requestContext": {}, "body": BODY}), ["HTTP request"]),
    "twice": (json.dumps(BODY), ["JSON text"]),
    "three times": (json.dumps(json.dumps(BODY)), ["JSON text", "JSON text"]),
    "base64": (packed(BODY), ["base64"]),
    "base64 twice": (packed(packed(BODY)), ["base64", "base64"]),
    "base64 in lines": (base64.encodebytes(BODY.encode()).decode(), ["base64"]),
    "base64 for urls": (base64.urlsafe_b64encode(BODY.encode()).decode().rstrip("="), ["base64"]),
    "gzip": (zipped(BODY), ["gzip in base64"]),
    "zlib": (base64.b64encode(zlib.compress(BODY.encode())).decode(), ["gzip in base64"]),
    "base64 in a text": (json.dumps(zipped(BODY)), ["JSON text", "gzip in base64"]),
    "sns in lambda": (records(sqs_record(sns(BODY))), ["Lambda event", "record of aws:sqs", "SNS notification"]),
    "all": (zipped(sns(event(json.dumps(packed(BODY))))), ["gzip in base64", "SNS notification"]),
}  # fmt: skip


@pytest.mark.parametrize("name", ENVELOPES)
def test_an_envelope_is_opened_and_named(name: str) -> None:
    body, names = ENVELOPES[name]

    request = messages.parse(body)

    assert request.token.reveal() == TOKEN
    assert dict(request.payload) == {"taskToken": "[task token]", "orderId": "1"}
    assert list(request.envelopes)[: len(names)] == names
    assert TOKEN[:12] not in redacted.redacted_body(body)


@pytest.mark.parametrize(
    ("case", "names"),
    [
        ("05-sns-envelope", ("SNS notification",)), ("06-eventbridge", ("EventBridge event",)),
        ("07-double-encoded", ("JSON text",)), ("08-base64", ("base64",)),
    ],
)  # fmt: skip
def test_the_cases_in_envelopes_are_reviews(case: str, names: tuple[str, ...]) -> None:
    request = messages.parse((CASES / f"{case}.txt").read_text())

    assert (request.envelopes, request.reference) == (names, f"case-{case[:2]}")


def test_what_holds_a_token_itself_is_no_envelope() -> None:
    body = json.loads(sns("no JSON")) | {"TaskToken": TOKEN, "detail-type": "x", "detail": "y"}

    request = messages.parse(json.dumps(body))

    assert (request.envelopes, request.payload["Message"]) == ((), "no JSON")


@pytest.mark.parametrize(
    ("body", "reason", "words"),
    [
        (sns("plain words"), "not_json", "an SNS envelope whose Message is no JSON"),
        (event("plain words"), "not_json", "an EventBridge event whose detail is no JSON"),
        (json.dumps("plain words"), "not_json", "a JSON text whose content is no JSON"),
        (packed("{plain words" * 3), "not_json", "base64 whose content is no JSON"),
        (records(sqs_record(BODY), sqs_record(BODY)), "several_messages", "2 records"),
        (json.dumps([sqs_record(BODY)] * 3), "several_messages", "3 records"),
        (records(), "several_messages", "0 records"),
        (records({"s3": {}}), "no_token", "holds no message"),
        (records({"kinesis": "no object"}), "no_token", "holds no message"),
        ("[]", "not_an_object", "not an object"),
        ("[1, 2]", "not_an_object", "not an object"),
        ("[{}]", "not_an_object", "not an object"),
        (sns("{}"), "no_token", "taskToken"),
        ('{"Type": "order"}', "no_token", "taskToken"),
        ('{"Message": "plain words"}', "no_token", "taskToken"),
        ('{"detail": "plain words"}', "no_token", "taskToken"),
        ('{"detail-type": "order"}', "no_token", "taskToken"),
        ('{"specversion": "1.0"}', "no_token", "taskToken"),
        ('{"body": "plain words"}', "no_token", "taskToken"),
        ('{"messageId": "m"}', "no_token", "taskToken"),
        (zipped("plain words"), "not_json", "base64 whose content is no JSON"),
        (json.dumps({"Type": "SubscriptionConfirmation", "Message": "m"}), "no_token", "confirm"),
        (zipped("[" + "0," * 1_000_000 + "0]"), "too_large", "unpacks"),
        (base64.b64encode(gzip.compress(BODY.encode(), mtime=0)[:-30]).decode(), "not_json", "base64"),
        (base64.b64encode(b"\x1f\x8b" + b"broken" * 9).decode(), "not_json", "broken"),
    ],
    ids=lambda value: value[:24],
)  # fmt: skip
def test_a_bad_envelope_says_what_is_wrong_with_it(body: str, reason: str, words: str) -> None:
    with pytest.raises(Unreadable) as refused:
        messages.parse(body)

    assert (refused.value.reason, words in refused.value.explanation) == (reason, True)
    assert len(refused.value.explanation) <= 300


@pytest.mark.parametrize("attributes", [{}, {"taskToken": TOKEN}])
def test_a_text_of_more_than_a_mebibyte_is_refused_whatever_it_holds(
    attributes: dict[str, str],
) -> None:
    with pytest.raises(Unreadable) as refused:
        messages.parse(packed(BODY + " " * 800_000), Extras(attributes))

    assert refused.value.reason == "too_large"


def test_a_message_is_as_long_as_the_longest_text_in_it() -> None:
    long = BODY + " " * 1_000

    assert messages.parse(packed(BODY)).characters == len(packed(BODY))
    assert messages.parse(zipped(long)).characters == len(long)


@pytest.mark.parametrize("wrapped", [json.dumps, packed, zipped])
@pytest.mark.parametrize("outermost", [json.dumps, packed])
def test_eight_envelopes_are_opened_and_no_more(
    wrapped: Callable[[str], str], outermost: Callable[[str], str]
) -> None:
    body = BODY
    for _ in range(7):
        body = wrapped(body)
    assert len(messages.parse(outermost(body)).envelopes) == 8

    with pytest.raises(Unreadable) as refused:
        messages.parse(outermost(wrapped(body)))
    assert refused.value.reason == "too_deep"


def test_a_record_is_named_by_the_beginning_of_its_source() -> None:
    body = json.dumps(sqs_record(BODY) | {"eventSource": "s" * 41})

    assert messages.parse(body).envelopes == (f"record of {'s' * 40}",)


def test_an_explanation_is_cut_to_the_300_characters_that_are_kept() -> None:
    body = json.dumps(sqs_record("no JSON") | {"eventSource": "\0" * 40})

    with pytest.raises(Unreadable) as refused:
        messages.parse(body)

    assert len(refused.value.explanation) == 300


def test_a_token_in_a_message_attribute_counts() -> None:
    extras = Extras({"TaskToken": TOKEN, "order_id": "7", "other": "x"})

    request = messages.parse('{"title": "Look"}', extras)
    assert (request.token.reveal(), request.reference, request.title) == (TOKEN, "7", "Look")
    assert "other" not in request.payload
    assert messages.parse("just words", extras).payload["body"] == "just words"
    assert messages.parse("5", Extras({"token": TOKEN})).token.reveal() == TOKEN
    assert messages.parse(BODY, extras).reference == "1"
    assert messages.parse('{"title": "a", "title": "b"}', extras).flags == ("title",)

    for other in (f"{TOKEN}x", TOKEN[:-1]):
        with pytest.raises(Unreadable) as refused:
            messages.parse(BODY, Extras({"taskToken": other}))
        assert refused.value.reason == "several_tokens"


def test_the_attributes_of_sns_and_of_a_record_count_too() -> None:
    inner = json.loads(sns("{}")) | {
        "MessageAttributes": {"taskToken": {"Type": "String", "Value": TOKEN}}
    }
    record = sqs_record("{}") | {
        "messageAttributes": {"task_token": {"stringValue": TOKEN, "dataType": "String"}}
    }

    of_lambda = {"Records": [{"EventSource": "aws:sns", "Sns": inner}]}

    for body in (inner, record, of_lambda):
        assert messages.parse(json.dumps(body)).token.reveal() == TOKEN


def test_the_execution_of_an_event_is_among_its_first_twenty_resources() -> None:
    execution = "arn:aws:states:us-east-1:123456789012:execution:a:b"
    resources = [5, *(f"arn:{number}" for number in range(18))]
    body = json.loads(event(BODY))

    for before, found in ((resources, execution), ([*resources, "arn:18"], "")):
        request = messages.parse(json.dumps(body | {"resources": [*before, execution]}))
        assert request.execution_arn == found


def test_the_body_of_a_record_comes_before_what_a_stream_may_have() -> None:
    other = json.dumps({"taskToken": f"{TOKEN}x"})

    request = messages.parse(records({"body": BODY, "kinesis": {"data": packed(other)}}))

    assert request.token.reveal() == TOKEN
