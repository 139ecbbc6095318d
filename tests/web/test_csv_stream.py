"""CSV files that are sent line by line."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from approvals.web import csv_stream


def test_lines_are_made_one_at_a_time_and_no_cell_is_a_formula() -> None:
    made: list[int] = []

    def rows() -> Iterator[tuple[object, ...]]:
        for number in range(3):
            made.append(number)
            yield (number, "=1+1", 'a,"b"\nc', None)

    lines = csv_stream.lines(["n", "text", "more", "none"], rows())
    assert next(lines) == "n,text,more,none\r\n"
    assert made == []
    assert next(csv.reader([next(lines)])) == ["0", "'=1+1", 'a,"b"\nc', ""]
    assert made == [0]


def test_a_file_is_an_attachment_of_its_name() -> None:
    response = csv_stream.attachment("list.csv", iter(["a\r\n"]))
    assert response["Content-Disposition"] == 'attachment; filename="list.csv"'
    assert response.getvalue() == b"a\r\n"
