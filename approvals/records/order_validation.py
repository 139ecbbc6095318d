"""Which input an order's execution may have, and its canonical JSON: equal orders have equal text.

An order's id is one however it is written: without blanks around it, in Unicode's form NFC.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from approvals.exceptions import Invalid

MAX_INPUT_BYTES = 262_144  # API reference, StartExecution: input
# Unicode's category Zs: what stands around an id and is not seen.
SPACES = " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"


@dataclass(frozen=True)
class Former:
    """How release 0.3.0 stored an order that is now written otherwise: its id and its content's digest."""

    order_id: str
    input_sha256: bytes


def parse(order: Mapping[str, Any]) -> tuple[str, str]:
    """An order's id, and the canonical input of its execution. Raises Invalid."""
    order_id = _order_id(order)
    return order_id, canonical({**order, "order_id": order_id})


def former(written: Mapping[str, Any], text: str) -> Former | None:
    """How release 0.3.0 stored the order `written`; None if that is `text`, its canonical input now.

    It kept blanks in ids and cells, other forms of Unicode, and numbers as floats. An order that it has
    stored is the same order still, and not started again under its new id.
    """
    value = written.get("order_id")
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    try:
        before = canonical({**written, "order_id": str(value)})
    except Invalid:
        return None
    if before == text:
        return None
    return Former(str(value), hashlib.sha256(before.encode()).digest())


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
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Invalid("An order needs an order_id, a text or a whole number.", pointer="/order_id")
    # Bounded before it is normalized: nothing makes 256 characters of more than four times as many.
    order_id = unicodedata.normalize("NFC", str(value)[:1_025].strip(SPACES))
    if not order_id:
        raise Invalid("An order needs an order_id, a text or a whole number.", pointer="/order_id")
    if len(order_id) > 256 or not order_id.isprintable():
        raise Invalid("order_id has over 256 or unprintable characters.", pointer="/order_id")
    return order_id
