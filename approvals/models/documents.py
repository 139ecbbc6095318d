"""The JSON that a queue's keeper writes by hand: what each document may say, and where it errs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import jsonschema
import re2
from django.core.exceptions import ValidationError
from django.db import models
from jsonschema import Draft202012Validator, SchemaError
from jsonschema.exceptions import best_match
from jsonschema.validators import extend
from referencing import Registry

from approvals import arns
from approvals.untrusted import strict_json

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


class Inapplicable(Exception):
    """The schema itself cannot be applied: it refers elsewhere or to itself, or is no schema."""


class DocumentField(models.JSONField):
    """JSON that people write: refused with its place where PostgreSQL could not keep it."""

    def validate(self, value: Any, model_instance: models.Model | None) -> None:
        """As Django's, after a look at what its own would stumble over. Raises ValidationError."""
        try:
            strict_json.check_storable(value)
        except strict_json.Unreadable as error:
            raise ValidationError(_at(error.place, error.explanation)) from None
        super().validate(value, model_instance)

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        """To the database it is a JSONField like any other."""
        name, _, arguments, named = super().deconstruct()
        return name, "django.db.models.JSONField", arguments, named


def check(name: str, document: Any, schema: dict[str, Any]) -> None:
    """Raise ValidationError for the field `name`, with the place, where `document` breaks `schema`."""
    if not _storable(document):
        return  # the field itself has said so
    broken = best_match(Draft202012Validator(schema).iter_errors(document))
    if broken is not None:
        raise ValidationError({name: _at(broken.absolute_path, broken.message)})


def check_schema(name: str, document: Any) -> None:
    """Raise ValidationError for the field `name`, with the place, where `document` is no usable JSON Schema.

    patternProperties are not taken: jsonschema matches them with Python's own engine, in which one
    pattern and one name can keep a process busy for ever.
    """
    if document is None or not _storable(document):
        return
    if not isinstance(document, dict):
        raise ValidationError({name: "A JSON Schema is an object here."})
    for path, key in _keys(document):
        if key == "patternProperties":
            raise ValidationError({name: _at(path, "patternProperties are not taken here.")})
    try:
        Draft202012Validator.check_schema(document)
        breach(document, {})
    except SchemaError as error:
        said = _at(error.absolute_path, error.message)
        raise ValidationError({name: f"No JSON Schema: {said}"}) from None
    except Inapplicable as error:
        raise ValidationError({name: str(error)}) from None


def breach(schema: Any, document: dict[str, Any]) -> tuple[str, str] | None:
    """Where `document` breaks `schema`: a JSON Pointer and a sentence; None where it does not.

    Makes no request, and takes time that grows with the document's length alone. Raises Inapplicable.
    """
    # An empty registry: a $ref to elsewhere must not make a request.
    validator = _Linear(schema, registry=Registry())
    try:
        broken = next(validator.iter_errors(document), None)
    except Exception as error:  # a $ref to itself or to no schema, a pattern that is none
        why = "it refers to itself, to elsewhere or to nothing, or a pattern cannot be read"
        raise Inapplicable(f"The output schema cannot be applied: {why}.") from error
    return None if broken is None else (pointer(broken.absolute_path), broken.message[:300])


def _matches(
    validator: Any, pattern: str, instance: Any, schema: Any
) -> Iterator[jsonschema.ValidationError]:
    if validator.is_type(instance, "string") and not re2.search(pattern, instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


_Linear = extend(Draft202012Validator, {"pattern": _matches})  # type: ignore[no-untyped-call]


def _storable(document: Any) -> bool:
    try:
        strict_json.check_storable(document)
    except strict_json.Unreadable:
        return False
    return True


def _keys(document: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[Any, str]]:
    """Every key of a document with the place it stands at."""
    if isinstance(document, dict):
        for key, inner in document.items():
            yield (*place, key), key
            yield from _keys(inner, (*place, key))
    elif isinstance(document, list):
        for index, inner in enumerate(document):
            yield from _keys(inner, (*place, index))


def pointer(path: Iterable[str | int]) -> str:
    """A JSON Pointer (RFC 6901)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def _at(path: Iterable[str | int], said: str) -> str:
    place = pointer(path)
    return f"at {place}: {said[:300]}" if place else said[:300]
