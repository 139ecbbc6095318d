"""Describes the API's operations to drf-spectacular: requests, responses, refusals and examples.

`operation` describes an endpoint with one object as its response, `listing` one with a page of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.plumbing import build_bearer_security_scheme_object
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    inline_serializer,
)
from rest_framework import serializers as fields

from approvals.api import errors, schema_examples, schema_request_examples
from approvals.api.serializers.orders import OrderAnswer
from approvals.api.serializers.problems import ProblemAnswer
from approvals.api.serializers.requests import UNKNOWN_NAME, EmptyBody
from approvals.exceptions import (
    AlreadyDecided,
    AlreadySettled,
    ApprovalsError,
    ClaimedByAnother,
    DeadlinePassed,
    IdempotencyMismatch,
    Invalid,
    NotAllowed,
    NotFound,
    OrderConflict,
    StaleVersion,
    Throttled,
    Unavailable,
    UndoClosed,
)

Method = TypeVar("Method", bound=Callable[..., Any])
Decorator = Callable[[Method], Method]
Refusal = int | ApprovalsError  # a status, for its usual refusal; or the refusal itself

IF_MATCH = OpenApiParameter(
    "If-Match",
    {"type": "string", "pattern": r'^("[0-9]{1,18}"|\*)$'},
    OpenApiParameter.HEADER,
    description='The version to change, in quotes: `"7"`. 412 if the review has another version by now.',
)
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": "^[!-~]([ -~]{0,253}[!-~])?$"},
    OpenApiParameter.HEADER,
    description="A request that is repeated with the same key and body acts once: it gets the object as it"
    " is then, with the first status. Keys are per user and kept for 7 days; refusals are not kept.",
)
# Characters of the basic plane that no version of Unicode calls printable: controls, blanks other than
# the space, direction marks, private use. Unassigned characters are missing: they change by version.
UNPRINTABLE = (
    r"\u0000-\u001f\u007f-\u00a0\u00ad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u2064"
    r"\u2066-\u206f\u3000\ue000-\uf8ff\ufeff\ufff9-\ufffb\ufffe\uffff"
)
ORDER = {
    "type": "object",
    "required": ["order_id"],
    "properties": {
        "order_id": {
            "description": "Printable and not blank; a number stands for its digits.",
            "oneOf": [
                {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 256,
                    "pattern": f"^[^{UNPRINTABLE}]*[^ {UNPRINTABLE}][^{UNPRINTABLE}]*$",
                },
                {"type": "integer"},
            ],
        }
    },
    "additionalProperties": True,
}
# Written out, because drf-spectacular leaves out a serializer without fields.
EMPTY_BODY = {"type": "object", "description": EmptyBody.__doc__, "additionalProperties": False}

_VERDICT = {"status": "rejected", "outcome": "rejected", "by": "bob@example.com"}
ALREADY_DECIDED = AlreadyDecided(**_VERDICT, decided_at="2026-11-23T09:01:55.731200+00:00")
CLAIMED_BY_ANOTHER = ClaimedByAnother(assignee="bob@example.com")
DEADLINE_PASSED = DeadlinePassed(deadline_at="2026-11-23T09:57:36.102000+00:00")
UNDO_CLOSED = UndoClosed()
ALREADY_SETTLED = AlreadySettled()
NOT_RESTARTABLE = OrderConflict(
    "This order is running: there is nothing to restart.",
    order_id="ORD-1042",
    order_status="running",
)
CLAIM_REFUSALS: Sequence[Refusal] = (404, 412, CLAIMED_BY_ANOTHER, ALREADY_DECIDED)

_USUAL_REFUSALS: Mapping[int, ApprovalsError] = {
    403: NotAllowed(),
    404: NotFound(),
    412: StaleVersion(version=8),
    422: Invalid("The request holds a value that cannot be stored.", pointer="/reason"),
}
_NOT_AUTHENTICATED = errors.document_of_status(401, "Authentication credentials were not provided.")
UNSUPPORTED_TYPE = errors.document_of_status(415, "The Content-Type is not application/json.")
_REFUSALS_OF_ALL = (
    NotAllowed("This needs a token with the scope decide."),
    Invalid(UNKNOWN_NAME, parameter="statsu"),
    Throttled(retry_after=1),
    Unavailable(),
)
_REFUSALS_OF_POSTS = (
    errors.TooLarge(),
    Invalid(UNKNOWN_NAME, pointer="/overide"),
    IdempotencyMismatch(),
)


def operation(  # noqa: PLR0913  (the parts of an OpenAPI operation)
    operation_id: str,
    response: type[fields.Serializer[Any]],
    *,
    body: type[fields.Serializer[Any]] | None = None,
    query: type[fields.Serializer[Any]] | None = None,
    status: int = 200,
    refused: Sequence[Refusal] = (),
    parameters: Sequence[OpenApiParameter] = (),
    may_be_empty: bool = False,
    accepted: str = "",
) -> Decorator[Any]:
    """Describe an operation with one object as its response; one with a body is a POST.

    `refused` are the refusals beyond those that every operation may respond with; `accepted` says what a 202
    means.
    """
    responses: dict[Any, Any] = {status: _response(response)} | _refusals(refused, posts=bool(body))
    if may_be_empty:
        responses[204] = OpenApiResponse(description="No review is left.")
    if accepted:
        responses[202] = _response(response, accepted)
    keys = [IDEMPOTENCY_KEY] if body else []
    schema_of_body = EMPTY_BODY if body is EmptyBody else body
    return extend_schema(
        operation_id=operation_id,
        request={"application/json": schema_of_body} if body else None,
        parameters=[*keys, *parameters, *([query] if query else [])],
        responses=responses,
        examples=_request_examples(schema_request_examples.REQUESTS[body]) if body else [],
    )


def versioned_operation(
    operation_id: str,
    response: type[fields.Serializer[Any]],
    *,
    body: type[fields.Serializer[Any]],
    status: int = 200,
    refused: Sequence[Refusal] = (),
) -> Decorator[Any]:
    """Describe an operation that changes a pending review and takes If-Match."""
    return operation(
        operation_id,
        response,
        body=body,
        status=status,
        refused=[*CLAIM_REFUSALS, *refused],
        parameters=[IF_MATCH],
    )


def listing(
    operation_id: str,
    response: type[fields.Serializer[Any]],
    *,
    query: type[fields.Serializer[Any]] | None = None,
    refused: Sequence[Refusal] = (),
) -> Decorator[Any]:
    """Describe an operation with a page of such objects as its response."""
    envelope = inline_serializer(
        f"{response.__name__.removesuffix('Answer')}Page",
        {
            "results": response(many=True),
            "next": fields.URLField(allow_null=True),
            "previous": fields.URLField(allow_null=True),
        },
    )
    page = {"results": [schema_examples.ANSWERS[response]], "next": None, "previous": None}
    listed = OpenApiResponse(envelope, "One page of the list.", [OpenApiExample("A page", page)])
    return extend_schema(
        operation_id=operation_id,
        parameters=[query] if query else [],
        responses={200: listed} | _refusals(refused),
    )


def _response(response: type[fields.Serializer[Any]], description: str = "") -> OpenApiResponse:
    example = _example("An answer", schema_examples.ANSWERS[response])
    return OpenApiResponse(
        response, description or (response.__doc__ or "").split(". ")[0], [example]
    )


def _request_examples(named: Mapping[str, dict[str, Any]]) -> list[OpenApiExample]:
    return [_example(name, value, request_only=True) for name, value in named.items()]


def _example(name: str, value: dict[str, Any], **options: Any) -> OpenApiExample:
    return OpenApiExample(name, value, summary=schema_examples.SUMMARIES.get(name, ""), **options)


def _refusals(refused: Sequence[Refusal], *, posts: bool = False) -> dict[Any, Any]:
    """Returns the responses for these refusals and for those of every operation."""
    named = [_USUAL_REFUSALS[item] if isinstance(item, int) else item for item in refused]
    common = (*_REFUSALS_OF_ALL, *(_REFUSALS_OF_POSTS if posts else ()))
    documents = [_NOT_AUTHENTICATED, *([UNSUPPORTED_TYPE] if posts else [])]
    documents += [errors.document_of(refusal) for refusal in (*named, *common)]
    return problem_responses(documents)


def problem_responses(documents: Sequence[dict[str, Any]]) -> dict[Any, Any]:
    """Returns a response for each status of these problem documents, with an example for each code."""
    by_status: dict[int, dict[str, Any]] = {}
    for document in documents:
        by_status.setdefault(document["status"], {}).setdefault(document["code"], document)
    return {
        (status, errors.MEDIA_TYPE): OpenApiResponse(
            ProblemAnswer,
            f"{HTTPStatus(status).phrase}: {', '.join(f'`{code}`' for code in examples)}.",
            [OpenApiExample(code, document) for code, document in examples.items()],
        )
        for status, examples in sorted(by_status.items())
    }


start_order = extend_schema(
    operation_id="orders_start",
    request={"application/json": ORDER},
    parameters=[IDEMPOTENCY_KEY],
    responses={
        200: _response(OrderAnswer, "The same order was started before."),
        201: _response(OrderAnswer, "The execution is running."),
        202: OpenApiResponse(
            OrderAnswer,
            "Stored; the execution starts as soon as Step Functions can be reached.",
            [_example("An answer", schema_examples.NOT_STARTED)],
        ),
    }
    | _refusals([OrderConflict(order_id="ORD-1042")], posts=True),
    examples=_request_examples(schema_request_examples.ORDERS),
)


undocumented = extend_schema(exclude=True)  # of views that only repeat another operation


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Describes bearer tokens as the security scheme of the document."""

    target_class = "approvals.api.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """Returns the OpenAPI security scheme: a bearer token in the Authorization header."""
        return build_bearer_security_scheme_object("Authorization", "Bearer")
