"""Files of an export, sent line by line."""

from __future__ import annotations

import csv
from collections.abc import Iterator

import pytest

from approvals.web import exported_files


def test_lines_are_made_one_at_a_time_and_no_cell_is_a_formula() -> None:
    made: list[int] = []

    def rows() -> Iterator[tuple[object, ...]]:
        for number in range(3):
            made.append(number)
            yield (number, "=1+1", 'a,"b"\nc', None)

    lines = exported_files.lines(["n", "text", "more", "none"], rows())
    assert next(lines) == "n,text,more,none\r\n"
    assert made == []
    assert next(csv.reader([next(lines)])) == ["0", "'=1+1", 'a,"b"\nc', ""]
    assert made == [0]


def test_a_file_is_an_attachment_of_its_name() -> None:
    response = exported_files.attachment("list.csv", iter(["a\r\n"]))
    assert response["Content-Disposition"] == 'attachment; filename="list.csv"'
    assert response.getvalue() == b"a\r\n"


def test_a_file_whose_lines_cannot_all_be_made_says_so_at_its_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def lines() -> Iterator[str]:
        yield "a\r\n"
        raise ZeroDivisionError

    content = exported_files.attachment("list.csv", lines()).getvalue()

    assert content == b"a\r\nINCOMPLETE: the export failed here, export again\r\n"
    assert "export.failed" in caplog.text
