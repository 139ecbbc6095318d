"""Strict parsing of untrusted JSON: no ambiguity, bounded before it costs, and storable as it is.

Python's parser accepts NaN, repeated keys, any depth and any number; jsonb refuses NUL and lone
surrogates, and psycopg cannot read back numbers with too many digits.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Collection
from functools import partial
from typing import Any, NoReturn

MAX_BYTES = 1_048_576  # SQS's own limit of a message
MAX_DEPTH = 64
MAX_NODES = 20_000
MAX_DIGITS = 64  # jsonb takes more, but psycopg cannot read it back
LARGEST = 1e64

# Possessive, and a string may end with the body: a text without its closing quote is scanned once.
_STRINGS = re.compile(r'"(?:[^"\\]+|\\.)*+"?', re.DOTALL)
_STRUCTURE = re.compile(r"[\[{\]},]")


class Unreadable(Exception):
    """A text or value is refused: `reason` is a stable code, `explanation` a sentence.

    `place` are the keys and indexes that lead to it from the root.
    """

    def __init__(self, reason: str, explanation: str, place: tuple[str | int, ...] = ()) -> None:
        self.reason = reason
        self.explanation = explanation
        self.place = place
        super().__init__(explanation)


def read(
    body: str,
    *,
    unique: Collection[str] | None = None,
    number: Callable[[str], float] = float,
) -> Any:
    """Parse a body of JSON into a value that can be stored. Raises Unreadable.

    No object may have a key twice. If `unique` is given, that holds for these keys alone, and of
    any other the last one counts. `number` makes the float of a number with a point or an exponent.
    """
    try:
        size = len(body.encode())
    except UnicodeEncodeError:
        raise Unreadable("lone_surrogate", "The body holds half of a surrogate pair.") from None
    if size > MAX_BYTES:
        raise Unreadable("too_large", f"The body has {size} bytes; {MAX_BYTES} is the limit.")
    _measure(body)
    try:
        document = json.loads(
            body,
            object_pairs_hook=partial(_object, unique),
            parse_constant=_no_constant,
            parse_int=_bounded_int,
            parse_float=partial(_bounded_float, number),
        )
    except ValueError as error:
        raise Unreadable("not_json", f"The body is not JSON: {error}"[:300]) from None
    check_storable(document)
    return document


def _measure(body: str) -> None:
    """Refuse too many levels or values before the parser recurses into them."""
    depth = values = 0
    for match in _STRUCTURE.finditer(_STRINGS.sub("", body)):
        if match[0] in "[{":
            depth += 1
        elif match[0] in "]}":
            depth -= 1
        values += match[0] in "[{,"
        if depth < 0:
            return  # a bracket too many: no JSON, and the parser stops there
        if depth > MAX_DEPTH:
            raise Unreadable("too_deep", f"The body is nested deeper than {MAX_DEPTH} levels.")
        if values > MAX_NODES:
            raise Unreadable("too_many_values", f"The body holds more than {MAX_NODES} values.")


def _object(unique: Collection[str] | None, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    counts = Counter(key for key, _ in pairs if unique is None or key in unique)
    for key, count in counts.items():
        if count > 1:
            raise Unreadable("duplicate_key", f"The body names {key[:64]!r} twice.")
    return dict(pairs)


def _no_constant(name: str) -> NoReturn:
    raise Unreadable("not_json", f"{name} is not a JSON number.")


def _bounded_int(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise Unreadable("number_too_long", f"A number has more than {MAX_DIGITS} digits.")
    return int(digits)


def _bounded_float(number: Callable[[str], float], digits: str) -> float:
    value = number(digits)
    if len(digits) > MAX_DIGITS or abs(value) > LARGEST:
        raise Unreadable("number_too_long", "A number is longer or larger than can be stored.")
    return value


def check_storable(value: Any, place: tuple[str | int, ...] = ()) -> None:
    """Refuse values and keys that PostgreSQL's jsonb refuses or psycopg cannot read back.

    Raises Unreadable with the place in `value`.
    """
    if len(place) > MAX_DEPTH:
        raise Unreadable("too_deep", f"It is nested deeper than {MAX_DEPTH} levels.")
    if isinstance(value, str):
        check_text(value, place)
    elif isinstance(value, int | float) and not abs(value) <= LARGEST:  # NaN is not less
        explanation = "A number is longer or larger than can be stored."
        raise Unreadable("number_too_long", explanation, place)
    elif isinstance(value, dict):
        for key, inner in value.items():
            check_text(key, place)
            check_storable(inner, (*place, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            check_storable(inner, (*place, index))


def check_text(text: str, place: tuple[str | int, ...] = ()) -> None:
    """Refuse a text that jsonb refuses. Raises Unreadable."""
    if "\0" in text:
        raise Unreadable("nul", "A text holds the NUL character.", place)
    try:
        text.encode()
    except UnicodeEncodeError:
        explanation = "A text holds half of a surrogate pair."
        raise Unreadable("lone_surrogate", explanation, place) from None
