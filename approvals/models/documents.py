"""The JSON that a queue's keeper writes by hand: what each document may say, and where it errs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from jsonschema import Draft202012Validator, SchemaError
from jsonschema.exceptions import best_match

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
}
STATE_MACHINES = {
    "type": "array",
    "items": {
        "type": "string",
        "maxLength": 512,
        "pattern": r"^arn:aws[a-z-]*:states:[a-z0-9-]+:\d{12}:stateMachine:[^:]+(:[^:]+)?$",
    },
    "uniqueItems": True,
}


def check(name: str, document: Any, schema: dict[str, Any]) -> None:
    """Raise ValidationError for the field `name`, with the place, where `document` breaks `schema`."""
    broken = best_match(Draft202012Validator(schema).iter_errors(document))
    if broken is not None:
        raise ValidationError({name: _at(broken.absolute_path, broken.message)})


def check_schema(name: str, document: Any) -> None:
    """Raise ValidationError for the field `name`, with the place, where `document` is no JSON Schema."""
    if document is None:
        return
    try:
        Draft202012Validator.check_schema(document)
    except SchemaError as error:
        said = _at(error.absolute_path, error.message)
        raise ValidationError({name: f"No JSON Schema: {said}"}) from None


def pointer(path: Iterable[str | int]) -> str:
    """A JSON Pointer (RFC 6901)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def _at(path: Iterable[str | int], said: str) -> str:
    place = pointer(path)
    return f"at {place}: {said[:300]}" if place else said[:300]
