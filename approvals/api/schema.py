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

from approvals.api import errors, schema_examples
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
Described = Callable[[Method], Method]
Refusal = int | ApprovalsError  # a status with what it usually means, or the very refusal

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
# What is no printable character in any version of Unicode, of the first plane: controls, blanks but
# the space, marks of direction, private use. What is not assigned yet no pattern can keep up with.
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
NOTHING = {"type": "object", "description": EmptyBody.__doc__, "additionalProperties": False}

_VERDICT = {"status": "rejected", "outcome": "rejected", "by": "bob@example.com"}
DECIDED = AlreadyDecided(**_VERDICT, decided_at="2026-11-23T09:01:55.731200+00:00")
HELD = ClaimedByAnother(assignee="bob@example.com")
LATE = DeadlinePassed(deadline_at="2026-11-23T09:57:36.102000+00:00")
CLOSED = UndoClosed()
SETTLED = AlreadySettled()
NOT_AS_IT_STANDS = OrderConflict(
    "This order is running: there is nothing to restart.",
    order_id="ORD-1042",
    order_status="running",
)
OF_CLAIMS: Sequence[Refusal] = (404, 412, HELD, DECIDED)

_USUAL: Mapping[int, ApprovalsError] = {
    403: NotAllowed(),
    404: NotFound(),
    412: StaleVersion(version=8),
    422: Invalid("The request holds a value that cannot be stored.", pointer="/reason"),
}
_NO_TOKEN = errors.of_status(401, "Authentication credentials were not provided.")
UNTOLD_TYPE = errors.of_status(415, "The Content-Type is not application/json.")
_ALWAYS = (
    NotAllowed("This needs a token with the scope decide."),
    Invalid(UNKNOWN_NAME, parameter="statsu"),
    Throttled(retry_after=1),
    Unavailable(),
)
_OF_BODIES = (
    errors.TooLarge(),
    Invalid(UNKNOWN_NAME, pointer="/overide"),
    IdempotencyMismatch(),
)


def operation(  # noqa: PLR0913  (what an operation has)
    operation_id: str,
    shown: type[fields.Serializer[Any]],
    *,
    body: type[fields.Serializer[Any]] | None = None,
    query: type[fields.Serializer[Any]] | None = None,
    status: int = 200,
    refused: Sequence[Refusal] = (),
    parameters: Sequence[OpenApiParameter] = (),
    may_be_empty: bool = False,
) -> Described[Any]:
    """Describe an operation that answers one object; one with a body is a POST."""
    responses: dict[Any, Any] = {status: _answer(shown)} | _refusals(refused, posts=bool(body))
    if may_be_empty:
        responses[204] = OpenApiResponse(description="No review is left.")
    keys = [IDEMPOTENCY_KEY] if body else []
    taken = NOTHING if body is EmptyBody else body
    return extend_schema(
        operation_id=operation_id,
        request={"application/json": taken} if body else None,
        parameters=[*keys, *parameters, *([query] if query else [])],
        responses=responses,
        examples=_requests(schema_examples.REQUESTS[body]) if body else [],
    )


def versioned_operation(
    operation_id: str,
    shown: type[fields.Serializer[Any]],
    *,
    body: type[fields.Serializer[Any]],
    status: int = 200,
    refused: Sequence[Refusal] = (),
) -> Described[Any]:
    """Describe an operation that changes an open review, and takes If-Match."""
    return operation(
        operation_id,
        shown,
        body=body,
        status=status,
        refused=[*OF_CLAIMS, *refused],
        parameters=[IF_MATCH],
    )


def listing(
    operation_id: str,
    shown: type[fields.Serializer[Any]],
    *,
    query: type[fields.Serializer[Any]] | None = None,
    refused: Sequence[Refusal] = (),
) -> Described[Any]:
    """Describe an operation that answers a page of these."""
    envelope = inline_serializer(
        f"{shown.__name__.removesuffix('Answer')}Page",
        {
            "results": shown(many=True),
            "next": fields.URLField(allow_null=True),
            "previous": fields.URLField(allow_null=True),
        },
    )
    page = {"results": [schema_examples.ANSWERS[shown]], "next": None, "previous": None}
    answer = OpenApiResponse(envelope, "One page of the list.", [OpenApiExample("A page", page)])
    return extend_schema(
        operation_id=operation_id,
        parameters=[query] if query else [],
        responses={200: answer} | _refusals(refused),
    )


def _answer(shown: type[fields.Serializer[Any]], description: str = "") -> OpenApiResponse:
    example = _example("An answer", schema_examples.ANSWERS[shown])
    return OpenApiResponse(shown, description or (shown.__doc__ or "").split(". ")[0], [example])


def _requests(named: Mapping[str, dict[str, Any]]) -> list[OpenApiExample]:
    return [_example(name, value, request_only=True) for name, value in named.items()]


def _example(name: str, value: dict[str, Any], **options: Any) -> OpenApiExample:
    return OpenApiExample(name, value, summary=schema_examples.SUMMARIES.get(name, ""), **options)


def _refusals(refused: Sequence[Refusal], *, posts: bool = False) -> dict[Any, Any]:
    """The refusals of an operation and those of every one, by status, each with its document."""
    named = [_USUAL[item] if isinstance(item, int) else item for item in refused]
    common = (*_ALWAYS, *(_OF_BODIES if posts else ()))
    documents = [_NO_TOKEN, *([UNTOLD_TYPE] if posts else [])]
    documents += [errors.example(refusal) for refusal in (*named, *common)]
    return by_status(documents)


def by_status(documents: Sequence[dict[str, Any]]) -> dict[Any, Any]:
    """Problem documents as an operation's responses: of each status its codes, of each code one example."""
    told: dict[int, dict[str, Any]] = {}
    for document in documents:
        told.setdefault(document["status"], {}).setdefault(document["code"], document)
    return {
        (status, errors.MEDIA_TYPE): OpenApiResponse(
            ProblemAnswer,
            f"{HTTPStatus(status).phrase}: {', '.join(f'`{code}`' for code in found)}.",
            [OpenApiExample(code, document) for code, document in found.items()],
        )
        for status, found in sorted(told.items())
    }


start_order = extend_schema(
    operation_id="orders_start",
    request={"application/json": ORDER},
    parameters=[IDEMPOTENCY_KEY],
    responses={
        200: _answer(OrderAnswer, "The same order was started before."),
        201: _answer(OrderAnswer, "The execution is running."),
        202: OpenApiResponse(
            OrderAnswer,
            "Stored; the execution starts as soon as Step Functions can be reached.",
            [_example("An answer", schema_examples.NOT_STARTED)],
        ),
    }
    | _refusals([OrderConflict(order_id="ORD-1042")], posts=True),
    examples=_requests(schema_examples.ORDERS),
)


of_another_order = extend_schema(exclude=True)  # the same operation as `orders_read`


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How to sign in, for the schema."""

    target_class = "approvals.api.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """A bearer token in the Authorization header."""
        return build_bearer_security_scheme_object("Authorization", "Bearer")
