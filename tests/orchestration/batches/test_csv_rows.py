"""CSV: its delimiter, and rows that go over several lines."""

from __future__ import annotations

import io
import time
from typing import Any

import pytest

from approvals.orchestration.batches import parsers


def read(text: str) -> list[Any]:
    return [row.order or row.reason for row in parsers.rows(io.BytesIO(text.encode()), "csv")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_that_of_the_header(delimiter: str) -> None:
    text = f"a{delimiter}order_id{delimiter}b\n1{delimiter}2{delimiter}x\n"

    assert read(text) == [{"a": "1", "order_id": "2", "b": "x"}]


def test_other_delimiters_in_names_and_cells_are_text() -> None:
    assert read('order_id;"a,b"\n1;"x;y"\n2;p,q|r\n') == [
        {"order_id": "1", "a,b": "x;y"},
        {"order_id": "2", "a,b": "p,q|r"},
    ]


def test_a_note_in_a_file_without_amounts_may_have_commas() -> None:
    assert read('order_id,note\n1,"Dear Kim,\n2,three\nyours"\n') == [
        {"order_id": "1", "note": "Dear Kim,\n2,three\nyours"}
    ]


def test_blanks_around_a_cell_go_and_the_row_as_it_was_written_is_kept() -> None:
    (row,) = parsers.rows(io.BytesIO(b"order_id,note\n\t x ,\xc2\xa0y \n"), "csv")

    assert row.order == {"order_id": "x", "note": "y"}
    assert row.written == {"order_id": "\t x ", "note": "\u00a0y "}


def test_a_file_of_open_quotes_takes_time_in_proportion_to_its_length() -> None:
    def seconds(count: int) -> float:
        text = "order_id,amount,note\n" + 'x,1.00,"y\n' * count
        begun = time.process_time()
        read(text)
        return time.process_time() - begun

    seconds(1_000)
    assert seconds(40_000) < 3 * seconds(20_000)
