"""Keyset pagination: a cursor holds the values of the last row in the order of the list, never an offset.

DRF's CursorPagination compares one column and adds an offset if values repeat; these lists are ordered
by several columns, the last of them unique. A cursor proves nothing: a tampered one leads to another
place among rows that the caller may see anyway.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet

from approvals.exceptions import Invalid
from approvals.untrusted import numbers, strict_json

Row = TypeVar("Row", bound=Model)
LONGEST_CURSOR = 500  # characters
LONGEST_NUMBER = 20  # digits before the point
REFUSED = (ValidationError, strict_json.Unreadable)


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Rows in their order, and the cursors of the next and the previous page; None if there is none."""

    rows: list[Row]
    next: str | None
    previous: str | None


def everything(rows: QuerySet[Row], _limit: int) -> QuerySet[Row]:
    """Leaves out nothing: a list whose order has an index of its own."""
    return rows


def page(
    rows: QuerySet[Row],
    order: Sequence[str],
    *,
    size: int,
    cursor: str = "",
    narrow: Callable[[QuerySet[Row], int], QuerySet[Row]] = everything,
) -> Page[Row]:
    """The page of at most `size` rows at `cursor`, in `order`, whose last name must be unique.

    `order` has the names of columns or annotations, descending ones with a minus in front; none is null.
    `narrow` may leave out, of ordered rows, those that are not among the first so many, if the database
    finds the page sooner then. Raises Invalid for a cursor that does not fit `order`.
    """
    if not cursor:
        return first(list(narrow(rows.order_by(*order), size + 1)[: size + 1]), order, size=size)
    direction, values = _read(cursor, rows, order)
    back = direction == "previous"
    beyond = rows.filter(_beyond(values, order, back=back))
    ordered = beyond.order_by(*(_opposite(name) if back else name for name in order))
    found = list(narrow(ordered, size + 1)[: size + 1])
    more = len(found) > size
    found = found[:size]
    if back:
        found.reverse()
    if not found:
        return Page([], None, None)
    after = _cursor("next", found[-1], order) if back or more else None
    before = _cursor("previous", found[0], order) if more or not back else None
    return Page(found, after, before)


def first(found: list[Row], order: Sequence[str], *, size: int) -> Page[Row]:
    """The first page, of the rows that were found: one more than `size` if there is another page."""
    more = len(found) > size
    found = found[:size]
    return Page(found, _cursor("next", found[-1], order) if more else None, None)


def first_value(cursor: str, rows: QuerySet[Any], order: Sequence[str]) -> Any:
    """The first column's value at a cursor, from which its page goes on; None without a cursor. Raises Invalid."""
    return _read(cursor, rows, order)[1][0] if cursor else None


def _beyond(values: list[Any], order: Sequence[str], *, back: bool) -> Q:
    """Rows after these values in `order`; the bound of the first column is repeated for the index."""
    clause = Q()
    for depth in reversed(range(len(order))):
        name, value = order[depth].removeprefix("-"), values[depth]
        descends = order[depth].startswith("-") != back
        strict = Q(**{f"{name}__{'lt' if descends else 'gt'}": value})
        clause = strict | (Q(**{name: value}) & clause) if clause else strict
    first = order[0].removeprefix("-")
    descends = order[0].startswith("-") != back
    return Q(**{f"{first}__{'lte' if descends else 'gte'}": values[0]}) & clause


def _opposite(name: str) -> str:
    return name[1:] if name.startswith("-") else f"-{name}"


def _cursor(direction: str, row: Model, order: Sequence[str]) -> str:
    place = [_text(getattr(row, name.removeprefix("-"))) for name in order]
    text = json.dumps([direction[0], *place], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _read(cursor: str, rows: QuerySet[Any], order: Sequence[str]) -> tuple[str, list[Any]]:
    # What is cut off makes the rest unreadable: no cursor of ours is as long.
    padded = cursor[:LONGEST_CURSOR] + "=" * (-len(cursor[:LONGEST_CURSOR]) % 4)
    try:
        mark, *place = json.loads(base64.b64decode(padded.encode(), altchars=b"-_", validate=True))
        direction = {"n": "next", "p": "previous"}[mark]
        values = [
            _value(rows, name.removeprefix("-"), text)
            for name, text in zip(order, place, strict=True)
        ]
    except (ArithmeticError, ValueError, TypeError, KeyError, RecursionError, *REFUSED):
        raise Invalid("This page's cursor cannot be read.", pointer="/cursor") from None
    return direction, values


def _value(rows: QuerySet[Any], name: str, text: Any) -> Any:
    if not isinstance(text, str):
        raise TypeError(name)
    strict_json.check_text(text)  # NUL and half a surrogate pair reach no statement
    annotation: Any = rows.query.annotations.get(name)
    field: Any = annotation.output_field if annotation else rows.model._meta.get_field(name)
    value = field.to_python(text)
    if isinstance(value, Decimal) and numbers.decimal(value, magnitude=LONGEST_NUMBER) is None:
        raise ValueError(name)
    # A time of ours is UTC. PostgreSQL refuses offsets from 16 hours on, such as +23:59.
    if value is None or (isinstance(value, datetime) and value.utcoffset() != timedelta()):
        raise ValueError(name)
    return value
