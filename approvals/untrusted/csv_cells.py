"""Cells of CSV files from untrusted values, which no spreadsheet takes for a formula.

A text that begins with one of `= + - @`, also as a full-width character, a tab or a line end gets an apostrophe
in front, also behind blanks and characters that cannot be seen, as OWASP's page on CSV injection says; a number
does not, because it is no formula.
"""

from __future__ import annotations

import re
from typing import Any

_FORMULA = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
# Blanks, and what cannot be seen: spreadsheets leave some of it out before they look.
_SKIPPED = "".join(map(chr, [*range(33), *range(0x7F, 0xA1), 0xAD, *range(0x2000, 0x2010)])) + (
    "\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u202f\u205f\u2060\u2066\u2067\u2068\u2069\u3000\ufeff"
)
_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")


def cell(value: Any) -> str:
    """The value as the text of a cell; empty for None."""
    text = "" if value is None else str(value).replace("\0", "")
    if _NUMBER.fullmatch(text):
        return text
    start = len(text) - len(text.lstrip(_SKIPPED))
    return f"'{text}" if text[:1] in _FORMULA or text[start : start + 1] in _FORMULA else text
