"""Compares the fake's responses with botocore's model of the service."""

from __future__ import annotations

import json
from typing import Any

COMMON_ERRORS = {
    *("AccessDeniedException", "ExpiredTokenException", "ThrottlingException"),
    *("InternalServerError", "ServiceUnavailable", "ValidationException"),
    *("InvalidParameterValue", "MissingParameter"),
}
_TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "long": int,
    "boolean": bool,
    "timestamp": (int, float),
    "list": list,
    "map": dict,
    "structure": dict,
}


def check_response(http_response: Any, parsed: Any, model: Any, **_: Any) -> None:
    """Assert that a response fits the operation's model: members, types, enums and error codes.

    Registered for botocore's event `after-call`, whose arguments these are.
    """
    body = json.loads(http_response.content)
    assert parsed["ResponseMetadata"]["RequestId"]
    if http_response.status_code == 200:
        assert not model.output_shape or differences(body, model.output_shape) == []
        assert model.output_shape or body == {}
        return
    code = body["__type"].rpartition("#")[2]
    assert code in COMMON_ERRORS | {shape.name for shape in model.error_shapes}, code
    assert body["message"]
    assert http_response.status_code == (500 if code == "InternalServerError" else 400)


def differences(value: Any, shape: Any, place: str = "") -> list[str]:
    """Return a sentence for each place where a JSON value departs from a botocore shape."""
    if not isinstance(value, _TYPES[shape.type_name]):
        return [f"{place}: {type(value).__name__} is no {shape.type_name}"]
    if shape.type_name == "structure":
        return _differences_of_structure(value, shape, place)
    if shape.type_name == "list":
        return [
            found
            for index, each in enumerate(value)
            for found in differences(each, shape.member, f"{place}[{index}]")
        ]
    if shape.type_name == "map":
        return [
            found
            for key, each in value.items()
            for found in differences(key, shape.key, place)
            + differences(each, shape.value, f"{place}.{key}")
        ]
    if getattr(shape, "enum", None) and value not in shape.enum:
        return [f"{place}: {value!r} is not one of {shape.enum}"]
    most = shape.metadata.get("max")
    return [f"{place} is longer than {most}"] if most and len(str(value)) > most else []


def _differences_of_structure(value: dict[str, Any], shape: Any, place: str) -> list[str]:
    absent = [f"{place}.{name} is missing" for name in shape.required_members if name not in value]
    unknown = [f"{place}.{name} is not in the model" for name in value if name not in shape.members]
    return (
        absent
        + unknown
        + [
            found
            for name, member in shape.members.items()
            if name in value
            for found in differences(value[name], member, f"{place}.{name}")
        ]
    )
