"""Order files made after further public exports: what each becomes; none is refused thousands of times."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from pathlib import Path

import pytest

from approvals.models import OrderExecution
from tests.orchestration.batches.test_parsers_cases import Case, read, sums_agree

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("starts")]
HEAD = "order_id,amount,currency"
TWO = f"{HEAD}\nx-0,10.00,EUR\nx-1,20.50,EUR\n"
OF_TWO: dict[str, object] = {"x-0": "10.00", "x-1": "20.50"}
OBJECTS = [{"order_id": f"x-{n}", "amount": "1.00"} for n in range(30)]
NOT_LINES = "no JSON lines"
NO_ID = "The header has no order_id"
NOT_ONE = "is not digits with a point"


def amounts(*texts: str, currency: str = "EUR") -> str:
    rows = [f"x-{number};{text};{currency}" for number, text in enumerate(texts)]
    return "\n".join(["order_id;amount;currency", *rows]) + "\n"


CASES: dict[str, Case] = {
    "quoted-names.csv": ('"order_id","amount"\n"x-0","10.00"\n', {"x-0": "10.00"}, {}),
    "mark-before-a-quote.csv": ('\ufeff"order_id","amount"\n"x-0","10.00"\n', {"x-0": "10.00"}, {}),
    "mixed-ends.csv": (TWO.replace("\n", "\r\n", 1), OF_TWO, {}),
    "two-members.csv.gz": (
        b"".join(gzip.compress(part.encode(), mtime=0) for part in (TWO[:30], TWO[30:])), OF_TWO, {},
    ),
    "end-of-dos.csv": (f"{TWO}\x1a", OF_TWO, {4: "1 cells"}),
    "excel.csv": ("sep=;\n" + TWO.replace(",", ";"), {}, {1: NO_ID}),
    "capitals.csv": (TWO.upper(), {}, {1: NO_ID}),
    "a-title.csv": (f"Orders of November,,\n\n{TWO}", {}, {1: NO_ID}),
    "a-comment.csv": (f"# exported\n{TWO}", {}, {1: NO_ID}),
    "an-error-page.csv": ("<html>\n" + "<p>403</p>\n" * 50, {}, {1: NO_ID}),
    "carets.csv": (TWO.replace(",", "^"), {}, {1: NO_ID}),
    "columns-of-blanks.csv": ("order_id   amount\nx-0        10.00\n", {}, {1: NO_ID}),
    "bz2.csv": (bz2.compress(TWO.encode()), {}, {1: "not UTF-8"}),
    "xz.csv": (lzma.compress(TWO.encode()), {}, {1: "not UTF-8"}),
    "zstd.csv": (b"\x28\xb5\x2f\xfd" + b"\0" * 40, {}, {1: "not UTF-8"}),
    "parquet.csv": (b"PAR1\x15\x04\x15 order_id", {}, {1: NO_ID}),
    "array.csv": (json.dumps(OBJECTS), {}, {1: NO_ID}),
    "lines.csv": ("\n".join(map(json.dumps, OBJECTS)), {}, {1: NO_ID}),
    "only-a-header.csv": (f"{HEAD}\n", {}, {}),
    "two-files-in-one.csv": (
        "order_id,note\nx-0,a\norder_id,note\nx-1,b\n", {"x-0": None, "x-1": None},
        {3: "repeats the header"},
    ),
    "mysql.csv": (
        'order_id,note\nx-0,"5\\" pipe"\nx-1,ok\n', {"x-1": None}, {2: "not CSV"},
    ),
    "separators-of-unicode.csv": (
        "order_id,note\nx-0,a\u0085b\nx-1,a\u2028b\x0bc\x0cd\n", {"x-0": None, "x-1": None}, {},
    ),
    "cp1252.csv": ("order_id,note\nx-0,\x93hi\x94\n".encode("latin-1"), {}, {2: "not UTF-8"}),
    "how-people-write-amounts.csv": (
        amounts(
            *("+10.50", ".50", "5.", "1 000.00", "10.50 EUR", "€10", "(10.00)", "1'000.00", "10.50-"),
            *("N/A", "10\uff0e50"),
        ),
        {},
        dict.fromkeys(range(2, 13), NOT_ONE),
    ),
    "three-decimals.csv": (amounts("10.500"), {}, {2: "3 decimals; EUR has 2"}),
    "small-letters.csv": (amounts("10.000", "1.0005", currency="bhd"), {"x-0": "10.000"}, {3: "bhd has 3"}),
    "small-yen.csv": (amounts("100", "100.5", currency="jpy"), {"x-0": "100"}, {3: "jpy has 0"}),
    "ids.csv": (
        "order_id,amount\n0012,1\n1.23457E+11,1\na\u200bb,1\na\u202eb,1\na/b,1\n",
        {"0012": "1", "1.23457E+11": "1", "a/b": "1"},
        {4: "unprintable", 5: "unprintable"},
    ),
    "wrapped.json": (json.dumps({"orders": OBJECTS}), {}, {1: "no JSON array"}),
    "lines.json": ("\n".join(map(json.dumps, OBJECTS)), {}, {1: "no JSON array"}),
    "marked.json": (b"\xef\xbb\xbf" + json.dumps(OBJECTS[:1]).encode(), {"x-0": "1.00"}, {}),
    "utf-16.json": (json.dumps(OBJECTS[:1]).encode("utf-16"), {"x-0": "1.00"}, {}),
    "pretty.jsonl": (json.dumps(OBJECTS, indent=1), {}, {1: NOT_LINES}),
    "pretty-objects.jsonl": ("\n".join(json.dumps(one, indent=1) for one in OBJECTS), {}, {1: NOT_LINES}),
    "csv.jsonl": (TWO, {}, {1: NOT_LINES}),
    "commas.jsonl": (",\n".join(map(json.dumps, OBJECTS)), {}, {1: NOT_LINES}),
    "array.jsonl": (json.dumps(OBJECTS), {}, {1: "An order is a JSON object"}),
    "two-bad-rows-first.jsonl": (
        '# exported\n\n{"order_id":\n{"order_id": "x-0"}\n{bad\n{"order_id": "x-1"}\n',
        {"x-0": None, "x-1": None},
        {1: "not JSON", 3: "not JSON", 5: "not JSON"},
    ),
    "escapes.jsonl": (
        '{"order_id":"x\\u0000"}\n{"order_id":"\\ud800"}\n{"order_id":"x"}\n{"order_id":"x","order_id":"y"}\n',
        {"x": None},
        {1: "NUL", 2: "surrogate", 4: "twice"},
    ),
}  # fmt: skip
STOPPED = {name for name, (_, orders, refused) in CASES.items() if not orders and 1 in refused}


@pytest.mark.parametrize("name", CASES)
def test_a_file_as_others_export_it_becomes_orders_or_one_sentence(
    name: str, tmp_path: Path
) -> None:
    content, orders, refused = CASES[name]
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())

    batch = read(path)

    rows = OrderExecution.objects.order_by("batch_item")
    assert {row.order_id: json.loads(row.input).get("amount") for row in rows} == orders
    found = {row.line: row.reason for row in batch.refusals.all()}
    assert found.keys() == refused.keys(), found
    assert all(refused[line] in reason for line, reason in found.items()), found
    if name in STOPPED - {"array.jsonl"}:
        assert (batch.status, batch.refused) == ("stopped", 1)
    elif name.endswith("jsonl") and isinstance(content, str):
        sums_agree(batch, path, len(content.splitlines()))
