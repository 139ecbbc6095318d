"""Bodies whose fields have odd values: tokens, ARNs of 60 regions, versions, times and counts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.abuse.corpus import ACCOUNT, QUARANTINE, REVIEW, Body, token, written

REGIONS = 60
TOKENS: dict[str, Any] = {
    "empty": "",
    "blank": "  ",
    "one letter": "b",
    "15": "b" * 15,
    "2,049": "b" * 2_049,
    "a megabyte": "b" * 1_000_000,
    "with a blank": "token token token token",
    "with a line feed": "tokentokentoken\ntoken",
    "with NUL": "tokentokentoken\0xx",
    "unicode": "tökentökentöken",
    "path": "$$.Task.Token",
    "path of input": "$.token.of.the.input",
    "jsonata": "{% $states.context.Task.Token %}",
    "intrinsic": "States.Format('{}', $$.Task.Token)",
    "braces": "{{taskToken}}aaaaaaaa",
    "brackets": "<the task token>",
    "redacted": "[task token]",
    "number": 7,
    "true": True,
    "list": [token("list")],
    "object": {"a": token("object")},
    "null": None,
}
ARNS = [
    "arn:aws:states:*:*:execution:*:*",
    "arn:aws:states:eu-west-1:999999999999:execution:m:e",
    "arn:",
    ":" * 500,
    "arn:aws:states:eu-west-1:123456789012:execution:other:e",
    "arn:aws:states:EU-WEST-1:123456789012:execution:m:e",
    "arn:aws:states:../../:1:execution:m:e",
    "arn:aws:states:169.254.169.254/:1:execution:m:e",
    "not an arn",
    "arn:aws:states:eu-west-1:123456789012:execution:m:" + "e" * 81,
    "arn:aws-cn:states:cn-north-1:1:execution:m:e",
    "arn:aws:states:eu-west-1:123456789012:express:m:e:1",
    "http://sink/",
    "x" * 512,
    "x" * 513,
    7,
    [],
    {"a": 1},
]
COUNTS: list[Any] = [
    0,
    -1,
    1,
    1.5,
    1e18,
    2**31,
    2**63,
    "3600",
    "3.6E3",
    "1e9999",
    "\u0661",
    "1_000",
    True,
    [],
    {},
    "",
    "NaN",
    "-0",
    99_999_999,
    100_000_000,
]
TIMES = [
    "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "10000-01-01T00:00:00Z",
    "2026-12-31T23:59:60Z",
    "2026-01-01T00:00:00+14:00",
    "2026-01-01T00:00:00+23:59",
    "2026-01-01",
    "1767225600000",
    "now",
    "-1",
]
VERSIONS = {
    "2": QUARANTINE,
    "9": QUARANTINE,
    "v2.0": QUARANTINE,
    "1.9": REVIEW,
    "one": REVIEW,
    "": REVIEW,
    "1e999": REVIEW,
    "9" * 5_000: QUARANTINE,
}


def bodies() -> Iterator[Body]:
    """All of them."""
    for name, value in TOKENS.items():
        text = json.dumps({"taskToken": value, "orderId": "1", "error": "E"})
        yield Body("token", name, text, QUARANTINE)
    for length in (16, 1_024, 2_048):
        text = json.dumps({"taskToken": "c" * length, "orderId": "1"})
        yield Body("token", f"{length} letters", text, REVIEW)
    yield from _arns()
    yield from _values()


def _arns() -> Iterator[Body]:
    for number in range(REGIONS):
        name = f"zz-aa-{number}"
        arn = f"arn:aws:states:{name}:{ACCOUNT}:execution:forged:{number}"
        yield Body("arn", name, written(f"region {name}", executionArn=arn), REVIEW)
    for place, odd in enumerate(ARNS):
        name = f"{place} {ascii(odd)[:30]}"
        text = written(f"arn {name}", executionArn=odd, stateMachineArn=odd)
        yield Body("arn", name, text, REVIEW)


def _values() -> Iterator[Body]:
    fields = ("timeoutSeconds", "priority", "retryCount", "redriveCount", "itemIndex")
    for place, value in enumerate(COUNTS):
        name = f"{place} {ascii(value)[:20]}"
        text = written(f"count {name}", **dict.fromkeys(fields, value))
        yield Body("value", f"count {name}", text, REVIEW)
    for time in TIMES:
        name = f"time {time}"
        text = written(name, timeoutSeconds=time, enteredTime=time, input={"due": time})
        yield Body("value", name, text, REVIEW)
    for version, outcome in VERSIONS.items():
        name = f"version {version[:9]}"
        yield Body("value", name, written(name, schemaVersion=version), outcome)
    errors: list[Any] = [
        7,
        True,
        [],
        [{}],
        {"Error": []},
        {"Error": {"Error": 1}},
        {"Cause": {}},
        "x" * 40_000,
        '{"Error": "E"',
        {"Error": "E" * 9_000, "Cause": "9" * 900_000},
    ]
    for place, error in enumerate(errors):
        name = f"error {place}"
        yield Body("value", name, written(name, error=error), REVIEW)
    for place, odd in enumerate([7, 1e21, True, [], {"a": 1}, "", None, "x" * 5_000, -0.0]):
        name = f"order {place}"
        yield Body("value", name, written(name, orderId=odd), REVIEW)
