"""Sorts a payload of unknown shape for reading: customer, total and order lines first, then the rest.

All values are untrusted and returned as plain values; the templates escape them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from approvals.models import OrderExecution, ReviewTask
from approvals.models.review_queues import value_at
from approvals.untrusted import flag_rules, message_fields, numbers, redaction
from approvals.untrusted.display import money, visible
from approvals.web.folded_values import without_sensitive
from approvals.web.payload_nodes import (
    Column,
    FlaggedField,
    Node,
    PromotedField,
    label_of,
    with_line_totals,
)

MAX_DEPTH = 5
MAX_NODES = 300
MAX_CHARACTERS = 131_072  # of all texts together; the raw message comes in addition
MAX_ROWS = 50
MAX_COLUMNS = 7
LONG = 280  # characters from which a text is folded

LINES = ("items", "lines", "line_items", "lineItems", "products")
ORDER_IDS = ("orderId", "order_id", "orderNumber", "order_number")
TOTALS = ("total", "total_amount", "totalAmount", "grand_total", "amount")
PRICES = {*TOTALS, "price", "unit_price", "unitPrice", "subtotal", "shipping_cost"}
ADDRESS_ORDER = ("name", "company", "street", "address1", "line1", "address2", "line2")
TOWN = ("postcode", "postal_code", "zip", "city")
# jsonb sorts the keys of an object by length; these are shown first instead.
FIRST = ("sku", "id", "name", "email", "phone", "method", "brand", "quantity")
# What the order workflow adds to its input (orchestration/definitions): nothing that decides a review.
WORKFLOW_KEYS = ("workflow", "validation")
ADDRESS = {"street", "city", "postcode", "postal_code", "zip", "country", "address1", "line1"}


@dataclass(frozen=True)
class OrderView:
    """The order of a payload; `rest` is what has no place of its own, `beside` the payload around the order.

    `internals` is what the workflow added to the order for itself.

    `is_order` is false for a request about something else, such as a deployment.
    """

    is_order: bool = True
    total: str = ""
    buyer: str = ""
    customer: Node | None = None
    lines: Node | None = None
    promoted: tuple[PromotedField, ...] = ()
    rest: tuple[Node, ...] = ()
    beside: tuple[Node, ...] = ()
    internals: tuple[Node, ...] = ()


@dataclass
class _Budget:
    """How many nodes may still be made, so that an order of 20,000 values does not fill the page."""

    left: int = field(default=MAX_NODES)
    characters: int = field(default=MAX_CHARACTERS)

    def spend(self) -> bool:
        self.left -= 1
        return self.left >= 0

    def text(self, text: str) -> str:
        """The text, or the beginning of it that is left of all characters."""
        shown = text[: max(self.characters, LONG)]
        self.characters -= len(shown)
        return shown if len(shown) == len(text) else f"{shown}… (the rest is in the raw message)"


def review_order(review: ReviewTask) -> OrderView:
    """The order of a review's payload."""
    payload: Any = without_sensitive(review.payload, review.queue.fields)
    order: Any = ReviewTask(payload=payload).order
    budget = _Budget()
    if not isinstance(order, dict):
        return OrderView(rest=(_node("", order, 0, budget),))
    inner = order is not payload
    error = message_fields.value_of(payload, "error")
    left = {
        key: value
        for key, value in order.items()
        # The error is shown above the order already; nulls are left out.
        if value is not None and not (key == "error" and value == error)
        if inner or not message_fields.field_of(key)
    }
    names = [key for key in WORKFLOW_KEYS if inner and isinstance(left.get(key), dict)]
    internals = {key: left.pop(key) for key in names}
    beside = {
        key: value for key, value in payload.items() if inner and not message_fields.field_of(key)
    }
    view = _sorted(left, budget, review.reference, review.amount, review.customer)
    return replace(
        view,
        is_order=view.lines is not None
        or any(name in each for name in ORDER_IDS for each in (order, payload)),
        promoted=tuple(_promoted(review, budget)),
        beside=tuple(_node(key, value, 0, budget) for key, value in beside.items()),
        internals=tuple(_node(key, value, 0, budget) for key, value in internals.items()),
    )


