"""Cells of CSV files from untrusted values, which no spreadsheet takes for a formula.

A text that begins with one of `= + - @`, a tab or a carriage return gets an apostrophe in front, also behind
blanks, as OWASP's page on CSV injection says; a number does not, because it is no formula.
"""

from __future__ import annotations

import re
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")


def cell(value: Any) -> str:
    """The value as the text of a cell; empty for None."""
    text = "" if value is None else str(value).replace("\0", "")
    if _NUMBER.fullmatch(text):
        return text
    return (
        f"'{text}"
        if text.lstrip(" \u00a0").startswith(_FORMULA) or text.startswith(_FORMULA)
        else text
    )
