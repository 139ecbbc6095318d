"""Reads the optional fields of a message. A value that cannot be used is left out and its field flagged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from approvals import arns
from approvals.untrusted import lenient_json, message_fields, numbers
from approvals.untrusted.strict_json import Unreadable, check_text

MAX_REFERENCE = 256
MAX_CAUSE = 32_768  # API reference, SendTaskFailure: cause
LONGEST_NUMBER = 32  # characters of a text that is read as a number
MILLISECONDS = 10**11  # a number of seconds since 1970 has fewer digits until the year 5138
EPOCH = 1970  # a deadline before it is no time: near the year 1 there are zones without a date
INNER_CAUSES = 3  # how often a cause may be JSON in a text in JSON
# The parts of an error in the spellings of Step Functions, of Lambda, and of an error of JavaScript or Python.
_NAMES = ("error", "errortype", "errorcode", "name", "type", "code")
_CAUSES = ("cause", "errormessage", "message", "detail")
_PARTS = frozenset(("error", "cause", "errortype", "errormessage"))
# Where the sentence is in a cause that is JSON: of a Lambda function, of an ECS task, of a Batch job, of a
# nested execution, of others.
SENTENCES = ("errorMessage", "StoppedReason", "StatusReason", "Cause", "message", "Message")


class Reader:
    """Reads fields of a payload in any spelling; `flags` names those that are there but unusable.

    `mapped` holds values that a queue's map of paths has found; they come before the field's own name.
    """

    def __init__(
        self, payload: Mapping[str, Any], mapped: Mapping[str, tuple[str, Any]] | None = None
    ) -> None:
        self.payload = payload
        self.mapped = mapped or {}
        self.flags: list[str] = []
        self._standing = message_fields.by_field(payload)

    def value(self, name: str) -> tuple[str, Any]:
        """The key and the value of a field; two spellings that differ are flagged, the first counts."""
        if name in self.mapped:
            return self.mapped[name]
        found = self._standing.get(name)
        if not found:
            return name, None
        (key, value), *others = found
        self.flags += [other for other, differing in others if differing != value]
        return key, value

    def text(self, name: str, limit: int) -> str:
        """A text of at most `limit` characters; empty, and flagged, if it is longer or no text."""
        key, value = self.value(name)
        if value is None:
            return ""
        if not isinstance(value, str) or len(value) > limit:
            self.flags.append(key)
            return ""
        return value

    def whole(self, name: str, lowest: int, highest: int) -> int | None:
        """A whole number between two bounds, however it is written: 3600, 3.6E3 or "3600"."""
        key, value = self.value(name)
        if value is None:
            return None
        number = _whole(value)
        if number is None or not lowest <= number <= highest:
            self.flags.append(key)
            return None
        return number

    def deadline(self, longest: int) -> tuple[int | None, datetime | None]:
        """The timeout in seconds, or else the time, which a queue's map may name, in ISO 8601 or as epoch."""
        mapped = self.mapped.get("timeoutSeconds")
        at = _time(mapped[1], longest) if mapped else None
        if at is not None:
            return None, at
        return self.whole("timeoutSeconds", 1, longest), None

    def execution_id(self) -> str:
        """The execution's ARN under executionId, the name that the context object gives it ($$.Execution.Id)."""
        for key, value in self.payload.items():
            if message_fields.spelling(key) == "executionid" and isinstance(value, str):
                return value if arns.is_execution(value) else ""
        return ""

    def reference(self) -> str:
        """The order id as text. What is neither a text nor a number is shown as JSON, and flagged."""
        key, value = self.value("orderId")
        if value is None or value == "":
            self.flags.append(key)
            return ""
        odd = isinstance(value, bool | list | dict)
        shown = json.dumps(value, ensure_ascii=False) if odd else _number_text(value)
        if odd or len(shown) > MAX_REFERENCE:
            self.flags.append(key)
        return shown[:MAX_REFERENCE]

    def error(self) -> tuple[str, str]:
        """Name and cause of `error`: a text, null, or {Error, Cause}, which may be JSON in a text."""
        key, error = self.value("error")
        if isinstance(error, str):
            inner = _json_object(error)
            if inner is None or not _PARTS & set(map(message_fields.spelling, inner)):
                return error[:256], self._cause_beside() or (error if len(error) > 256 else "")
            error = inner
        if error is None:
            return "", ""
        if not isinstance(error, dict):
            self.flags.append(key)
            return "", ""
        parts = {message_fields.spelling(part): inner for part, inner in error.items()}
        name = error.get("Error", _first(parts, _NAMES))
        cause = error.get("Cause", _first(parts, _CAUSES))
        if name is not None and not isinstance(name, str):
            self.flags.append(key)
        shown = name[:256] if isinstance(name, str) and _is_storable(name) else ""
        return shown, _cause(cause)

    def _cause_beside(self) -> str:
        """The cause that stands beside the error, as where a Catch put both at the top level."""
        found = (
            value for key, value in self.payload.items() if message_fields.spelling(key) == "cause"
        )
        return _cause(next(found, None))


def _first(parts: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((parts[name] for name in names if parts.get(name) is not None), None)


def _whole(value: Any) -> int | None:
    """The whole number that a number or a text is; None for any other value."""
    if not isinstance(value, int | float | str):  # a list of a megabyte is not written out
        return None
    text = str(value).strip()
    if len(text) > LONGEST_NUMBER or not text.isascii() or "_" in text:
        return None
    number = numbers.decimal(text, magnitude=numbers.LONGEST)
    if number is None or number != number.to_integral_value():
        return None
    return int(number)


def _time(value: Any, longest: int) -> datetime | None:
    """A time in ISO 8601 with its offset, or in seconds or milliseconds since 1970; None for any other value."""
    number = _whole(value)
    try:
        if number is not None:
            seconds = number / 1000 if number >= MILLISECONDS else number
            return datetime.fromtimestamp(seconds, UTC) if seconds > longest else None
        if not isinstance(value, str):
            return None
        at = datetime.fromisoformat(value)
        return at.astimezone(UTC) if at.tzinfo is not None and at.year >= EPOCH else None
    except (ValueError, OverflowError, OSError):  # the C library has its own limit of years
        return None


def _number_text(value: str | float) -> str:
    """A text as it is, and a number without its exponent: 1.23456789012E11 is 123456789012."""
    if isinstance(value, float):
        return format(Decimal(repr(value)).normalize(), "f")
    return str(value)


def _cause(cause: Any) -> str:
    """A cause as text: of JSON text, the sentence that explains it."""
    cause, _ = lenient_json.storable(cause)  # escapes in a text may have hidden NUL or half a pair
    if not isinstance(cause, str):
        return "" if cause is None else json.dumps(cause, ensure_ascii=False)[:MAX_CAUSE]
    shown = cause
    for _ in range(INNER_CAUSES):
        shown = _sentence(shown) or shown
    return shown


def _sentence(cause: str) -> str:
    """The sentence in a cause that is JSON; empty if it has none that can be stored."""
    sentences = map((_json_object(cause) or {}).get, SENTENCES)
    found = next((one for one in sentences if isinstance(one, str) and one), "")
    return found if _is_storable(found) else ""  # an escape may hide what the outer text did not


def _json_object(text: str) -> dict[str, Any] | None:
    if not text.lstrip().startswith("{"):
        return None
    try:
        inner: dict[str, Any] = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return inner


def _is_storable(text: str) -> bool:
    try:
        check_text(text)
    except Unreadable:
        return False
    return True