def flagged_fields(review: ReviewTask) -> list[FlaggedField]:
    """The fields of a review's payload that the rules of its queue flag."""
    budget = _Budget()
    return [
        FlaggedField(
            *_labelled(entry, value, budget, _currency(review)),
            flag_rules.description(entry["flag_when"]),
            bool(entry.get("sensitive")),
        )
        for entry, value in review.queue.flagged_fields(review.payload)
    ]


def order_input(order: OrderExecution) -> tuple[OrderView, Any]:
    """An order's input, sorted and as it is; both with task tokens redacted."""
    document = redaction.redact_json(json.loads(order.input))
    left = {key: value for key, value in document.items() if value is not None}
    return _sorted(left, _Budget(), order.order_id), document


def _sorted(
    left: dict[str, Any],
    budget: _Budget,
    reference: str,
    total: Decimal | None = None,
    buyer: str = "",
) -> OrderView:
    """Takes total, customer and order lines out of `left`; what remains is the rest."""
    currency = left.get("currency") if isinstance(left.get("currency"), str) else ""
    amount: Any = total
    for name in TOTALS:
        number = numbers.rounded(
            left.get(name), magnitude=15, places=4
        )  # None: not a number, so it stays in the rest
        if number is not None and amount in (None, number):
            given = left.pop(name)
            amount = given if amount is None else amount
            break
    if amount is not None and currency:
        left.pop("currency")
    customer = left.pop("customer", None) or buyer or None
    lines = next((left.pop(name) for name in LINES if _is_lines(left.get(name))), None)
    if str(left.get("order_id", left.get("orderId", ""))) == reference:
        left.pop("order_id", None)
        left.pop("orderId", None)
    return OrderView(
        total=money(amount, str(currency)),
        buyer=buyer or _name(customer),
        customer=None if customer is None else _node("Customer", customer, 0, budget),
        lines=lines
        and with_line_totals(_table("Lines", lines, budget), lines, str(currency or "")),
        rest=tuple(_node(key, value, 0, budget) for key, value in _shown_members(left)),
    )


def _shown_members(left: dict[str, Any]) -> list[tuple[str, Any]]:
    """The keys of the rest that are shown; the raw document shows all of them."""
    return sorted(left.items(), key=_rank)[: MAX_ROWS * 2]


def _name(customer: Any) -> str:
    name = customer.get("name") if isinstance(customer, dict) else customer
    return name[:LONG] if isinstance(name, str) else ""


def _promoted(review: ReviewTask, budget: _Budget) -> Iterable[PromotedField]:
    stored: Any = review.queue.fields
    for entry in stored if isinstance(stored, list) else []:
        if not isinstance(entry, dict) or entry.get("role") in ("amount", "customer"):
            continue
        path = str(entry.get("path", ""))
        value = value_at(review.payload, path)
        if value is None:
            continue
        yield PromotedField(
            *_labelled(entry, value, budget, _currency(review)), bool(entry.get("sensitive"))
        )


def _currency(review: ReviewTask) -> str:
    """The currency that a review's order states; empty without one."""
    order: Any = review.order
    stated = order.get("currency") if isinstance(order, dict) else None
    return stated if isinstance(stated, str) else ""


def _labelled(
    entry: dict[str, Any], value: Any, budget: _Budget, currency: str
) -> tuple[str, Node]:
    """The label of a field that the queue's settings name, and its value as the settings show it."""
    path = str(entry.get("path", ""))
    node = _node(path.rsplit(".", 1)[-1], value, 0, budget)
    if entry.get("kind") == "money" and value is not None:
        node = Node("money", text=money(value, currency))
    return visible(str(entry.get("label") or path)), node


