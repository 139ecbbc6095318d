"""The display form of untrusted text: characters that are invisible or change direction are written out.

For pages, terminals and logs alike; escaping for HTML is the templates' work.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

from approvals.untrusted import lookalikes, numbers

MAX_SHOWN = 262_144  # bytes of a payload, or characters of its display form, on a page
MAX_MAGNITUDE = 15  # digits before the point of an amount that is grouped

# Unicode categories of characters that are invisible, or change how others are shown.
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_BLANKS = "\u115f\u1160\u3164\uffa0\u2800\u034f\u180b\u180c\u180d"
# The zero-width joiner and non-joiner, without which some scripts are misspelt and some emoji fall apart.
_ZWNJ, _ZWJ = _JOINERS = ("\u200c", "\u200d")
_JOINING_SCRIPTS = (
    *("ARABIC", "SYRIAC", "DEVANAGARI", "BENGALI", "GURMUKHI", "GUJARATI", "ORIYA", "TAMIL"),
    *("TELUGU", "KANNADA", "MALAYALAM", "SINHALA", "KHMER", "MONGOLIAN"),
)
_FIRST_EMOJI = "\U0001f000"
_EMOJI_ENDS = "\ufe0f\u2640\u2642\u2695\u2696\u2708\u2764"
_NUMBER = re.compile(r"[-+0-9.eE]*[0-9]")  # of any magnitude
_SUSPECT = re.compile(r"[^ -~\n\t]")


def visible(value: object) -> str:
    """Text with every invisible, control or direction-changing character written out.

    Joiners stay where a script or an emoji needs them, and letters that only look Latin are written out
    in addresses and links.
    """
    text = str(value)
    if text.isascii() and text.isprintable():
        return text
    return _SUSPECT.sub(_shown, lookalikes.written_out(text, _code))


def visible_json(text: str) -> str:
    """JSON text with the same characters as JSON escapes, so that it parses to the same value."""
    return _SUSPECT.sub(_escaped, text)


def money(amount: object, currency: str = "") -> str:
    """An amount with grouped thousands, its currency in front; what is no number stays as it is."""
    if amount is None or amount == "" or isinstance(amount, bool | dict | list):
        return ""
    number = numbers.decimal(amount, magnitude=MAX_MAGNITUDE)
    if number is None:
        shown = visible(str(amount)[:40])
        return f"{visible(currency[:8])} {shown}".strip() if _NUMBER.fullmatch(shown) else shown
    digits = -int(number.normalize().as_tuple().exponent)
    shown = f"{number:,.{max(2, min(digits, 4))}f}"
    return f"{visible(currency[:8])} {shown}".strip()


def indented_json(value: Any) -> tuple[str, bool]:
    """A JSON value as indented text of at most MAX_SHOWN bytes or characters, and whether it was cut.

    What lies behind the cut is not written at all: a message may hold half a million values.
    """
    parts, length = [], 0
    for part in json.JSONEncoder(ensure_ascii=False, indent=2).iterencode(value):
        parts.append(part)
        length += len(part)
        if length > MAX_SHOWN:
            break
    text = "".join(parts)
    start = beginning(text)
    shown = visible_json(start)
    return shown[:MAX_SHOWN], len(start) < len(text) or len(shown) > MAX_SHOWN


def beginning(text: str) -> str:
    """The first MAX_SHOWN bytes of a text, without half a character."""
    return text[:MAX_SHOWN].encode(errors="replace")[:MAX_SHOWN].decode(errors="ignore")


def _code(character: str) -> str:
    return f"⟨U+{ord(character):04X}⟩"


def _joins(match: re.Match[str]) -> bool:
    """Whether a joiner stands between two letters of a script that uses it, or two parts of an emoji."""
    before = match.string[match.start() - 1 : match.start()]
    after = match.string[match.end() : match.end() + 1]
    if not before or not after:
        return False
    if before >= _FIRST_EMOJI or before in _EMOJI_ENDS:
        return match[0] == _ZWJ and (after >= _FIRST_EMOJI or unicodedata.category(after) == "So")
    return all(unicodedata.name(one, "").startswith(_JOINING_SCRIPTS) for one in (before, after))


def _is_unseen(character: str) -> bool:
    return character in _BLANKS or unicodedata.category(character) in _UNSEEN


def _shown(match: re.Match[str]) -> str:
    character = match[0]
    if character in _JOINERS and _joins(match):
        return character
    if _is_unseen(character):
        return _code(character)
    return " " if character in "\u00a0\u202f\u2007" else character


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if not _is_unseen(character):
        return character
    code = ord(character)
    if code < 0x10000:
        return f"\\u{code:04x}"
    return f"\\u{0xD800 + (code - 0x10000 >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
