"""The display form of untrusted text: characters that are invisible or change direction are written out.

For pages, terminals and logs alike; escaping for HTML is the templates' work.
"""

from __future__ import annotations

import json
import re
import unicodedata
from decimal import Decimal, InvalidOperation
from typing import Any

MAX_JSON = 200_000  # characters

# Unicode categories of characters that are invisible, or change how others are shown.
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_BLANKS = "\u115f\u1160\u3164\uffa0\u2800\u034f\u180b\u180c\u180d"
_SUSPECT = re.compile(r"[^ -~\n\t]")


def visible(value: object) -> str:
    """Text with every invisible, control or direction-changing character written out."""
    return _SUSPECT.sub(_shown, str(value))


def visible_json(text: str) -> str:
    """JSON text with the same characters as JSON escapes, so that it parses to the same value."""
    return _SUSPECT.sub(_escaped, text)


def money(amount: object, currency: str = "") -> str:
    """An amount with grouped thousands, its currency in front; what is no number stays as it is."""
    if amount is None or amount == "" or isinstance(amount, bool | dict | list):
        return ""
    try:
        number = Decimal(str(amount))
    except InvalidOperation:
        return visible(str(amount)[:40])
    if not number.is_finite() or abs(number) >= 10**15:
        return visible(str(amount)[:40])
    digits = -int(number.normalize().as_tuple().exponent)
    shown = f"{number:,.{max(2, min(digits, 4))}f}"
    return f"{visible(currency[:8])} {shown}".strip()


def indented_json(value: Any) -> tuple[str, bool]:
    """A JSON value as indented text of at most MAX_JSON characters, and whether it was cut there."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return visible_json(text[:MAX_JSON]), len(text) > MAX_JSON


def _is_unseen(character: str) -> bool:
    return character in _BLANKS or unicodedata.category(character) in _UNSEEN


def _shown(match: re.Match[str]) -> str:
    character = match[0]
    if _is_unseen(character):
        return f"⟨U+{ord(character):04X}⟩"
    return " " if character in "\u00a0\u202f\u2007" else character


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if not _is_unseen(character):
        return character
    code = ord(character)
    if code < 0x10000:
        return f"\\u{code:04x}"
    return f"\\u{0xD800 + (code - 0x10000 >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
