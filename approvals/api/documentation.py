"""The API described: what each operation takes, answers and refuses, and the pages that show it.

Schema and pages need no login: they say nothing that the source does not, and nothing about data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, TypeVar

from csp.decorators import csp_update
from django.utils.decorators import method_decorator
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.plumbing import build_bearer_security_scheme_object
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    inline_serializer,
)
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework import serializers as fields
from rest_framework.request import Request
from rest_framework.views import APIView

from approvals.api import errors
from approvals.api.serializers import OrderAnswer, ProblemAnswer
from approvals.exceptions import NotFound

Method = TypeVar("Method", bound=Callable[..., Any])
Described = Callable[[Method], Method]

IF_MATCH = OpenApiParameter(
    "If-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description='The version the decision is about, in quotes: `"7"`. Another one is 412.',
)
DECISIONS = [
    OpenApiExample("Approve", {"outcome": "approved"}, request_only=True),
    OpenApiExample(
        "Reject, with ten seconds to change one's mind",
        {"outcome": "rejected", "reason": "The address does not exist.", "undo_seconds": 10},
        request_only=True,
    ),
]
ORDER = {
    "type": "object",
    "required": ["order_id"],
    "properties": {"order_id": {"oneOf": [{"type": "string"}, {"type": "integer"}]}},
    "additionalProperties": True,
}


def operation(  # noqa: PLR0913  (what an operation has)
    operation_id: str,
    shown: type[fields.Serializer[Any]],
    *,
    body: type[fields.Serializer[Any]] | None = None,
    query: type[fields.Serializer[Any]] | None = None,
    status: int = 200,
    refused: Sequence[int] = (),
    parameters: Sequence[OpenApiParameter] = (),
    examples: Sequence[OpenApiExample] = (),
    may_be_empty: bool = False,
) -> Described[Any]:
    """Describe an operation that answers one object."""
    responses: dict[Any, Any] = {status: shown} | _refusals(refused)
    if may_be_empty:
        responses[204] = OpenApiResponse(description="None is left.")
    return extend_schema(
        operation_id=operation_id,
        request={"application/json": body} if body else None,
        parameters=[*parameters, *([query] if query else [])],
        responses=responses,
        examples=list(examples),
    )


def listing(
    operation_id: str,
    shown: type[fields.Serializer[Any]],
    *,
    query: type[fields.Serializer[Any]] | None = None,
    refused: Sequence[int] = (),
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
    return extend_schema(
        operation_id=operation_id,
        parameters=[query] if query else [],
        responses={200: envelope} | _refusals([*refused, 422]),
    )


def _refusals(statuses: Sequence[int]) -> dict[Any, Any]:
    return {
        (status, errors.MEDIA_TYPE): OpenApiResponse(ProblemAnswer, HTTPStatus(status).phrase)
        for status in sorted({401, 503, *statuses})
    }


start_order = extend_schema(
    operation_id="orders_start",
    request={"application/json": ORDER},
    responses={
        200: OpenApiResponse(OrderAnswer, "The same order came before."),
        201: OpenApiResponse(OrderAnswer, "Its execution runs."),
        202: OpenApiResponse(
            OrderAnswer, "Stored; it is started as soon as Step Functions answers."
        ),
    }
    | _refusals([403, 409, 422]),
    examples=[OpenApiExample("An order", {"order_id": "ORD-1", "total": 812.5}, request_only=True)],
)


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How to sign in, for the schema."""

    target_class = "approvals.api.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """A bearer token in the Authorization header."""
        return build_bearer_security_scheme_object("Authorization", "Bearer")


class Schema(SpectacularAPIView):
    """The OpenAPI document."""


# Swagger UI draws its icons and sizes with inline styles; scripts stay what the page's own host serves.
@method_decorator(csp_update({"style-src": "'unsafe-inline'"}), name="dispatch")
class Docs(SpectacularSwaggerSplitView):
    """The schema as pages to try it from."""

    url_name = "api:schema"


class NothingHere(APIView):
    """Every address under /api/ that is none: a problem document, as for all else."""

    authentication_classes = ()
    permission_classes = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Whatever the method, there is nothing."""
        hint = "" if request.path.endswith("/") else " Addresses end with a slash."
        raise NotFound(f"There is nothing at this address.{hint}")
