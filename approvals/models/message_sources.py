"""What a queue may set about where its messages hold their fields, as JSON Schemas."""

from __future__ import annotations

from approvals import messages

MESSAGE_MAP = {
    "type": "object",
    "properties": {name: {"type": "string", "maxLength": 200} for name in messages.FIELD_OF},
    "additionalProperties": False,
}
BUCKETS = {
    "type": "array",
    "items": {"type": "string", "pattern": r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"},
    "uniqueItems": True,
    "maxItems": 20,
}
