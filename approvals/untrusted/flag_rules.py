"""Rules by which a field of a message is flagged for reviewers: `{"above": 500}` in a queue's `fields`.

A rule has one key: `above` or `below` a number, `equals` or `not_equals` a value, `one_of` several values,
or `missing`, which is true of a field that the message does not have. Amounts may be numbers or texts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from approvals.untrusted import display

NAMES = ("above", "below", "equals", "not_equals", "one_of", "missing")
USAGE = f"A rule is an object with one of the keys {', '.join(NAMES)}."
MAX_VALUES = 100
LONGEST = 80  # characters of a value in a description


def is_rule(rule: Any) -> bool:
    """Whether this is a rule that `applies` understands."""
    if not isinstance(rule, dict) or len(rule) != 1:
        return False
    ((name, limit),) = rule.items()
    if name in ("above", "below"):
        return _number(limit) is not None
    if name in ("equals", "not_equals"):
        return _is_scalar(limit)
    if name == "one_of":
        return (
            isinstance(limit, list) and 0 < len(limit) <= MAX_VALUES and all(map(_is_scalar, limit))
        )
    return name == "missing" and limit is True


def applies(rule: Mapping[str, Any], value: Any) -> bool:
    """Whether the rule flags this value of a message; None stands for a field that is missing or null."""
    ((name, limit),) = rule.items()
    if value is None:
        return bool(name == "missing")
    return name in _CHECKS and _CHECKS[name](value, limit)


def description(rule: Mapping[str, Any]) -> str:
    """The rule as a page shows it after the value, such as `above 500`."""
    ((name, limit),) = rule.items()
    if name == "missing":
        return "missing"
    values = limit if isinstance(limit, list) else [limit]
    shown = ", ".join(display.visible(_text(value))[:LONGEST] for value in values)
    return f"{name.replace('_', ' ')} {shown}"


def _compared(value: Any, limit: Any, sign: int) -> bool:
    left, right = _number(value), _number(limit)
    return left is not None and right is not None and (left > right if sign > 0 else left < right)


def _same(value: Any, limit: Any) -> bool:
    """Equal as JSON values; a number equals its text, as amounts are sent either way."""
    if isinstance(value, bool) or isinstance(limit, bool):
        return value is limit
    numbers = _number(value), _number(limit)
    if None not in numbers:
        return numbers[0] == numbers[1]
    return bool(value == limit)


_CHECKS: Mapping[str, Callable[[Any, Any], bool]] = {
    "above": lambda value, limit: _compared(value, limit, 1),
    "below": lambda value, limit: _compared(value, limit, -1),
    "equals": _same,
    "not_equals": lambda value, limit: not _same(value, limit),
    "one_of": lambda value, limit: any(_same(value, one) for one in limit),
}


def _number(value: Any) -> Decimal | None:
    """A JSON number, or a text that is one, as an exact number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value)[:LONGEST])
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | int | float)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
