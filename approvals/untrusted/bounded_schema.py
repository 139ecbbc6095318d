"""A validator of JSON Schema (draft 2020-12) that stops when it has done a set amount of work.

A schema of 18 references that each name the next one twice takes a quarter of a million steps for any
document, and comparing the elements of an array with each other takes the square of their number. So
every keyword is charged before it is applied, about in proportion to the time it takes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import jsonschema
import re2
from jsonschema import Draft202012Validator
from jsonschema.validators import extend

REFERENCE = (
    20  # units of work of following a reference; a keyword is one, and takes a few microseconds
)
MOST_REFERENCES = 50  # inside each other
OF_AN_ERROR = 256  # characters of a document that an error's text may repeat, a unit
COMPARED = frozenset({"enum", "const", "required", "dependentRequired", "type"})
REFERENCES = frozenset({"$ref", "$dynamicRef"})

Keyword = Callable[[Any, Any, Any, Any], Any]


class TooMuchWork(Exception):
    """The validation was stopped: it has done all the work it was allowed."""


class TooDeep(Exception):
    """The validation was stopped: a reference led to another one too often, perhaps back to itself."""


class _Work:
    """What is left of the work allowed, and what an error and a subschema may cost at most."""

    def __init__(self, units: int, schema: Any, document: Any, deepest: int) -> None:
        self.left = units
        self.references = deepest  # that may be followed inside each other
        self.error = 1 + len(json.dumps(document, default=str)) // OF_AN_ERROR
        self.breadth = 1 + max((len(each) for each in _containers(schema)), default=0) // 16
        self._nodes: dict[int, int] = {}

    def charge(self, units: int) -> None:
        """Take units of what is left. Raises TooMuchWork."""
        self.left -= units
        if self.left < 0:
            raise TooMuchWork

    def nodes(self, value: Any) -> int:
        """How many values a part of the schema holds, itself included."""
        if id(value) not in self._nodes:
            self._nodes[id(value)] = 1 + sum(len(each) for each in _containers(value))
        return self._nodes[id(value)]


_work: ContextVar[_Work] = ContextVar("work of a validation")


@contextmanager
def bounded(
    units: int, schema: Any, document: Any, *, deepest: int = MOST_REFERENCES
) -> Iterator[None]:
    """Within it, BoundedValidator raises TooMuchWork after so many units.

    It raises TooDeep for more than `deepest` references inside each other, well before Python's limit of nested
    calls: reached inside the Rust code of `referencing`, that limit is a panic, which is no Exception.
    """
    token = _work.set(_Work(units, schema, document, deepest))
    try:
        yield
    finally:
        _work.reset(token)


def _containers(value: Any) -> Iterator[Any]:
    """Every object and array in a value, itself included."""
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, dict | list):
            yield each
            left += each.values() if isinstance(each, dict) else each


def _length(value: Any) -> int:
    if isinstance(value, dict | list):
        return len(value)
    return len(value) // 64 if isinstance(value, str) else 0


def _followed(work: _Work, errors: Iterable[Any]) -> Iterator[Any]:
    """The errors of what a reference leads to; it counts while they are looked for. Raises TooDeep."""
    if not work.references:
        raise TooDeep
    work.references -= 1
    try:
        yield from errors
    finally:
        work.references += 1


def _charged(name: str, keyword: Keyword) -> Keyword:
    """The same keyword, which is charged for each application and for each error."""

    def charged(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        work = _work.get()
        if name in COMPARED:
            work.charge(work.nodes(value) + _length(instance))
        else:
            work.charge((1 + max(_length(value), _length(instance))) * work.breadth)
        errors = keyword(validator, value, instance, schema) or ()
        if name in REFERENCES:
            work.charge(REFERENCE)
            errors = _followed(work, errors)
        for error in errors:
            work.charge(work.error)
            yield error

    return charged


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[Any]:
    """The keyword `pattern` with RE2, which is linear; jsonschema's own uses Python's engine."""
    if validator.is_type(instance, "string") and not re2.search(pattern, instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


def _unique_items(validator: Any, wanted: bool, instance: Any, schema: Any) -> Iterator[Any]:
    """The keyword `uniqueItems` by the texts of the elements; jsonschema's own compares each with each."""
    if not wanted or not validator.is_type(instance, "array"):
        return
    _work.get().charge(sum(len(each) for each in _containers(instance)))
    texts = {json.dumps(_plain(each), sort_keys=True) for each in instance}
    if len(texts) < len(instance):
        yield jsonschema.ValidationError(f"{instance!r} has non-unique elements")


def _plain(value: Any) -> Any:
    """A value in which equal numbers are written alike, as JSON Schema compares them: 1.0 is 1."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


_KEYWORDS = dict(Draft202012Validator.VALIDATORS) | {
    "pattern": _pattern,
    "uniqueItems": _unique_items,
}
BoundedValidator = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {name: _charged(name, keyword) for name, keyword in _KEYWORDS.items()}
)
