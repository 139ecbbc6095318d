"""What the documents of a queue may hold, as JSON Schemas by the name of their column."""

from __future__ import annotations

from typing import Any

from approvals import arns
from approvals.models import reason_codes
from approvals.models.message_sources import BUCKETS, MESSAGE_MAP

POLICY = {
    "type": "object",
    "properties": {
        "reason_required_for": {
            "type": "array",
            "items": {"enum": ["approved", "rejected"]},
            "uniqueItems": True,
        }
    },
    "additionalProperties": False,
}
FIELDS = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "path": {"type": "string", "minLength": 1, "maxLength": 200},
            "label": {"type": "string", "maxLength": 80},
            "kind": {"enum": ["money", "date", "text", "lines", "address"]},
            "role": {"enum": ["amount", "customer", "requester"]},
            "sensitive": {"type": "boolean"},
            "flag_when": {"type": ["object", "null"]},
        },
        "required": ["path"],
        "additionalProperties": False,
    },
    "maxItems": 200,
}
STATE_MACHINES = {
    "type": "array",
    "items": {
        "type": "string",
        "maxLength": 512,
        "pattern": arns.STATE_MACHINE,
    },
    "uniqueItems": True,
    "maxItems": 100,
}
SCHEMAS: dict[str, dict[str, Any]] = {
    "policy": POLICY,
    "fields": FIELDS,
    "reason_codes": reason_codes.SCHEMA,
    "state_machine_arns": STATE_MACHINES,
    "message_map": MESSAGE_MAP,
    "pointer_buckets": BUCKETS,
}
