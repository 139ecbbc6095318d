"""The amounts of an order, judged before its execution starts, by the code that the Lambdas charge with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from approvals.exceptions import Invalid
from approvals.orchestration.lambdas import amounts
from approvals.orchestration.lambdas.failures import ValidationError
from approvals.untrusted import strict_json
from approvals.untrusted.written_numbers import WrittenNumber


def read(text: str) -> Any:
    """Parse the JSON of an order, or of a part of one; its numbers remember their digits. Raises Unreadable."""
    return strict_json.read(text, number=WrittenNumber)


def checked(order: Mapping[str, Any]) -> dict[str, Any]:
    """The order with its amounts as they may be sent on. Raises Invalid with the first that is none.

    An amount is decimal text or a number with at most the decimals of the order's currency. A number
    whose digits a float changes becomes a text; all others stay as they are, so that an order of an
    earlier release has the same content. Null, objects and lists are left to the workflow: a workflow of
    one's own may have members of these names that mean something else.
    """
    order = as_written(order)
    for pointer, name, value in _amounts_of(order):
        if value is None or isinstance(value, dict | list):
            continue
        try:
            amounts.money(value, name, order.get("currency"))
        except ValidationError as error:
            raise Invalid(str(error), pointer=pointer) from None
    return dict(order)


def as_written(order: Mapping[str, Any]) -> dict[str, Any]:
    """The order, where an amount is a number whose digits a float changes, with its text in that place."""
    made = {
        key: _exact(value) if key in amounts.OF_AN_ORDER else value for key, value in order.items()
    }
    lines = made.get("items")
    if isinstance(lines, list):
        made["items"] = [_line_as_written(line) for line in lines]
    return made


def _line_as_written(line: Any) -> Any:
    if not isinstance(line, dict):
        return line
    return {
        key: _exact(value) if key in amounts.OF_A_LINE else value for key, value in line.items()
    }


def _exact(value: Any) -> Any:
    """A number as it is if a float keeps it, else its text; trailing zeros after the point say nothing."""
    if not isinstance(value, WrittenNumber):
        return value
    text = value.text
    if "e" in text.lower():
        return text  # no amount, which the refusal shows as it was written
    if "." in text:
        text = text.rstrip("0").removesuffix(".")
    is_sure = sum(map(str.isdigit, text)) <= amounts.SURE_DIGITS and "e" not in repr(float(value))
    return value if is_sure else text


def _amounts_of(order: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """JSON Pointer, name and value of each amount."""
    for name in amounts.OF_AN_ORDER:
        if name in order:
            yield f"/{name}", name, order[name]
    lines = order.get("items")
    for index, line in enumerate(lines if isinstance(lines, list) else []):
        for name in amounts.OF_A_LINE:
            if isinstance(line, dict) and name in line:
                yield f"/items/{index}/{name}", name, line[name]