def _is_lines(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(row, dict) and row for row in value[:MAX_ROWS])
        and sum(not isinstance(cell, dict | list) for cell in value[0].values()) * 2
        >= len(value[0])
    )


def _node(label: str, value: Any, depth: int, budget: _Budget) -> Node:
    """The node of any JSON value, within the budget."""
    name = label_of(label)
    if not budget.spend() or depth > MAX_DEPTH:
        return Node("more", name)
    if isinstance(value, dict):
        return _group(name, value, depth, budget)
    if isinstance(value, list):
        return _list(name, value, depth, budget)
    return _leaf(label, name, value, budget)


def _leaf(label: str, name: str, value: Any, budget: _Budget) -> Node:
    if value is None or value == "":
        return Node("empty", name)
    if isinstance(value, bool):
        return Node("text", name, "yes" if value else "no")
    if label in PRICES and not isinstance(value, str):
        return Node("money", name, money(value))
    text = budget.text(str(value) if isinstance(value, str) else json.dumps(value))
    return Node("long" if len(text) > LONG else "text", name, text)


def _group(name: str, value: dict[str, Any], depth: int, budget: _Budget) -> Node:
    if not value:
        return Node("empty", name)
    flat = all(not isinstance(inner, dict | list) for inner in value.values())
    if flat and len(ADDRESS & value.keys()) >= 2:
        return Node("address", name, children=_address(value))
    shown = sorted(value.items(), key=_rank)[:MAX_ROWS]
    children = tuple(_node(key, inner, depth + 1, budget) for key, inner in shown)
    return Node("group", name, children=children, more=len(value) - len(shown))


def _rank(item: tuple[str, Any]) -> int:
    """The sort key of a member: identifying keys first, objects and lists last."""
    key, value = item
    if isinstance(value, dict | list):
        return len(FIRST) + 1
    return FIRST.index(key) if key in FIRST else len(FIRST)


def _address(value: dict[str, Any]) -> tuple[Node, ...]:
    """The lines of a postal address; postcode and town share a line."""
    left = {key: str(inner)[:LONG] for key, inner in value.items() if inner not in (None, "")}
    last = [left.pop("country")] if "country" in left else []
    first = [left.pop(key) for key in ADDRESS_ORDER if key in left]
    town = " ".join(left.pop(key) for key in TOWN if key in left)
    lines = [*first, *([town] if town else []), *left.values(), *last]
    return tuple(Node("text", text=line) for line in lines)


def _list(name: str, value: list[Any], depth: int, budget: _Budget) -> Node:
    if not value:
        return Node("empty", name)
    if _is_lines(value):
        return _table(name, value, budget)
    shown = value[:MAX_ROWS]
    children = tuple(_node("", inner, depth + 1, budget) for inner in shown)
    return Node("list", name, children=children, more=len(value) - len(shown))


def _table(name: str, value: list[dict[str, Any]], budget: _Budget) -> Node:
    keys = dict.fromkeys(key for row in value[:MAX_ROWS] for key in row)
    columns = sorted(keys, key=lambda key: _rank((key, value[0].get(key))))[:MAX_COLUMNS]
    rows = []
    for row in value[:MAX_ROWS]:
        if budget.left <= 0:
            break
        rows.append(tuple(_cell(key, row.get(key), budget) for key in columns))
    return Node(
        "table",
        name,
        columns=tuple(
            Column(label_of(key), numeric=bool(rows) and rows[0][place].kind == "money")
            for place, key in enumerate(columns)
        ),
        rows=tuple(rows),
        more=len(value) - len(rows),
    )


def _cell(key: str, value: Any, budget: _Budget) -> Node:
    if isinstance(value, dict | list):
        budget.spend()
        return Node("long", text=budget.text(json.dumps(value, ensure_ascii=False)[:2_000]))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Node("money", text=money(value) if key in PRICES else json.dumps(value))
    return _leaf(key, "", value, budget)
