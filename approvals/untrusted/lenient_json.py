"""Reads the JSON of messages that must not be lost: odd values are kept as text instead of refused.

A message waits for an answer, so only what is no JSON, or too large for SQS, is refused. Everything else
is read into a value that can be stored, and the fields that were changed for it are named.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

import re2

from approvals.untrusted.strict_json import LARGEST, MAX_BYTES, MAX_DEPTH, MAX_DIGITS, Unreadable

# Possessive, and a string may end with the text: one without its closing quote is scanned once.
_STRUCTURE = re.compile(r'"(?:[^"\\]+|\\.)*+"?|[\[{\]}]', re.DOTALL)
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
# A number that may not be what Python makes of it, or such digits in a string: long, or with an exponent.
_ODD_NUMBER = re2.compile(rb"(?:^|[\[:,\s])-?(?:[0-9][0-9.]*[eE]|[0-9.]{%d})" % MAX_DIGITS)
SCALARS = frozenset({int, float, bool, type(None)})


class AsText(str):
    """A number that cannot be stored, or a part that is nested too deep, as the text that stood there."""

    __slots__ = ()


class WithRepeats(dict[str, Any]):
    """An object in which keys stand twice; `repeated` has all values of each such key, in their order."""

    repeated: dict[str, list[Any]]


_CONTAINERS = frozenset({list, dict, WithRepeats})


@dataclass(frozen=True)
class _Fold:
    """A part of a text that was replaced: where it begins, and the lengths before and after."""

    start: int
    was: int
    now: int


def read(text: str) -> Any:
    """Parse JSON. Raises Unreadable, `too_large` or `not_json`, with the place where it stops being JSON.

    NaN, Infinity and numbers beyond what can be stored come as AsText, as do parts that lie deeper than
    MAX_DEPTH levels; objects with repeated keys come as WithRepeats, with their last values.
    """
    size = len(text.encode(errors="surrogatepass"))
    if size > MAX_BYTES:
        raise Unreadable("too_large", f"The body has {size} bytes; {MAX_BYTES} is the limit.")
    bare = text.removeprefix("\ufeff")
    if not bare.strip():
        raise Unreadable("not_json", "The body is empty.")
    mark = secrets.token_hex(16)  # a key that no sender can know
    try:  # only what lies too deep, or is no JSON, needs its brackets counted
        value = _parsed(bare, mark)
    except (json.JSONDecodeError, RecursionError):
        pass
    else:
        if _has_few_brackets(bare) or not _is_deep(value):
            return value
    folded, folds = _folded(bare, mark)
    try:
        return _parsed(folded, mark)
    except json.JSONDecodeError as error:
        place = _unfolded(error.pos, folds) + len(text) - len(bare)
        raise Unreadable("not_json", _explanation(error.msg, text, place)) from None


def storable(value: Any) -> tuple[Any, tuple[str, ...]]:
    """A value that was read, as plain values that PostgreSQL can store, and the changed members of it.

    NUL and halves of surrogate pairs are written as their JSON escapes. Members are named that hold
    such a text, an AsText or repeated keys, at any depth.
    """
    if not isinstance(value, dict):
        return _plain(value, []), ()
    changed = dict.fromkeys(map(_escaped, getattr(value, "repeated", ())))
    document = {}
    for key, inner in value.items():
        name = _escaped(key)
        found: list[bool] = []
        document[name] = _plain(inner, found)
        if found or name != key:
            changed[name] = None
    return document, tuple(changed)


def has_only_scalars(values: list[Any]) -> bool:
    """Whether no text, array or object is among these values; a message may hold half a million of them."""
    # In parts, because no other thread runs meanwhile.
    parts = (values[at : at + 10_000] for at in range(0, len(values), 10_000))
    return all(SCALARS.issuperset(map(type, part)) for part in parts)


def _plain(value: Any, found: list[bool]) -> Any:
    """The value as `storable` gives it; `found` gets an entry for each change. Numbers are not copied."""
    if not value:
        return value
    if isinstance(value, str):
        plain = _escaped(value)
        if isinstance(value, AsText) or plain != value:
            found.append(True)
        return plain
    if isinstance(value, list):
        if has_only_scalars(value):
            return value
        return [_plain(inner, found) if inner else inner for inner in value]
    if isinstance(value, dict):
        if isinstance(value, WithRepeats) or any(map(_UNSTORABLE.search, value)):
            found.append(True)
        return {
            _escaped(key): inner if type(inner) in SCALARS else _plain(inner, found)
            for key, inner in value.items()
        }
    return value


def _escaped(text: str) -> str:
    if text.isascii() and "\0" not in text:
        return text[:]
    return _UNSTORABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text[:])


def _parsed(text: str, mark: str) -> Any:
    judged = _ODD_NUMBER.search(text.encode(errors="surrogatepass")) is not None
    return json.loads(
        text,
        strict=False,  # a raw tab or line feed in a text is not JSON, but clear
        object_pairs_hook=partial(_object, mark),
        parse_constant=AsText,
        parse_int=_whole if judged else None,
        parse_float=_fraction if judged else None,
    )


def _has_few_brackets(text: str) -> bool:
    """Whether a text has too few brackets for a part of it to be too deep."""
    return text.count("[") + text.count("{") <= MAX_DEPTH


def _is_deep(value: Any) -> bool:
    """Whether an array or object lies deeper than MAX_DEPTH levels: sooner found than by the text's brackets."""
    level = _containers([value])
    for _ in range(MAX_DEPTH):
        level = _containers(chain.from_iterable(map(_members, level)))
    return bool(level)


