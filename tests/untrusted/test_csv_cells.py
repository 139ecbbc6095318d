"""Cells of CSV files that no spreadsheet takes for a formula."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.untrusted import csv_cells


@pytest.mark.parametrize(
    "text",
    [
        *(
            "=1+1",
            "+1+1",
            "-2+3",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            " =1",
            "-",
            "-1e5",
            "=cmd|' /C calc'!A0",
            "\uff1d1+1",
            "\uff0b1",
            "\uff0d1",
            "\uff20SUM(A1)",
            "\u200b=1",
            "\ufeff=1",
            "\u3000 =1",
            "\x0b=1",
            "\u202e\xad@x",
        ),
    ],
)
def test_what_begins_like_a_formula_is_a_text(text: str) -> None:
    assert csv_cells.cell(text) == f"'{text}"


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        *((None, ""), (0, "0"), (-5, "-5"), ("-12.50", "-12.50"), ("a=b", "a=b"), ("", "")),
        ("\0=1", "'=1"),
    ],
)
def test_everything_else_stays_as_it_is(value: Any, cell: str) -> None:
    assert csv_cells.cell(value) == cell
