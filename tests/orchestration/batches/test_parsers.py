"""Orders out of files: each row is as strict as a message and named by its line, whatever the blocks are."""

from __future__ import annotations

import io
from typing import Any

import pytest

from approvals.orchestration.batches import parsers
from approvals.untrusted import json_stream

ARRAY = b""" [
 {"order_id": "a\\"],{", "x": [1, 2, {"y": "\\\\"}]},
{"order_id": 2,
 "n": NaN},
 3,
{"a": 1, "a": 2}, {"order_id": "z"}
]
"""


def read(text: bytes, form: str, **more: Any) -> list[tuple[int, Any]]:
    """Line and order of each row, or line and code where it is none."""
    return [(r.line, r.order or r.code) for r in parsers.rows(io.BytesIO(text), form, **more)]


@pytest.mark.parametrize("block", [*range(1, 20), 65_536])
def test_lines_are_read_alike_in_blocks_of_any_size(
    monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(parsers, "BLOCK", block)
    text = b'{"a":1}\n{"a":2}\n\n\n{"a":3}\n{"a":4}\n\n{"a":5}'

    assert read(text, "jsonl") == [
        (n, {"a": a}) for n, a in ((1, 1), (2, 2), (5, 3), (6, 4), (8, 5))
    ]


@pytest.mark.parametrize("block", [1, 7, 14, 28, 65_536])
def test_cells_are_read_alike_in_blocks_of_any_size(
    monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(parsers, "BLOCK", block)
    ids = [f"ORD-{number:09}" for number in range(40)]

    found = read("\n".join(["order_id", *ids]).encode(), "csv")

    assert [order["order_id"] for _, order in found] == ids


@pytest.mark.parametrize("header", ["a" + ".a" * 64, ",".join(f"c{n}" for n in range(20_001))])
def test_a_header_cannot_nest_deeper_than_a_document(header: str) -> None:
    (row,) = parsers.rows(io.BytesIO(f"{header}\nx\n".encode()), "csv")

    assert (row.code, row.ends) == ("unreadable", True)


@pytest.mark.parametrize("block", [1, 2, 3, 7, 64, 65_536])
def test_an_array_is_read_alike_in_blocks_of_any_size(
    monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(json_stream, "BLOCK", block)

    assert read(ARRAY, "json") == [
        (2, {"order_id": 'a"],{', "x": [1, 2, {"y": "\\"}]}),
        (3, "not_json"),
        (5, "no_object"),
        (6, "duplicate_key"),
        (6, {"order_id": "z"}),
    ]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (b"", 1, "no JSON array"),
        (b'{"order_id": 1}', 1, "no JSON array"),
        (b'[{"order_id": 1}\n', 2, "breaks off"),
        (b'[{"order_id": 1}] x', 1, "follows the end"),
        (b'[{"order_id": 1}],\n{}', 1, "follows the end"),
        (b'[{"order_id": 1}}', 1, "brace"),
        (b'[{"order_id": "1]', 1, "breaks off"),
    ],
)
def test_what_leaves_no_next_row_ends_the_reading_and_says_where(
    text: bytes, line: int, what: str
) -> None:
    *_, last = parsers.rows(io.BytesIO(text), "json")

    assert (last.line, last.code, last.ends) == (line, "unreadable", True)
    assert what in last.reason


@pytest.mark.parametrize("text", [b"[]", b" [ \n ] ", b"\xef\xbb\xbf[]"])
def test_an_empty_array_has_no_rows(text: bytes) -> None:
    assert read(text, "json") == []


def test_a_comma_too_many_is_an_element_that_is_none() -> None:
    assert read(b'[{"order_id": 1},, {"order_id": 2},]', "json") == [
        (1, {"order_id": 1}),
        (1, "not_json"),
        (1, {"order_id": 2}),
        (1, "not_json"),
    ]


def test_a_row_too_long_to_be_held_is_refused_and_the_next_one_read() -> None:
    long = b'{"order_id": "' + b"x" * 1_100_000 + b'"}'

    for form, text in (
        ("json", b"[" + long + b',\n{"order_id": 2}]'),
        ("jsonl", long + b'\n{"order_id": 2}\n'),
    ):
        assert read(text, form) == [(1, "too_large"), (2, {"order_id": 2})]


def test_json_lines_count_every_line_and_skip_blank_ones() -> None:
    text = b'{"order_id": 1}\r\n\n{bad\n"x"\n{"order_id": "\xff"}\n{"order_id": 3}'

    assert read(text, "jsonl") == [
        (1, {"order_id": 1}),
        (3, "not_json"),
        (4, "no_object"),
        (5, "not_utf8"),
        (6, {"order_id": 3}),
    ]


def test_rows_before_text_that_cannot_be_read_are_not_lost() -> None:
    found = parsers.rows(io.BytesIO(b'w\n\n"o\n\xe4'), "jsonl")

    rows = [(row.line, row.code, row.ends) for row in found]

    assert rows == [(1, "not_json", False), (4, "unreadable", True)]
    lines = found.lines
    assert lines.lines == len(rows) + lines.blank + lines.continuation == 3


def test_csv_makes_objects_of_dots_and_json_where_the_header_says_so() -> None:
    text = (
        b"order_id,total:json,customer.email,items:json\n"
        b'1,2.50,a@b,"[{""sku"": 1}]"\n'
        b"2,NaN,,\n"
        b'"3\n3",1,,\n'
        b"4,5\n"
        b"5,1,\xff,\n"
        b'6,1,"q"x,\n'
        b"007,,,\n"
    )

    assert read(text, "csv") == [
        (2, {"order_id": "1", "total": 2.5, "customer": {"email": "a@b"}, "items": [{"sku": 1}]}),
        (3, "not_json"),
        (4, {"order_id": "3\n3", "total": 1}),
        (6, "not_csv"),
        (7, "not_utf8"),
        (8, "not_csv"),
        (9, {"order_id": "007"}),
    ]


@pytest.mark.parametrize("header", [b"\n", b"a,a\n", b"a,\n"])
def test_a_csv_without_a_usable_header_has_no_rows(header: bytes) -> None:
    (row,) = parsers.rows(io.BytesIO(header + b"1,2\n"), "csv")

    assert (row.code, row.ends) == ("unreadable", True)


def test_a_cell_that_contradicts_another_column_is_refused() -> None:
    assert read(b"order_id,a,a.b\n1,2,3\n", "csv") == [(2, "duplicate_key")]


@pytest.mark.parametrize("form", ["json", "jsonl", "csv"])
def test_reading_on_gives_the_same_rows_with_the_same_lines(form: str) -> None:
    text = {
        "json": ARRAY,
        "jsonl": b'{"order_id": 1}\n\nbad\n{"order_id": 2}\n',
        "csv": b'order_id,n\n1,2\n"2\n3",4\nbad\n5,6\n',
    }[form]
    whole = read(text, form)

    for skip in range(len(whole) + 1):
        assert read(text, form, skip=skip) == whole[skip:]


@pytest.mark.parametrize(
    ("name", "head", "form"),
    [
        ("a.json", b"", "json"),
        ("A.JSONL", b"", "jsonl"),
        ("a.ndjson", b"", "jsonl"),
        ("a.csv", b"", "csv"),
        ("daily", b"\xef\xbb\xbf [", "json"),
        ("daily.txt", b'\n{"order_id"', "jsonl"),
        ("daily", b"order_id,total", "csv"),
    ],
)
def test_a_file_is_known_by_its_name_or_by_how_it_begins(name: str, head: bytes, form: str) -> None:
    assert parsers.form_of(name, head) == form
