"""The OpenAPI document: its operations, their examples, and what fits a schema in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema

Document = dict[str, Any]
BY_HAND = {"webhooks_decide"}  # signed over its bytes: its own tests send it


def named(schema: Document, operation_id: str) -> tuple[str, Document]:
    """An operation with its path."""
    return next(
        (path, operation)
        for path, methods in schema["paths"].items()
        for operation in methods.values()
        if operation["operationId"] == operation_id
    )


def operations(schema: Document) -> Iterator[tuple[str, str, Document]]:
    """Each operation after its path and its method, but for those of BY_HAND."""
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            if operation["operationId"] not in BY_HAND:
                yield path, method, operation


def examples(content: Document) -> dict[str, Any]:
    """The examples of a body by their names."""
    return {name: example["value"] for name, example in content.get("examples", {}).items()}


def fits(schema: Document, shape: Document, value: Any) -> bool:
    """Whether a value is what the schema says; a format alone is not checked."""
    checked = jsonschema.Draft202012Validator({"components": schema["components"], **shape})
    return checked.is_valid(value)


def check(schema: Document, shape: Document, value: Any) -> None:
    """Fails where `value` does not match the schema, formats included."""
    jsonschema.Draft202012Validator(
        {"components": schema["components"], **shape},
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    ).validate(value)


def resolved(expression: str, response: Document) -> Any:
    """What a runtime expression finds in the first example of an answer."""
    if not expression.startswith("$response.body#"):
        return expression
    return found(expression, next(iter(examples(response["content"]["application/json"]).values())))


def found(expression: str, body: Any) -> Any:
    """What a runtime expression about a response finds in its body."""
    value = body
    for step in expression.removeprefix("$response.body#/").split("/"):
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value
