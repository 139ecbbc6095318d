"""Letters of other scripts that look like Latin ones, where they may deceive: in addresses and links.

A part of an e-mail address, of a link or of a domain is suspect if it mixes Latin letters with letters that
look like them (`paypal.com` with a Cyrillic a), or if all its letters only look Latin (`apple.com` in Cyrillic).
Names and sentences in any script are left alone. The letters are those of Unicode's confusables (Technical
Standard 39) for lower and upper case Latin letters in Cyrillic, Greek and Armenian.
"""

from __future__ import annotations

import re
from collections.abc import Callable

LOOKALIKES = frozenset(
    "аеорсухіјѕһԁԛԝѵӏгԍъвнкмтАВЕЅЗІЈКМНОРСТУХԌԚԜ"  # Cyrillic
    "αεινορτυχκγωηΑΒΕΖΗΙΚΜΝΟΡΤΥΧ"  # Greek
    "օսոզցհՏՍՕ"  # noqa: RUF001 - Armenian
)
_LATIN = re.compile("[A-Za-z]")
# A run of characters without blanks; only those with a dot, an @ or a slash inside are addresses.
_WORD = re.compile(r"[^\s<>\"'(),;]+")
_LABEL = re.compile(r"[^\W_]+")


def written_out(text: str, shown: Callable[[str], str]) -> str:
    """The text with suspect letters of addresses and links replaced by what `shown` returns for them."""
    if text.isascii():
        return text
    return _WORD.sub(lambda word: _word(word[0], shown), text)


def _word(word: str, shown: Callable[[str], str]) -> str:
    if word.isascii() or not any(mark in word.strip(".!?:") for mark in "@./"):
        return word
    if not _LATIN.search(word):
        return word
    return _LABEL.sub(lambda label: _label(label[0], shown), word)


def _label(label: str, shown: Callable[[str], str]) -> str:
    letters = [letter for letter in label if letter.isalpha()]
    alike = [letter for letter in letters if letter in LOOKALIKES]
    mixes = alike and any(letter.isascii() for letter in letters)
    if not mixes and (not alike or len(alike) < len(letters)):
        return label
    return "".join(shown(letter) if letter in LOOKALIKES else letter for letter in label)
