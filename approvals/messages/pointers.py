"""Pointers to a message that lies in S3, as the extended clients of SQS send them instead of a body.

The forms are those of awslabs' Java and Python clients (a list of a class name and a bucket with a key),
of the Node client sqs-extended-client (attribute S3MessageBodyKey: `(bucket)key`) and of sns-sqs-big-payload.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from approvals.untrusted.strict_json import Unreadable, check_text

ATTRIBUTE = "S3MessageBodyKey"
# "-..s3BucketName..-NAME-..s3BucketName..--..s3Key..-KEY-..s3Key..-" stands in receipts only, never in bodies.
_IN_ATTRIBUTE = re.compile(r"\(([a-z0-9.-]{3,63})\)(.{1,1024})", re.DOTALL)


@dataclass(frozen=True)
class Pointer:
    """An object in S3 that holds the message."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def of_value(value: Any) -> Pointer | None:
    """The pointer that a JSON value is; None if it is none."""
    if isinstance(value, list) and len(value) == 2 and "S3Pointer" in str(value[0]):
        return _of_members(value[1], "s3BucketName", "s3Key")
    if not isinstance(value, dict) or len(value) > 4:
        return None
    if isinstance(value.get("S3Payload"), dict):
        return _of_members(value["S3Payload"], "Bucket", "Key")
    if isinstance(value.get(ATTRIBUTE), str):
        return of_attributes(value)
    return _of_members(value, "s3BucketName", "s3Key")


def of_attributes(attributes: Mapping[str, Any]) -> Pointer | None:
    """The pointer in a message's attributes; None if there is none."""
    match = _IN_ATTRIBUTE.fullmatch(str(attributes.get(ATTRIBUTE, "")))
    return _checked(match[1], match[2]) if match else None


def _of_members(members: Any, bucket: str, key: str) -> Pointer | None:
    if not isinstance(members, dict):
        return None
    found = members.get(bucket), members.get(key)
    if not all(isinstance(text, str) and text and len(text) <= 1024 for text in found):
        return None
    return _checked(str(found[0]), str(found[1]))


def _checked(bucket: str, key: str) -> Pointer | None:
    """The pointer; None for a text that no name in S3 can be, which is UTF-8 without NUL."""
    try:
        check_text(bucket)
        check_text(key)
    except Unreadable:
        return None
    return Pointer(bucket, key)
