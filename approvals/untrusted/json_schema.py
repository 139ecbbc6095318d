"""JSON Schema (draft 2020-12): checks documents and the schemas that people write for a queue.

Applying a schema makes no request, and stops after a set amount of work.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry

from approvals.untrusted.bounded_schema import BoundedValidator, TooMuchWork, bounded

MAX_EXPLANATION = 300  # characters
# Units of work: enough for some thousand order lines, and under a second of processor time.
MAX_WORK = 200_000
MAX_WORK_OF_SCHEMA = 300_000  # when a schema is saved; its own schema has many references


class InvalidDocument(Exception):
    """A document does not fit its schema; the message is a sentence that begins with its place."""


class UnusableSchema(Exception):
    """A schema is no JSON Schema, or cannot be applied: it refers to itself or elsewhere."""


class Mismatch(NamedTuple):
    """A place in a document that does not fit the schema, as a JSON Pointer, and a sentence."""

    pointer: str
    explanation: str


def check_document(document: Any, schema: dict[str, Any]) -> None:
    """Compare a document with one of our own schemas. Raises InvalidDocument for the worst mismatch."""
    error = best_match(Draft202012Validator(schema).iter_errors(document))
    if error is not None:
        raise InvalidDocument(located(error.absolute_path, error.message))


def check_schema(document: Any) -> None:
    """Refuse a document that is no usable JSON Schema. Raises UnusableSchema with the place.

    The document must be one that can be stored (strict_json.check_storable), so that its depth is bounded.

    patternProperties are not taken: jsonschema matches them with Python's own engine, in which one
    pattern and one name can keep a process busy for ever.
    """
    if not isinstance(document, dict):
        raise UnusableSchema("A JSON Schema is an object here.")
    for path, key in _keys(document):
        if key == "patternProperties":
            raise UnusableSchema(located(path, "patternProperties are not taken here."))
    meta = Draft202012Validator.META_SCHEMA
    try:
        with bounded(MAX_WORK_OF_SCHEMA, {}, document, deepest=MAX_WORK_OF_SCHEMA):
            error = best_match(BoundedValidator(meta).iter_errors(document))
    except TooMuchWork:
        raise UnusableSchema("This JSON Schema is too large.") from None
    if error is not None:
        place = located(error.absolute_path, error.message)
        raise UnusableSchema(f"No JSON Schema: {place}")
    first_mismatch(document, {})  # raises where a reference or a pattern cannot be used


def first_mismatch(schema: Any, document: dict[str, Any]) -> Mismatch | None:
    """The first place where a document does not fit a schema that people wrote; None if it fits.

    Raises UnusableSchema, also if the document takes too much work.
    """
    # An empty registry: a $ref to elsewhere must not make a request.
    validator = BoundedValidator(schema, registry=Registry())
    try:
        with bounded(MAX_WORK, schema, document):
            error = next(validator.iter_errors(document), None)
    except TooMuchWork:
        why = "it takes too much work"
        raise UnusableSchema(f"The output schema cannot be applied: {why}.") from None
    except Exception as problem:  # a $ref to itself or to no schema, a pattern that is none
        why = "it refers to itself, to elsewhere or to nothing, or a pattern cannot be read"
        raise UnusableSchema(f"The output schema cannot be applied: {why}.") from problem
    if error is None:
        return None
    return Mismatch(json_pointer(error.absolute_path), error.message[:MAX_EXPLANATION])


def json_pointer(path: Iterable[str | int]) -> str:
    """The keys and indexes of a path as a JSON Pointer (RFC 6901)."""
    return "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in path)


def located(path: Iterable[str | int], explanation: str) -> str:
    """An explanation with its place in front, `at /fields/0: ...`; the whole document has none."""
    place, text = json_pointer(path), explanation[:MAX_EXPLANATION]
    return f"at {place}: {text}" if place else text


def _keys(document: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[Any, str]]:
    """Every key of a document, each with its path."""
    if isinstance(document, dict):
        for key, inner in document.items():
            yield (*place, key), key
            yield from _keys(inner, (*place, key))
    elif isinstance(document, list):
        for index, inner in enumerate(document):
            yield from _keys(inner, (*place, index))
