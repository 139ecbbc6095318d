"""Bodies that are odd as JSON: shapes, numbers, depth, sizes, repeated keys, encodings."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.abuse.corpus import MEGABYTE, QUARANTINE, REFUSED, REVIEW, Body, token, written

GOOD = json.dumps({"taskToken": token("cut"), "orderId": "1", "error": "E"})
NUMBERS = [
    "-0",
    "-0.0",
    "1e999",
    "-1e999",
    "1e99999",
    "1E1000000",
    "-1E1000000",
    "1e200000",
    "1e-400",
    "NaN",
    "Infinity",
    "-Infinity",
    "9" * 64,
    "9" * 65,
    "9" * 4_300,
    "9" * 4_301,
    "9" * 5_000,
    "9" * 900_000,
    str(2**53 + 1),
    str(2**63),
    str(2**64),
    "0." + "1" * 40,
    "0." + "9" * 1_000_000,
    "1" + "0" * 400 + ".5",
    "1e63",
    "1e64",
    "1e65",
    "123456789.123456789e-300",
]


def bodies() -> Iterator[Body]:
    """All of them."""
    yield from _shapes()
    yield from _numbers()
    yield from _depth()
    yield from _sizes()
    yield from _keys()
    yield from _encodings()


def _with(name: str, raw: str) -> str:
    """A good message with a member of raw JSON."""
    return written(name)[:-1] + f', "extra": {raw}}}'


def _shapes() -> Iterator[Body]:
    yield Body("shape", "empty", "", REFUSED)
    shapes = {
        "blank": " \n\t",
        "null": "null",
        "true": "true",
        "number": "7",
        "text": '"x"',
        "array": "[]",
        "object": "{}",
        "array of messages": f"[{GOOD}, {GOOD}]",
        "trailing": GOOD + "x",
        "two": GOOD + GOOD,
        "two lines": f"{GOOD}\n{GOOD}",
        "comment": GOOD[:-1] + "/* x */}",
        "python": str(json.loads(GOOD)),
        "xml": "<taskToken>x</taskToken>",
        "form": "taskToken=x&orderId=1",
        "yaml": "taskToken: x",
        "trailing comma": GOOD[:-1] + ",}",
        "bracket too many": GOOD + "}",
        "open brackets": "[" * 100_000,
        "open objects": '{"a":' * 100_000,
        "brackets in turn": "[]" * 300_000,
        "quotes": '"' * 500_000,
        "empty texts": '""' * 250_000,
        "backslashes": "\\" * 1_000_000,
        "open text": '{"a":"' + '\\"' * 400_000,
        "backslashes 120,000": '{"a":"' + "\\" * 120_001,
        "open comment": "/*" * 100_000,
    }
    for name, text in shapes.items():
        yield Body("shape", name, text, QUARANTINE)
    for length in range(1, len(GOOD), 3):
        yield Body("cut", f"at {length}", GOOD[:length], QUARANTINE)


def _numbers() -> Iterator[Body]:
    for number in NUMBERS:
        name = f"{number[:12]} ({len(number)})"
        yield Body("number", name, _with(f"number {name}", number), REVIEW)
        if len(number) < 10_000:
            text = written(f"total {name}", input={"total": 1}).replace(
                '"total": 1', f'"total": {number}'
            )
            yield Body("number", f"total {name}", text, REVIEW)
            quoted = written(f"text {name}", input={"total": number, "amount": number})
            yield Body("number", f"text {name}", quoted, REVIEW)


def _depth() -> Iterator[Body]:
    for depth in (60, 64, 65, 500, 1_000, 5_000, 20_000, 100_000):
        text = _with(f"arrays {depth}", "[" * depth + "]" * depth)
        yield Body("depth", f"{depth} arrays", text, REVIEW)
        text = _with(f"objects {depth}", '{"a":' * depth + "1" + "}" * depth)
        yield Body("depth", f"{depth} objects", text, REVIEW)
    cause = {"Error": "E", "Cause": '{"a":' * 100_000}
    yield Body("depth", "cause", written("deep cause", error=cause), REVIEW)
    wide = "[" * 60 + ",".join(["0"] * 300_000) + "]" * 60
    yield Body("depth", "wide at 60", _with("wide", wide), REVIEW)
    unread = _with("wide of 9", wide)[:-1] + ', "schemaVersion": "9"}'
    yield Body("depth", "wide, unknown version", unread, QUARANTINE, "unknown_version")


def _sizes() -> Iterator[Body]:
    room = MEGABYTE - len(_with("largest", '""').encode())
    yield Body("size", "largest", _with("largest", '"' + "x" * room + '"'), REVIEW)
    yield Body("size", "one more", _with("largest", '"' + "x" * (room + 1) + '"'), REFUSED)
    yield Body("size", "key", _with("key", '{"' + "k" * 1_000_000 + '": 1}'), REVIEW)
    keys = "{" + ",".join(f'"k{number}":1' for number in range(80_000)) + "}"
    yield Body("size", "80,000 keys", _with("keys", keys), REVIEW)
    yield Body("size", "empty arrays", _with("arrays", "[" + "[]," * 300_000 + "[]]"), REVIEW)
    yield Body("size", "emoji", _with("emoji", '"' + "\U0001f468" * 250_000 + '"'), REVIEW)
    escapes = '"' + "\\\\u0061" * 140_000 + '"'
    yield Body("size", "escapes", _with("escapes", escapes), REVIEW)
    repeated = written("repeated token", input={"note": token("repeated token")[:-4] * 5_000})
    yield Body("size", "almost tokens", repeated, REVIEW)


def _keys() -> Iterator[Body]:
    own, other = token("a key twice"), token("another key")
    twice = f'"taskToken": "{own}", "taskToken": '
    yield Body("keys", "two tokens", f'{{{twice}"{other}"}}', QUARANTINE, "several_tokens")
    yield Body("keys", "the same twice", f'{{{twice}"{own}"}}', REVIEW)
    spelt = f'{{"taskToken": "{token("s")}", "TaskToken": "{other}"}}'
    yield Body("keys", "two spellings", spelt, QUARANTINE, "several_tokens")
    names = [
        "__proto__",
        "constructor",
        "prototype",
        "__class__",
        "_connector",
        "review__queue",
        "id",
        "pk",
        "status",
        "decision",
        "toString",
        "hasOwnProperty",
        "$where",
        "$ref",
        "",
        " ",
        ".",
        "..",
        "a.b[0]",
        "%s",
        "{0.__class__}",
        "\\",
        '"',
        "'",
        "<b>",
        "\u202e",
    ]
    for name in names:
        label = ascii(name)
        text = written(f"key {label}", **{name: {name: [name]}})
        yield Body("keys", f"key {label}", text, REVIEW)
    many = _with("repeats", "{" + ",".join(['"a":1'] * 100_000) + "}")
    yield Body("keys", "100,000 times a key", many, REVIEW)


def _encodings() -> Iterator[Body]:
    refused = {
        "NUL": "\0",
        "bell": "\a",
        "escape": "\x1b[31m",
        "U+FFFE": "\ufffe",
        "U+FFFF": "\uffff",
        "high half": "\ud800",
        "low half": "\udfff",
    }
    for name, raw in refused.items():
        text = _with(f"raw {name}", json.dumps("a" + raw, ensure_ascii=False))
        yield Body("encoding", f"raw {name}", _raw(text, raw), REFUSED)
        escaped = _with(f"escaped {name}", json.dumps(raw))
        yield Body("encoding", f"escaped {name}", escaped, REVIEW)
        key = _with(f"key {name}", "{" + json.dumps(raw) + ": 1}")
        yield Body("encoding", f"key {name}", key, REVIEW)
        fields = dict.fromkeys(("title", "orderId", "stateName", "executionArn"), f"a{raw}b")
        text = json.dumps(json.loads(written(f"fields {name}")) | fields)
        yield Body("encoding", f"fields {name}", text, REVIEW)
    yield Body("encoding", "bom", "\ufeff" + written("bom"), REVIEW)
    yield Body("encoding", "two boms", "\ufeff\ufeff" + written("boms"), QUARANTINE)
    yield Body("encoding", "c1 controls", _with("c1", '"\x80\x85\x9b"'), REVIEW)
    wide = written("utf-16").encode("utf-16-le").decode("latin-1")
    yield Body("encoding", "utf-16 as latin-1", wide, REFUSED)
    yield Body("encoding", "mojibake", _with("mojibake", '"\xc3\x83\xc2\xa9\xff"'), REVIEW)
    yield Body("encoding", "line feeds in a text", _with("lines", '"a\r\n{\\"event\\":1}"'), REVIEW)
    bad = _with("bad escape", '"\\x"')
    yield Body("encoding", "bad escape", bad, QUARANTINE)
    yield Body("encoding", "half an escape", _with("half", '"\\u00"'), QUARANTINE)


def _raw(text: str, raw: str) -> str:
    """The text with a character as it is where `json` has escaped it."""
    return text.replace(json.dumps(raw, ensure_ascii=False)[1:-1], raw)
