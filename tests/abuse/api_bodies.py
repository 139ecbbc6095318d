"""Hostile bodies of requests to the API, as data. The seeds are those of the reliability study, section 6."""

from __future__ import annotations

import json

GOOD = json.dumps({"outcome": "approved", "reason": "Fine.", "edits": {"total": 1}}).encode()

TEXTS = [
    "\u202eevil\u2066",
    "a\u200d\u200b\ufeff",
    "e" + "\u0301" * 10_000,
    "</script><script>alert(1)</script>",
    "{{7*7}}{% debug %}",
    "=HYPERLINK(1)",
    "\r\nBcc: a@example.com",
    "\x1b[31m",
    "\ufffe\uffff",
    "\U000e0041",
    "x" * 40_000,
    "'; DROP TABLE approvals_vote; --",
    "$$.Task.Token",
    "../../etc/passwd",
    "%00%0d%0a",
    "١٢٣",
]
BODIES: dict[str, bytes] = {
    "empty": b"",
    "blank": b"  \n",
    "null": b"null",
    "scalar": b"7",
    "text": b'"x"',
    "array": b"[]",
    "trailing": GOOD + b"x",
    "two documents": GOOD + GOOD,
    "comment": b'{"outcome": "approved" /* yes */}',
    "single quotes": b"{'outcome': 'approved'}",
    "nan": b'{"outcome": "approved", "edits": {"a": NaN}}',
    "infinity": b'{"undo_seconds": -Infinity, "outcome": "approved"}',
    "1e999": b'{"outcome": "approved", "edits": {"a": 1e999}}',
    "-1e999": b'{"undo_seconds": -1e999, "outcome": "approved", "order_id": 1e999}',
    "4301 digits": b'{"undo_seconds": ' + b"9" * 4301 + b', "order_id": ' + b"9" * 4301 + b"}",
    "65 digits": b'{"order_id": ' + b"9" * 65 + b"}",
    "2^63": b'{"outcome": "approved", "undo_seconds": 9223372036854775808}',
    "deep arrays": b"[" * 100_000,
    "deep objects": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "65 levels": b'{"edits":' + b"[" * 64 + b"]" * 64 + b', "outcome": "approved"}',
    "500 levels": b'{"a":' * 500 + b"1" + b"}" * 500,
    "100k keys": b"{" + b",".join(b'"k%d":1' % n for n in range(100_000)) + b"}",
    "many empty": b"[" + b"[]," * 300_000 + b"[]]",
    "too large": b'{"reason": "' + b"x" * 1_048_576 + b'"}',
    "outcome twice": b'{"outcome": "rejected", "outcome": "approved"}',
    "order twice": b'{"order_id": "1", "order_id": "2"}',
    "proto": b'{"__proto__": {"outcome": "approved"}, "constructor": 1, "_connector": "OR"}',
    "lookups": b'{"outcome": "approved", "review__queue": 1, "__class__": "x"}',
    "overlong": b'{"reason": "\xc0\xaf"}',
    "invalid utf-8": b'{"reason": "\xff"}',
    "surrogate bytes": b'{"reason": "\xed\xa0\x80"}',
    "cut utf-8": b'{"reason": "\xf0\x9f\x98"}',
    "utf-16": '{"outcome": "approved"}'.encode("utf-16"),
    "utf-32": '{"outcome": "approved"}'.encode("utf-32"),
    "bom": b"\xef\xbb\xbf" + GOOD,
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
    "raw nul": b'{"reason": "a\x00b"}',
    "nul": b'{"outcome": "approved", "order_id": "1", "reason": "a\\u0000b"}',
    "nul key": b'{"a\\u0000b": 1, "order_id": "1", "outcome": "approved"}',
    "high surrogate": b'{"outcome": "approved", "order_id": "1", "reason": "\\ud800"}',
    "low surrogate": b'{"outcome": "approved", "order_id": "1", "edits": {"\\udfff": 1}}',
    "bool as number": b'{"outcome": 1, "undo_seconds": true, "order_id": true}',
    "lists for all": b'{"outcome": [], "reason": [], "edits": [], "lease_id": [], "order_id": []}',
    "objects for all": b'{"outcome": {}, "reason": {}, "override": {}, "undo_seconds": {}}',
    **{
        f"text {place}": json.dumps(
            {"outcome": "approved", "reason": text, "reason_code": text, "order_id": text}
        ).encode()
        for place, text in enumerate(TEXTS)
    },
    **{f"cut at {place}": GOOD[:place] for place in range(1, len(GOOD))},
}
