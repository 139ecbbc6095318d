"""Redaction: takes task tokens out of texts and JSON values before anybody sees or stores them.

A task token is a bearer secret of Step Functions, 1 to 2,048 characters long. It may be spelled with
JSON's escapes where JSON text lies inside a string: .NET writes \\u002B for +, PHP \\/ for /.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from string import ascii_letters, digits
from typing import Any

import re2

from approvals.untrusted import base64_text, lenient_json, message_fields

PLACEHOLDER = "[task token]"

# Bytes that the texts of a value are unpacked to, together: a kilobyte of base64 may be a megabyte, and a
# megabyte of such texts took three seconds. What lies behind is not looked into, and not shown.
MOST_UNPACKED = 8 * base64_text.MAX_BYTES
SHORTEST_TOKEN = 16  # characters; what is shorter under a token's name is left to be read
# A member of that name in JSON text, or of a Python value written as text, with any blanks of Unicode.
_BLANKS = rb"[\s\x0b\x1c-\x1f\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]*"
_NAMED = re2.compile(
    rb"""(?i)(["']task[_ -]?token["']%s:%s)(?:"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?)"""
    % (_BLANKS, _BLANKS)
)
_ESCAPED = re.compile(r"(?<!\\)\\++(?:u00([2-7][0-9A-Fa-f])|(/))")
_PERCENT = re.compile(r"%(?:25)*+([2-7][0-9A-Fa-f])")  # of ASCII, once or more often
# As JSON may spell it, too.
_LIKE_A_TOKEN = re2.compile(
    rb"(?:[A-Za-z0-9+/=_-]|%(?:25)*[2-7][0-9A-Fa-f]|\\+(?:/|u00[2-7][0-9A-Fa-f])){64,}"
)
# Longer than any digest; percent-encoded, too, as in a link.
# Possessive: to be able to give back took 149 bytes for each character of a run.
_LONG_RUN = re.compile(r"(?:[A-Za-z0-9+/=_-]|%(?:25)*+[2-7][0-9A-Fa-f]){128,}+")
_RUN = re.compile(r"[A-Za-z0-9+/=_.:%-]{20,6600}")  # a token with what may stand around it
_TOKEN_CHARACTERS = frozenset(ascii_letters + digits + "_+/=.:-")


def redact(value: Any, token: str) -> Any:
    """A JSON value with this token replaced by PLACEHOLDER wherever it is, in keys and escaped too.

    Another token that stands under a name of the token is replaced as well. A text that holds the token
    in base64, or one shorter than PLACEHOLDER, is replaced as a whole, so that no text grows by more than
    one PLACEHOLDER.
    """
    return _Redaction(token).of(value)


class _Redaction:
    """The redaction of one token, and how many bytes may still be unpacked to find it."""

    def __init__(self, token: str) -> None:
        self._token = token
        # A shorter text holds it in no spelling: each of them only makes it longer, but for compression.
        self._shortest = min(len(token), base64_text.SHORTEST)
        self._left = MOST_UNPACKED

    @cached_property
    def _traces(self) -> frozenset[str]:
        return base64_text.traces(self._token)

    def of(self, value: Any) -> Any:
        if not value:
            return value
        if isinstance(value, str):
            return value if len(value) < self._shortest else self._of_text(value)
        if isinstance(value, list):
            if lenient_json.has_only_scalars(value):
                return value
            return [self.of(inner) if inner else inner for inner in value]
        if isinstance(value, dict):
            # No text below this length is a token, whatever its name: it needs no call of its own.
            shortest = self._shortest
            return {
                key if len(key) < shortest else self.of(key): (
                    inner
                    if type(inner) in lenient_json.SCALARS
                    or (type(inner) is str and len(inner) < shortest)
                    else PLACEHOLDER
                    if _is_token(key, inner)
                    else self.of(inner)
                )
                for key, inner in value.items()
            }
        return value

    def _of_text(self, text: str) -> str:
        if self._in_base64(text):
            return PLACEHOLDER
        return text if len(text) < len(self._token) else _redact_token(text, self._token)

    def _in_base64(self, text: str) -> bool:
        """Whether a text holds base64 of a text with this token, compressed or not."""
        if len(text) < base64_text.SHORTEST:
            return False
        # The ends of its base64 depend on what stands beside it: a trace lacks up to four characters of the token.
        if len(text) > len(self._token) - 4:
            standard = base64_text.standard(text)
            if any(trace in standard for trace in self._traces):
                return True
        packed = base64_text.decoded(text)
        if packed is None or not base64_text.is_compressed(packed):
            return False
        return self._in_packed(packed)

    def _in_packed(self, packed: bytes) -> bool:
        """The same of compressed bytes; true of what cannot be looked into, which is not shown."""
        if self._left <= 0:
            return True
        try:
            plain = base64_text.inflated(packed)
        except (base64_text.BrokenError, base64_text.TooLargeError):
            self._left -= base64_text.most_inflated(packed)
            return True
        self._left -= len(plain)
        return self._token.encode() in plain


def redact_text(text: str) -> str:
    """A text without the value of any taskToken and without anything that looks like a token.

    For texts whose token is not known. Runs of 64 characters of a token's alphabet go, digests too.
    """
    body: bytes = text.encode(errors="surrogatepass")
    body = _NAMED.sub(rb'\1"%s"' % PLACEHOLDER.encode(), body)
    body = _LIKE_A_TOKEN.sub(PLACEHOLDER.encode(), body)
    return body.decode(errors="surrogatepass")


def redact_json(value: Any) -> Any:
    """A JSON value without the value of any taskToken and without runs as long as a token.

    For values whose token is not known. It keeps more than `redact_text`: an order may well hold a
    digest, and a task token is far longer.
    """
    if isinstance(value, str):
        return _LONG_RUN.sub(PLACEHOLDER, value)
    if isinstance(value, list):
        return [redact_json(inner) for inner in value]
    if isinstance(value, dict):
        return {
            _LONG_RUN.sub(PLACEHOLDER, key): PLACEHOLDER
            if message_fields.is_token_name(key) and isinstance(inner, str)
            else redact_json(inner)
            for key, inner in value.items()
        }
    return value


def redact_matching(text: str, is_token: Callable[[str], bool]) -> str:
    """A text with every token replaced that `is_token` recognizes, for a caller that only has its digest.

    Each run of a token's characters is tried whole and from behind the separators in its first 80
    characters, so that `token=...` and `(...):` are recognized.
    """

    def replace(match: re.Match[str]) -> str:
        run = match[0]
        starts = [0, *(at + 1 for at, character in enumerate(run[:80]) if character in "=:.,/-")]
        for candidate in (run[start:].rstrip(".:,-") for start in starts):
            if candidate and (is_token(candidate) or is_token(_PERCENT.sub(_character, candidate))):
                return run.replace(candidate, PLACEHOLDER)
        return run

    return _RUN.sub(replace, text)


def _is_token(key: str, value: Any) -> bool:
    """Whether a member holds a task token by its name; a short text or a path is none."""
    return (
        isinstance(value, str)
        and len(value) >= SHORTEST_TOKEN
        and message_fields.is_token_name(key)
        and not value.startswith(("$", "{%"))
    )


def _redact_token(text: str, token: str) -> str:
    text = _replaced(text, token)
    if "%" in text:
        plain = _PERCENT.sub(lambda match: _decoded(match, token), text)
        if token in plain:
            text = _replaced(plain, token)
    if "\\" in text:
        plain = _ESCAPED.sub(_unescaped, text)
        if token in plain:
            return _replaced(plain, token)
    return text


def _character(match: re.Match[str]) -> str:
    return chr(int(match[1], 16))


def _decoded(match: re.Match[str], token: str) -> str:
    """The character of a percent-encoding, if the token has it; any other stays as it is written."""
    character = _character(match)
    return character if character in token else match[0]


def _replaced(text: str, token: str) -> str:
    if len(token) < len(PLACEHOLDER):
        return PLACEHOLDER if token in text else text
    return text.replace(token, PLACEHOLDER)


def _unescaped(match: re.Match[str]) -> str:
    character = match[2] or chr(int(match[1], 16))
    return character if character in _TOKEN_CHARACTERS else match[0]
