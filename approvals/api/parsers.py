"""JSON that can be stored and cannot be read two ways: what is neither is refused before any view."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from rest_framework.parsers import BaseParser

from approvals.api.errors import TooLarge, escaped
from approvals.exceptions import Invalid
from approvals.messages import MAX_BYTES, MAX_DEPTH, MAX_DIGITS, MAX_NODES


class StrictJSONParser(BaseParser):
    """UTF-8 JSON without NUL, lone surrogates, duplicate keys, NaN, or depth and size that hurt."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """The document; raises Invalid with the place, or TooLarge."""
        body = stream.read(MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            raise TooLarge(f"The body has over {MAX_BYTES} bytes.")
        try:
            document = json.loads(
                body.decode(),
                object_pairs_hook=_unambiguous,
                parse_constant=_no_constant,
                parse_int=_bounded_int,
                parse_float=_bounded_float,
            )
        except RecursionError:
            raise Invalid(f"The body is nested deeper than {MAX_DEPTH} levels.") from None
        except UnicodeDecodeError:
            raise Invalid("The body is not UTF-8.", pointer="") from None
        except ValueError as error:
            raise Invalid(f"The body is not JSON: {error}", pointer="") from None
        _check(document)
        return document


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Invalid("The body names a key twice.", pointer="")
    return found


def _no_constant(name: str) -> NoReturn:
    raise Invalid(f"{name} is not a JSON number.", pointer="")


def _bounded_int(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise Invalid(f"A number has more than {MAX_DIGITS} digits.", pointer="")
    return int(digits)


def _bounded_float(digits: str) -> float:
    value = float(digits)
    if len(digits) > MAX_DIGITS or abs(value) > 1e64:
        raise Invalid("A number is longer or larger than can be stored.", pointer="")
    return value


def _check(document: Any) -> None:
    """Walk without recursion: depth is what an attacker chooses."""
    waiting: list[tuple[Any, str, int]] = [(document, "", 1)]
    seen = 0
    while waiting:
        value, pointer, depth = waiting.pop()
        if isinstance(value, str):
            _check_text(value, pointer)
            continue
        if not isinstance(value, dict | list):
            continue
        seen += len(value)
        if seen > MAX_NODES:
            raise Invalid(f"The body holds more than {MAX_NODES} values.", pointer="")
        if depth > MAX_DEPTH:
            raise Invalid(f"The body is nested deeper than {MAX_DEPTH} levels.", pointer="")
        waiting += _members(value, pointer, depth + 1)


def _members(
    value: dict[str, Any] | list[Any], pointer: str, depth: int
) -> list[tuple[Any, str, int]]:
    if isinstance(value, list):
        return [(inner, f"{pointer}/{place}", depth) for place, inner in enumerate(value)]
    for key in value:
        _check_text(key, pointer)
    return [(inner, f"{pointer}/{escaped(key)}", depth) for key, inner in value.items()]


def _check_text(text: str, pointer: str) -> None:
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise Invalid("A text holds a character that cannot be stored.", pointer=pointer)
