"""Bodies in envelopes, behind pointers, and at the places of a queue's map."""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import zlib
from collections.abc import Callable, Iterator

from tests.abuse.corpus import MEGABYTE, QUARANTINE, REVIEW, Body, message, token, written


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _records(record: dict[str, object]) -> str:
    return json.dumps({"Records": [record]})


#: Each takes the text of what it holds.
WRAP: dict[str, Callable[[str], str]] = {
    "sns": lambda text: json.dumps({"Type": "Notification", "TopicArn": "arn:x", "Message": text}),
    "eventbridge": lambda text: json.dumps(
        {"detail-type": "Review", "source": "x", "detail": json.loads(text)}
    ),
    "lambda": lambda text: _records({"eventSource": "aws:sqs", "messageId": "1", "body": text}),
    "lambda of sns": lambda text: _records({"EventSource": "aws:sns", "Sns": {"Message": text}}),
    "kinesis": lambda text: _records(
        {"eventSource": "aws:kinesis", "kinesis": {"data": _b64(text.encode())}}
    ),
    "pipes": lambda text: json.dumps([{"eventSource": "aws:sqs", "body": text}]),
    "text": json.dumps,
}
PACK: dict[str, Callable[[str], str]] = {
    "base64": lambda text: _b64(text.encode()),
    "gzip": lambda text: _b64(gzip.compress(text.encode(), mtime=0)),
    "zlib": lambda text: _b64(zlib.compress(text.encode())),
}
POINTERS: dict[str, Callable[[str, str], object]] = {
    "list": lambda bucket, key: [
        "software.amazon.payloadoffloading.PayloadS3Pointer",
        {"s3BucketName": bucket, "s3Key": key},
    ],
    "old list": lambda bucket, key: [
        "com.amazon.sqs.javamessaging.MessageS3Pointer",
        {"s3BucketName": bucket, "s3Key": key},
    ],
    "payload": lambda bucket, key: {"S3Payload": {"Bucket": bucket, "Key": key, "Id": "1"}},
    "members": lambda bucket, key: {"s3BucketName": bucket, "s3Key": key},
}
PLACES = {
    "plain": ("foreign-bucket", "k"),
    "path": ("foreign-bucket", "../../etc/passwd"),
    "url": ("169.254.169.254/latest", "meta-data?x="),
    "long": ("b" * 1024, "k" * 1024),
    "markup": ("<script>alert(1)</script>", "{{7*7}}"),
    "unicode": ("bücket\u202e", "\u0301" * 500),
}


def bodies() -> Iterator[Body]:
    """All of them."""
    yield from _wrapped()
    yield from _broken()
    yield from _pointers()
    yield from _mapped()


def _wrapped() -> Iterator[Body]:
    for outer, inner in itertools.product(WRAP, [*WRAP, *PACK]):
        if outer == "eventbridge" and inner in PACK:
            continue  # its detail is JSON
        name = f"{outer} of {inner}"
        text = WRAP[outer]((WRAP | PACK)[inner](written(name)))
        yield Body("envelope", name, text, REVIEW)
    for name, pack in PACK.items():
        yield Body("envelope", name, pack(written(name)), REVIEW)
        twice = f"{name} twice"
        yield Body("envelope", twice, pack(pack(written(twice))), REVIEW)
    for depth in (4, 8, 9, 12):
        text = written(f"{depth} texts")
        for _ in range(depth):
            text = json.dumps(text) if depth < 9 else WRAP["sns"](text)
        outcome = REVIEW if depth <= 8 else QUARANTINE
        yield Body("envelope", f"{depth} deep", text, outcome)


def _broken() -> Iterator[Body]:
    good = written("broken envelope")
    zeros = b"\0" * (64 * MEGABYTE)
    bomb = _b64(gzip.compress(zeros, mtime=0))
    broken = {
        "gzip bomb": bomb,
        "gzip bomb of json": _b64(gzip.compress(b'{"a":"' + zeros + b'"}', mtime=0)),
        "zlib bomb": _b64(zlib.compress(zeros)),
        "gzip cut": _b64(gzip.compress(good.encode(), mtime=0)[:60]),
        "gzip with a wrong sum": _b64(gzip.compress(good.encode(), mtime=0)[:-8] + b"\1" * 8),
        "base64 of nothing": _b64(b"\xff" * 300),
        "base64 of a picture": _b64(b"\x89PNG\r\n" + bytes(range(256))),
        "two records": json.dumps({"Records": [{"messageId": "1", "body": good}] * 2}),
        "no record": json.dumps({"Records": []}),
        "1,000 records": json.dumps({"Records": [{"messageId": "1", "body": "{}"}] * 1_000}),
        "record of nothing": json.dumps({"Records": [{}]}),
        "subscription": json.dumps(
            {"Type": "SubscriptionConfirmation", "TopicArn": "x", "Message": good}
        ),
        "sns of no json": WRAP["sns"]("<xml/>"),
        "sns of a number": json.dumps({"Type": "Notification", "Message": "7"}),
        "bomb in sns": WRAP["sns"](bomb),
        "two in one batch": json.dumps([{"eventSource": "x", "body": good}] * 2),
    }
    for name, text in broken.items():
        yield Body("envelope", name, text, QUARANTINE)


def _pointers() -> Iterator[Body]:
    for (form, make), (place, where) in itertools.product(POINTERS.items(), PLACES.items()):
        text = json.dumps(make(*where), ensure_ascii=False)
        yield Body("pointer", f"{form} {place}", text, QUARANTINE)
    nul = json.dumps(POINTERS["list"]("b\0", "k\ud800"))
    yield Body("pointer", "no name of s3", nul, QUARANTINE)
    wrapped = WRAP["sns"](json.dumps(POINTERS["list"]("b", "k")))
    yield Body("pointer", "in sns", wrapped, QUARANTINE, "s3_pointer")


def _mapped() -> Iterator[Body]:
    def inner(name: str, value: object) -> str:
        detail = {"callback": {"token": value}, "id": name, "name": "<b>" * 50}
        return json.dumps({"detail": detail, "detail-type": 7})

    yield Body("map", "at its path", inner("m", token("mapped")), REVIEW, is_mapped=True)
    yield Body("map", "no map needed", written("not mapped"), REVIEW, is_mapped=True)
    values = {"list": [token("l")], "object": {"a": 1}, "number": 7, "null": None, "blank": " "}
    for name, value in values.items():
        yield Body("map", name, inner(name, value), QUARANTINE, is_mapped=True)
    for name, detail in {
        "list": [[]] * 5_000,
        "text": "x" * 9_000,
        "deep": {"callback": []},
    }.items():
        text = json.dumps({"detail": detail})
        yield Body("map", f"{name} at the path", text, QUARANTINE, is_mapped=True)
    both = message("both", detail={"callback": {"token": token("other")}, "id": ["x"], "name": 7})
    yield Body("map", "odd values", json.dumps(both), REVIEW, is_mapped=True)
