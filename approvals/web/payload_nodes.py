"""The values of a payload as a page shows them, and what each line of an order comes to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from approvals.untrusted import numbers
from approvals.untrusted.display import money, visible

QUANTITIES = ("quantity", "qty", "count")
UNIT_PRICES = ("unit_price", "unitPrice", "price")
LINE_TOTALS = ("total", "line_total", "lineTotal", "amount", "subtotal")
MAX_ADDED = 5_000  # lines; more are not added up
MAGNITUDE, PLACES = 12, 4  # digits before and behind the point of a quantity or a price


@dataclass(frozen=True)
class Node:
    """A value to show: `kind` is text, long, money, empty, address, group, list, table or more.

    `sum` is what the lines of a table come to; empty if that is not known.
    """

    kind: str
    label: str = ""
    text: str = ""
    children: tuple[Node, ...] = ()
    columns: tuple[Column, ...] = ()
    rows: tuple[tuple[Node, ...], ...] = ()
    more: int = 0
    sum: str = ""

    @property
    def labelled_rows(self) -> list[list[tuple[Column, Node]]]:
        """The rows of a table, each cell with its column, whose label a narrow page shows beside it."""
        return [list(zip(self.columns, row, strict=False)) for row in self.rows]


@dataclass(frozen=True)
class Column:
    """A column of a table; a numeric one is aligned right."""

    label: str
    numeric: bool


@dataclass(frozen=True)
class PromotedField:
    """A field that the queue's settings name, to be shown first; a sensitive one is folded."""

    label: str
    node: Node
    sensitive: bool


@dataclass(frozen=True)
class FlaggedField:
    """A field to which a rule of the queue applies; `rule` is a text such as `above 500`."""

    label: str
    node: Node
    rule: str
    sensitive: bool


def with_line_totals(table: Node, lines: Sequence[Any], currency: str) -> Node:
    """The table of an order's lines with the total of each and the sum of all.

    A line states its total, or has a quantity and a unit price. Without either in each of the lines, and
    of more than MAX_ADDED, nothing is added.
    """
    if len(lines) > MAX_ADDED:
        return table
    totals = [_total(line) for line in lines]
    known = [total for total in totals if total is not None]
    if len(known) < len(totals) or not known:
        return table
    summed = replace(table, sum=money(sum(known), currency))
    if any(name in line for line in lines for name in LINE_TOTALS):
        return summed  # they have a column already
    shown = zip(table.rows, known, strict=False)
    return replace(
        summed,
        columns=(*table.columns, Column("Total", numeric=True)),
        rows=tuple((*row, Node("money", text=money(total))) for row, total in shown),
    )


def _total(line: Any) -> Decimal | None:
    """What a line comes to; None if that is not known."""
    if not isinstance(line, Mapping):
        return None
    if any(name in line for name in LINE_TOTALS):
        return _number(line, LINE_TOTALS)
    quantity, price = _number(line, QUANTITIES), _number(line, UNIT_PRICES)
    return None if quantity is None or price is None else quantity * price


def _number(line: Mapping[str, Any], names: Sequence[str]) -> Decimal | None:
    found = (numbers.rounded(line.get(name), magnitude=MAGNITUDE, places=PLACES) for name in names)
    return next((number for number in found if number is not None), None)


def label_of(key: str) -> str:
    """The label of a key: `shippingAddress` and `shipping_address` become `Shipping address`."""
    key = key[:200].replace("_", " ").replace("-", " ")
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", key).strip()
    words = words.lower() if re.fullmatch(r"[A-Za-z0-9 ]+", words) else words
    short = {"sku": "SKU", "id": "ID", "vat": "VAT", "iban": "IBAN", "ip": "IP"}
    words = " ".join(short.get(word, word) for word in words.split(" "))
    return visible(words[:1].upper() + words[1:])[:80]
