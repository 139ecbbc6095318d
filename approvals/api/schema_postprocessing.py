"""Completes the OpenAPI document: links between operations, response headers, stricter bodies.

SPECTACULAR_SETTINGS names `complete` as a hook; drf-spectacular itself cannot describe links.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from approvals.api import schema_request_examples
from approvals.api.serializers.fields import NOT_BLANK, STORABLE

_REVIEW_COMPONENTS = {"ReviewAnswer", "ClaimedReviewAnswer", "VotedReviewAnswer"}
_ON_A_REVIEW = (
    *("reviews_read", "reviews_claim", "reviews_renew", "reviews_release", "reviews_reassign"),
    *("reviews_comments", "reviews_comment", "reviews_decide", "reviews_events"),
    *("reviews_close_unproved", "reviews_skip", "reviews_snooze", "reviews_escalate"),
)
_ON_AN_ORDER = ("orders_read", "orders_restart", "orders_stop")
_ON_A_MESSAGE = (
    *("quarantine_read", "quarantine_body", "quarantine_replay", "quarantine_discard"),
)
_BODY = "$response.body#"

# From an operation's response to other operations: {operation: {path parameter: runtime expression}}.
Links = Mapping[str, Mapping[str, str]]


def _to(targets: tuple[str, ...], parameter: str, expression: str) -> dict[str, dict[str, str]]:
    return {target: {parameter: expression} for target in targets}


_OF_ONE_REVIEW = _to(_ON_A_REVIEW, "review_id", f"{_BODY}/id")
_OF_ONE_ORDER = _to(_ON_AN_ORDER, "order_id", f"{_BODY}/order_id")
_UNDO = _to(("decisions_undo",), "decision_id", f"{_BODY}/decision/id")
_OF_ONE_BULK = _to(
    ("bulk_decisions_read", "bulk_decisions_undo", "bulk_decisions_retry"), "job_id", f"{_BODY}/id"
)
LINKS: Mapping[str, Links] = {
    "queues_list": _to(
        ("queues_next", "queues_settings", "queues_set"), "slug", f"{_BODY}/results/0/slug"
    ),
    "queues_settings": _to(("queues_set",), "slug", f"{_BODY}/slug"),
    "queues_set": _to(("queues_settings",), "slug", f"{_BODY}/slug"),
    "queues_next": _OF_ONE_REVIEW,
    "reviews_list": _to(_ON_A_REVIEW, "review_id", f"{_BODY}/results/0/id"),
    "reviews_read": _OF_ONE_REVIEW,
    "reviews_claim": _OF_ONE_REVIEW,
    "reviews_renew": _OF_ONE_REVIEW,
    "reviews_release": _OF_ONE_REVIEW,
    "reviews_reassign": _OF_ONE_REVIEW,
    "reviews_close_unproved": _OF_ONE_REVIEW,
    "reviews_skip": _OF_ONE_REVIEW,
    "reviews_snooze": _OF_ONE_REVIEW,
    "reviews_escalate": _OF_ONE_REVIEW,
    "reviews_comment": _to(("reviews_comments",), "review_id", "$request.path.review_id"),
    "reviews_decide": _OF_ONE_REVIEW | _UNDO,
    "decisions_undo": _OF_ONE_REVIEW,
    "bulk_decisions_begin": _OF_ONE_BULK,
    "bulk_decisions_read": _OF_ONE_BULK,
    "bulk_decisions_undo": _OF_ONE_BULK,
    "bulk_decisions_retry": _OF_ONE_BULK,
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
ONE_OF = {"BatchBody": ("orders", "source")}  # exactly one of these members
HEADERS: Mapping[str, Mapping[str, str]] = {
    "401": {"WWW-Authenticate": "The authentication scheme."},
    "429": {"Retry-After": "Seconds until the next request is accepted."},
    "503": {"Retry-After": "Seconds to wait before the next try."},
}
ETAG = 'The version of the review in quotes, such as `"7"`, for If-Match.'


def complete(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Returns the document with what drf-spectacular does not derive from the serializers.

    That is: which bodies are required, that they take no unknown names, which texts they take, that a
    query parameter may be empty, which headers a response has, and which operations it leads to.
    """
    components = result["components"]["schemas"]
    for serializer in schema_request_examples.REQUESTS:
        # drf-spectacular leaves out serializers without fields.
        _refuse_unknown_names(components.get(serializer.__name__, {}))
    for name, members in ONE_OF.items():
        components[name]["oneOf"] = [{"required": [member]} for member in members]
    for operation in _operations(result):
        _require_body(operation, components)
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "query":
                _allow_empty(parameter)
        for status, response in operation["responses"].items():
            _add_headers(status, response)
            if status.startswith("2") and status != "204":
                _add_links(operation["operationId"], response)
    return result


def _operations(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in schema["paths"].values():
        yield from methods.values()


def _refuse_unknown_names(component: dict[str, Any]) -> None:
    """Describe what `StrictSerializer` and `StrictText` refuse: unknown names, texts that cannot be stored."""
    component["additionalProperties"] = False
    for member in component.get("properties", {}).values():
        _add_pattern(member)


def _add_pattern(text: dict[str, Any]) -> None:
    """Give a text without a pattern one: it must be storable, and not blank if it must not be empty."""
    if text.get("type") == "string" and not text.keys() & {"format", "pattern", "enum"}:
        text["pattern"] = NOT_BLANK if text.get("minLength") else STORABLE


def _require_body(operation: dict[str, Any], components: Mapping[str, Any]) -> None:
    """Mark a body as required if one of its members is."""
    content = operation.get("requestBody", {}).get("content", {})
    for media in content.values():
        body = media["schema"]
        body = components[body["$ref"].rsplit("/", 1)[-1]] if "$ref" in body else body
        operation["requestBody"]["required"] = bool(body.get("required") or body.get("oneOf"))


def _allow_empty(parameter: dict[str, Any]) -> None:
    """Describe that an empty query parameter counts as absent (`Endpoint.query`), whatever its type."""
    parameter["allowEmptyValue"] = True
    schema = parameter["schema"]
    if schema.get("default") == "":
        del schema["default"]  # it would break its own enum, pattern or minLength
    _add_pattern(schema)


def _add_headers(status: str, response: dict[str, Any]) -> None:
    headers = dict(HEADERS.get(status, {}))
    body = response.get("content", {}).get("application/json", {}).get("schema", {})
    if body.get("$ref", "").rsplit("/", 1)[-1] in _REVIEW_COMPONENTS:
        headers["ETag"] = ETAG
    for name, description in headers.items():
        kind = "integer" if name == "Retry-After" else "string"
        header = {"schema": {"type": kind}, "required": True, "description": description}
        response.setdefault("headers", {})[name] = header


def _add_links(operation_id: str, response: dict[str, Any]) -> None:
    for target, parameters in LINKS.get(operation_id, {}).items():
        link = {"operationId": target, "parameters": dict(parameters)}
        response.setdefault("links", {})[target] = link
