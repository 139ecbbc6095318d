"""What is fuzzed by coverage: readers of messages, maps, order files and definitions, with what must hold of each.

Each target takes bytes, of which the first ones choose the variant. It raises nothing but AssertionError.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import yaml

from approvals import messages
from approvals.exceptions import Invalid
from approvals.messages import Extras, redacted
from approvals.orchestration import order_amounts
from approvals.orchestration.batches import encodings, parsers
from approvals.untrusted import strict_json
from approvals.untrusted.strict_json import Unreadable
from approvals.workflows.asl.parser import UnreadableDefinition, parse_definitions
from approvals.workflows.linting.linter import lint
from approvals.workflows.linting.rule import QueueSettings
from tests.paths import ROOT

TOKEN = "AQCEAAAAKgAAAAMAAAAAAAAAAc/token+0123456789=="  # a mark in inputs; itself a token
FORMS = ("json", "jsonl", "csv")
TEMPLATE = b"""y
Resources:
  A: {Type: "AWS::Serverless::StateMachine", Properties: {Type: EXPRESS, Definition: &d
    {StartAt: A, States: {A: {Type: Task, Resource: !GetAtt F.Arn, End: true}}}}}
  B: {Type: "AWS::StepFunctions::StateMachine", Properties: {DefinitionString: !Sub '{"States": {"A": {}}}'}}
  C: {<<: *d, Ref: !Join ["", [a, !Ref B]]}
"""
MAP = {"token": "$.callback.id", "reference": "$.order['no']", "deadline": "$.d[0]"}


def _text(data: bytes) -> str:
    """Text as SQS may give it: UTF-8, half surrogate pairs included."""
    return (
        data.decode("utf-8", errors="surrogateescape")
        .encode("utf-16-le", errors="surrogatepass")
        .decode("utf-16-le", errors="surrogatepass")
    )


def message(data: bytes) -> None:
    """Any text is a request that can be stored and does not show its token, or is refused in a sentence."""
    variant, body = data[:1] or b"0", _text(data[1:])
    attributes = {"taskToken": TOKEN, "S3MessageBodyKey": "(big)k"} if variant in b"a" else {}
    fetched = body if variant in b"s" else None
    extras = Extras(attributes, fetched)
    text = '{"s3BucketName": "big", "s3Key": "k"}' if fetched is not None else body
    message_map = messages.read_map(MAP if variant in b"m" else {})
    shown = redacted.redacted_body(text, extras, message_map)
    try:
        request = messages.parse(text, extras, message_map)
    except Unreadable as error:
        _check_refusal(error.explanation)
        return
    assert request.token.reveal() not in shown, "the token is shown"
    token = request.token.reveal()
    shown = json.dumps([request.payload, request.flags, request.error_cause], ensure_ascii=False)
    assert token not in shown, "the token is shown"
    strict_json.check_storable(request.payload)
    for stored in (request.reference, request.title, request.error_name, request.error_cause):
        strict_json.check_text(stored)


def _check_refusal(reason: str) -> None:
    assert reason.strip(), "a refusal says why"


def message_map(data: bytes) -> None:
    """Any setting is a map or is refused; a map finds values in any document."""
    head, _, tail = data.partition(b"\n")
    try:
        setting = json.loads(_text(head))
        found = messages.read_map(setting)
    except (ValueError, RecursionError):
        return
    try:
        found.values(json.loads(_text(tail)))
    except (ValueError, RecursionError):
        return


def order_file(data: bytes) -> None:
    """Any file ends in rows, whose lines agree, of which each is an order that can be stored or a refusal."""
    form, content = FORMS[data[0] % 3] if data else "csv", data[1:]
    parsers.form_of("orders", content[:100])
    encodings.beginning(content[:100])
    found = parsers.rows(io.BytesIO(content), form)
    rows = 0
    for row in found:
        rows += 1
        assert (row.order is None) == bool(row.reason), "a row is an order or a refusal"
        assert rows <= len(content) + 1, "more rows than bytes"
        if row.order is not None:
            strict_json.check_storable(row.order)
            _judge(row.order)
    lines = found.lines
    if form != "json" and lines.lines:
        assert rows + lines.blank + lines.continuation == lines.lines, f"{rows} rows of {lines}"


def _judge(order: dict[str, object]) -> None:
    try:
        order_amounts.checked(order)
    except Invalid as error:
        _check_refusal(error.message)


def definition(data: bytes) -> None:
    """Any file is definitions that are linted, or is refused in a sentence; YAML follows a `y`."""
    name, text = ("fuzzed.yaml", data[1:]) if data[:1] == b"y" else ("fuzzed.json", data)
    try:
        read = parse_definitions(text.decode(errors="replace"), name)
    except UnreadableDefinition as error:
        _check_refusal(str(error))
        return
    for one in read:
        for finding in lint(one, QueueSettings()):
            assert finding.violation.reason, "a finding says why"


TARGETS: dict[str, Callable[[bytes], None]] = {
    "message": message,
    "map": message_map,
    "orders": order_file,
    "definition": definition,
}


def seeds(target: str) -> list[bytes]:
    """Inputs from which the fuzzer begins: the inputs of the tests, in each variant."""
    if target == "message":
        cases = [path.read_bytes() for path in sorted((ROOT / "tests/messages/cases").iterdir())]
        return [variant + case for case in cases for variant in (b"0", b"m", b"s", b"a")]
    if target == "definition":
        folder = ROOT / "tests/workflows/linting/cases"
        cases = [path.read_bytes() for path in sorted(folder.glob("*.json"))]
        # JSON is YAML; in block style, and in a template, it takes other ways through the reader.
        blocks = [yaml.safe_dump(json.loads(case)) for case in cases]
        return [
            *cases,
            *(b"y" + case for case in cases),
            *(f"y{b}".encode() for b in blocks),
            TEMPLATE,
        ]
    if target == "map":
        tail = b'\n{"callback": {"id": "x"}, "order": [{"no": 1}]}'
        return [json.dumps(MAP).encode() + tail, b'{"title": "$[0]"}\n[1]']
    order = '{"order_id": "x", "amount": "1.00"}'
    csv = 'order_id,amount,items:json\nx,1.00,"[{""sku"": ""a""}]"\ny,"2\n"\n\n'
    texts = [csv, csv.replace(",", ";"), f"[{order},\n{order}]", f"{order}\n\n{order}\n"]
    encoded = [text.encode(code) for text in texts for code in ("utf-8", "utf-16", "utf-8-sig")]
    return [bytes([form]) + text for form in range(3) for text in encoded]
