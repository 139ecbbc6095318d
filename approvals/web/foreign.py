"""Foreign text and amounts as the desk shows them. Escaping for HTML is the templates' work."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any

from approvals.untrusted.display import visible, visible_json

__all__ = ["money", "raw", "visible"]

RAW_LIMIT = 200_000  # characters


def money(amount: object, currency: str = "") -> str:
    """An amount with grouped thousands, its currency in front; what is no number stays as it is."""
    if amount is None or amount == "" or isinstance(amount, bool | dict | list):
        return ""
    try:
        number = Decimal(str(amount))
    except InvalidOperation:
        return visible(str(amount)[:40])
    if not number.is_finite() or abs(number) >= 10**15:
        return visible(str(amount)[:40])
    digits = -int(number.normalize().as_tuple().exponent)
    shown = f"{number:,.{max(2, min(digits, 4))}f}"
    return f"{visible(currency[:8])} {shown}".strip()


def raw(payload: Any) -> tuple[str, bool]:
    """The payload as indented JSON, invisible characters as JSON escapes; and whether it was cut."""
    text = json.dumps(payload, ensure_ascii=False, indent=2)
    cut = len(text) > RAW_LIMIT
    return visible_json(text[:RAW_LIMIT]), cut
