"""The schema's last touch: what one answer leads to, and which headers come with it.

Named in SPECTACULAR_SETTINGS; drf-spectacular has no words of its own for links.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from approvals.api import schema_examples
from approvals.api.serializers.fields import NOT_BLANK, STORABLE

_REVIEW_SHAPES = {"ReviewAnswer", "ClaimedReviewAnswer", "VotedReviewAnswer"}
_ON_A_REVIEW = (
    *("reviews_read", "reviews_claim", "reviews_renew", "reviews_release", "reviews_reassign"),
    *("reviews_comments", "reviews_comment", "reviews_decide", "reviews_events"),
)
_ON_AN_ORDER = ("orders_read", "orders_restart", "orders_stop")
_ON_A_MESSAGE = ("quarantine_read", "quarantine_replay", "quarantine_discard")
_BODY = "$response.body#"

# From an operation to others, and what fills their path: {operation: {parameter: expression}}.
Steps = Mapping[str, Mapping[str, str]]


def _to(targets: tuple[str, ...], parameter: str, expression: str) -> dict[str, dict[str, str]]:
    return {target: {parameter: expression} for target in targets}


_OF_ONE_REVIEW = _to(_ON_A_REVIEW, "review_id", f"{_BODY}/id")
_OF_ONE_ORDER = _to(_ON_AN_ORDER, "order_id", f"{_BODY}/order_id")
_UNDO = _to(("decisions_undo",), "decision_id", f"{_BODY}/decision/id")
STEPS: Mapping[str, Steps] = {
    "queues_list": _to(("queues_next",), "slug", f"{_BODY}/results/0/slug"),
    "queues_next": _OF_ONE_REVIEW,
    "reviews_list": _to(_ON_A_REVIEW, "review_id", f"{_BODY}/results/0/id"),
    "reviews_read": _OF_ONE_REVIEW,
    "reviews_claim": _OF_ONE_REVIEW,
    "reviews_renew": _OF_ONE_REVIEW,
    "reviews_release": _OF_ONE_REVIEW,
    "reviews_reassign": _OF_ONE_REVIEW,
    "reviews_comment": _to(("reviews_comments",), "review_id", "$request.path.review_id"),
    "reviews_decide": _OF_ONE_REVIEW | _UNDO,
    "decisions_undo": _OF_ONE_REVIEW,
    "orders_list": _to(_ON_AN_ORDER, "order_id", f"{_BODY}/results/0/order_id"),
    "orders_start": _OF_ONE_ORDER,
    "orders_read": _OF_ONE_ORDER,
    "orders_restart": _OF_ONE_ORDER,
    "orders_stop": _OF_ONE_ORDER,
    "order_batches_start": _to(("order_batches_read",), "batch_id", f"{_BODY}/id"),
    "quarantine_list": _to(_ON_A_MESSAGE, "message_id", f"{_BODY}/results/0/id"),
    "quarantine_replay": _to(("quarantine_read",), "message_id", f"{_BODY}/id"),
    "quarantine_discard": _to(("quarantine_read",), "message_id", f"{_BODY}/id"),
}
EITHER = {"BatchBody": ("orders", "source")}  # one of these members, and not both
HEADERS: Mapping[str, Mapping[str, str]] = {
    "401": {"WWW-Authenticate": "The authentication scheme."},
    "429": {"Retry-After": "Seconds until the next request is accepted."},
    "503": {"Retry-After": "Seconds to wait before the next try."},
}
ETAG = 'The version of the review in quotes, such as `"7"`, for If-Match.'


def complete(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """The schema with links between its operations, and with what its words alone do not say.

    That is: which bodies must be there and hold nothing unknown, which texts are taken, what an empty
    parameter means, and which headers come with an answer.
    """
    named = result["components"]["schemas"]
    for shape in schema_examples.REQUESTS:
        _close(named.get(shape.__name__, {}))  # drf-spectacular leaves out what has no members
    for name, either in EITHER.items():
        named[name]["oneOf"] = [{"required": [member]} for member in either]
    for operation in _operations(result):
        _ask_for_body(operation, named)
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "query":
                _let_be_empty(parameter)
        for status, response in operation["responses"].items():
            _add_headers(status, response)
            if status.startswith("2") and status != "204":
                _add_links(operation["operationId"], response)
    return result


def _operations(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in schema["paths"].values():
        yield from methods.values()


def _close(shape: dict[str, Any]) -> None:
    """What `StrictSerializer` and `StrictText` refuse: names that are not known, texts that cannot be stored."""
    shape["additionalProperties"] = False
    for member in shape.get("properties", {}).values():
        _bound(member)


def _bound(text: dict[str, Any]) -> None:
    """A text without a pattern of its own is storable, and says something where it must not be empty."""
    if text.get("type") == "string" and not text.keys() & {"format", "pattern", "enum"}:
        text["pattern"] = NOT_BLANK if text.get("minLength") else STORABLE


def _ask_for_body(operation: dict[str, Any], named: Mapping[str, Any]) -> None:
    """A body must be there where a member of it must."""
    content = operation.get("requestBody", {}).get("content", {})
    for media in content.values():
        shape = media["schema"]
        shape = named[shape["$ref"].rsplit("/", 1)[-1]] if "$ref" in shape else shape
        operation["requestBody"]["required"] = bool(shape.get("required") or shape.get("oneOf"))


def _let_be_empty(parameter: dict[str, Any]) -> None:
    """An empty parameter counts as one that is not there (`Endpoint.query`), whatever its type."""
    parameter["allowEmptyValue"] = True
    schema = parameter["schema"]
    if schema.get("default") == "":
        del schema["default"]  # it would break its own enum, pattern or minLength
    _bound(schema)


def _add_headers(status: str, response: dict[str, Any]) -> None:
    told = dict(HEADERS.get(status, {}))
    shown = response.get("content", {}).get("application/json", {}).get("schema", {})
    if shown.get("$ref", "").rsplit("/", 1)[-1] in _REVIEW_SHAPES:
        told["ETag"] = ETAG
    for name, description in told.items():
        kind = "integer" if name == "Retry-After" else "string"
        header = {"schema": {"type": kind}, "required": True, "description": description}
        response.setdefault("headers", {})[name] = header


def _add_links(operation_id: str, response: dict[str, Any]) -> None:
    for target, parameters in STEPS.get(operation_id, {}).items():
        link = {"operationId": target, "parameters": dict(parameters)}
        response.setdefault("links", {})[target] = link
