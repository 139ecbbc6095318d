"""JSON text of a value, written as quickly as it can be; `display` has the form for pages."""

from __future__ import annotations

import json
from typing import Any

import orjson


def on_one_line(value: Any) -> str:
    """A JSON value without blanks.

    orjson takes a fifth of the time, but refuses whole numbers of more than 64 bits.
    """
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