def _containers(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if type(value) in _CONTAINERS]


def _members(container: list[Any] | dict[str, Any]) -> Iterable[Any]:
    if isinstance(container, list):
        return container
    if isinstance(container, WithRepeats):
        return chain(container.values(), *container.repeated.values())
    return container.values()


def _object(mark: str, pairs: list[tuple[str, Any]]) -> dict[str, Any] | AsText:
    if len(pairs) == 1 and pairs[0][0] == mark:
        return AsText(pairs[0][1])
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    values: dict[str, list[Any]] = {}
    for key, value in pairs:
        values.setdefault(key, []).append(value)
    several = WithRepeats(members)
    several.repeated = {key: them for key, them in values.items() if len(them) > 1}
    return several


def _whole(digits: str) -> int | AsText:
    return int(digits) if len(digits) <= MAX_DIGITS else AsText(digits)


def _fraction(digits: str) -> float | AsText:
    if len(digits) > MAX_DIGITS or not abs(float(digits)) <= LARGEST:
        return AsText(digits)
    return float(digits)


def _folded(text: str, mark: str) -> tuple[str, list[_Fold]]:
    """The text with each part below MAX_DEPTH levels replaced by `{mark: ...}` of what stands there."""
    if _has_few_brackets(text):
        return text, []
    parts, folds, done = [], [], 0
    for start, end in _deep_parts(text):
        written = json.dumps({mark: text[start:end]})
        parts += [text[done:start], written]
        folds.append(_Fold(start, end - start, len(written)))
        done = end
    return "".join([*parts, text[done:]]), folds


def _deep_parts(text: str) -> Iterator[tuple[int, int]]:
    """Where each array or object begins and ends that lies deeper than MAX_DEPTH levels."""
    depth = start = 0
    for match in _STRUCTURE.finditer(text):
        if match[0] in "[{":
            depth += 1
            start = match.start() if depth == MAX_DEPTH + 1 else start
        elif match[0] in "]}":
            depth -= 1
            if depth == MAX_DEPTH:
                yield start, match.end()
            if depth < 0:
                return  # a bracket too many: no JSON, and the parser stops there
    if depth > MAX_DEPTH:
        raise Unreadable("not_json", _explanation("Unclosed bracket", text, start))


def _unfolded(place: int, folds: list[_Fold]) -> int:
    """The place in the original text of a place in the folded one."""
    for fold in folds:
        if place >= fold.start + fold.now:
            place += fold.was - fold.now
    return place


def _explanation(what: str, text: str, place: int) -> str:
    line = text.count("\n", 0, place) + 1
    column = place - text.rfind("\n", 0, place)
    return f"The body is not JSON: {what}: line {line} column {column} (character {place}).{_advice(text, place)}"


# What a text that is no JSON may be, by its first characters.
_BEGINS = re.compile(
    r"""(?P<python>[{\[]\s?')"""
    r"""|(?P<javascript>\[object\ )"""
    r"""|(?P<java>\{\s?[\w.-]{1,64}=)"""
    r"""|(?P<half>[{\[]\s?\\")"""
    r"""|(?P<html>[{\[]\s?&(?:quot|\#34|\#x22);)"""
    r"""|(?P<link>%(?:25)?(?:7[Bb]|5[Bb]|22))"""
    r"""|(?P<form>[\w.-]{1,64}=[^=\s])"""
    r"""|(?P<yaml>[\w.-]{1,64}:\s)"""
    r"""|(?P<token>[A-Za-z0-9+/=_-]{64,2048}+\s*+$)"""
    r"""|(?P<comment>/[/*])"""
    r"""|(?P<markup><)"""
)
_HINTS = {
    "python": "It looks like a Python value written with str(): send json.dumps() of it.",
    "javascript": "It looks like a JavaScript object made a text: send JSON.stringify() of it.",
    "java": "It looks like a map of Java written with toString(): send it as JSON.",
    "half": "Its quotes are escaped: it was written as JSON twice and parsed by half.",
    "html": "It was escaped for HTML: send it as it is.",
    "link": "It was URL-encoded: send it as it is.",
    "form": "It looks like a form: send it as JSON.",
    "yaml": "It looks like YAML: send it as JSON.",
    "token": "It looks like a task token alone: send an object with it under taskToken.",
    "comment": "JSON has no comments.",
    "markup": "It looks like XML or HTML.",
}


def _advice(text: str, place: int) -> str:
    """What a text that is no JSON looks like, with a blank before it; empty if like nothing known."""
    if text[place : place + 1] in ("{", "[") and text[max(0, place - 99) : place].rstrip()[-1:] in (
        "}",
        "]",
    ):
        return " Several JSON values stand in it: send each message by itself."
    found = _BEGINS.match(text[:4096].lstrip("\ufeff \t\r\n"))
    return f" {_HINTS[found.lastgroup or 'markup']}" if found else ""
