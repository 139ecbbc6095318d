"""Which input an order's execution may have, and its canonical JSON: equal orders have equal text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from approvals.exceptions import Invalid

MAX_INPUT_BYTES = 262_144  # API reference, StartExecution: input


def parse(order: Mapping[str, Any]) -> tuple[str, str]:
    """An order's id, and the canonical input of its execution. Raises Invalid."""
    order_id = _order_id(order)
    return order_id, canonical({**order, "order_id": order_id})


def canonical(order: Mapping[str, Any]) -> str:
    """The canonical JSON of an order: sorted keys, no spaces. Raises Invalid if Step Functions would refuse it."""
    try:
        text = json.dumps(
            order, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )
        size = len(text.encode())
    except (ValueError, RecursionError):
        raise Invalid("The order is not JSON that Step Functions takes.", pointer="") from None
    if re.search(r"(?<!\\)(?:\\\\)*\\u0000", text):  # an escaped backslash before u0000 is a text
        raise Invalid("The order holds the NUL character.", pointer="")
    if size > MAX_INPUT_BYTES:
        raise Invalid(f"The order has {size} bytes; Step Functions takes {MAX_INPUT_BYTES}.")
    return text


def _order_id(order: Mapping[str, Any]) -> str:
    value = order.get("order_id")
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise Invalid("An order needs an order_id, a text or a whole number.", pointer="/order_id")
    if len(str(value)) > 256 or not str(value).isprintable():
        raise Invalid("order_id has over 256 or unprintable characters.", pointer="/order_id")
    return str(value)
