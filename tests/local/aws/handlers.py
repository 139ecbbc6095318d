"""Lambda handlers for the tests: echo, fail, use the environment, write a row, return no JSON."""

from __future__ import annotations

import os
import time
from typing import Any

import boto3


class ReviewError(Exception):
    """An error that a workflow catches by this name."""


def echo(event: Any, context: Any) -> Any:
    return {
        "event": event,
        "function": context.function_name,
        "request": bool(context.aws_request_id),
        "left": context.get_remaining_time_in_millis(),
    }


def fail(event: Any, context: Any) -> Any:
    raise ReviewError("no such order")


def look(event: Any, context: Any) -> Any:
    seen = [os.environ.get("COLOUR")]
    time.sleep(0.05)
    return [*seen, os.environ.get("COLOUR"), os.getenv("AWS_REGION")]


def borrow(event: Any, context: Any) -> Any:
    """Use the environment as a library does: set, count, copy, and put back."""
    os.environ["BORROWED"] = "1"
    copied = os.environ.copy()
    counted = len(os.environ) == len(copied)
    del os.environ["BORROWED"]
    return [copied["BORROWED"], counted, "BORROWED" in os.environ]


def mumble(event: Any, context: Any) -> Any:
    """Return a value that JSON cannot represent."""
    return object()


def remember(event: Any, context: Any) -> Any:
    table = boto3.session.Session().client("dynamodb")
    table.put_item(TableName=os.environ["TABLE"], Item={"id": {"S": event["id"]}})
    return event
