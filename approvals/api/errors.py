"""Errors as problem documents (RFC 9457): `problem_response` is the API's exception handler.

Clients match on `code`, which is stable; titles and details are for people.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, JsonResponse, UnreadablePostError
from rest_framework import exceptions

from approvals.exceptions import (
    ApprovalsError,
    Invalid,
    NotAllowed,
    NotFound,
    Throttled,
    Unavailable,
)

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 5  # seconds: less than a database failover, so that clients notice its end soon
MAX_ERRORS = 20
RESERVED = {"type", "title", "status", "detail", "code"}


class TooLarge(ApprovalsError):
    """The request is larger than this service accepts."""

    code = "too_large"
    status = 413


class InternalError(ApprovalsError):
    """Something went wrong here; it has been logged."""

    code = "internal_error"
    status = 500


# The stable codes of DRF's own errors, by HTTP status.
CODES = {
    400: ApprovalsError.code,
    401: "not_authenticated",
    403: NotAllowed.code,
    404: NotFound.code,
    405: "method_not_allowed",
    406: "not_acceptable",
    413: TooLarge.code,
    415: "unsupported_media_type",
    422: Invalid.code,
    429: Throttled.code,
    500: InternalError.code,
    503: Unavailable.code,
}

# The refusals that exceptions of Django and the database become; the first match counts.
TRANSLATIONS: dict[type[Exception] | tuple[type[Exception], ...], ApprovalsError] = {
    Http404: NotFound(),
    PermissionDenied: NotAllowed(),
    RequestDataTooBig: TooLarge(),
    UnreadablePostError: Invalid(
        "The connection ended before the whole body was received.", pointer=""
    ),
    SuspiciousOperation: Invalid(),
    (OperationalError, InterfaceError): Unavailable(
        "The database cannot be reached right now; try again shortly."
    ),
    DataError: Invalid("The request holds a value that cannot be stored."),
}


@dataclass(frozen=True)
class Problem:
    """The members of a problem document, and the headers of its response."""

    code: str
    status: int
    title: str
    detail: str
    extra: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


def problem_response(error: Exception, context: Mapping[str, Any]) -> JsonResponse:
    """Returns the response to any exception of an API view. Unexpected ones are logged and not described."""
    problem = _problem_of(error)
    if problem.status >= 500:
        log.error("api.failed", code=problem.code, error=type(error).__name__, exc_info=error)
    return JsonResponse(
        _document(problem),
        status=problem.status,
        content_type=MEDIA_TYPE,
        headers={"Cache-Control": "no-store", **problem.headers},
    )


def document_of(error: ApprovalsError) -> dict[str, Any]:
    """Returns the problem document of a refusal, for the OpenAPI document's examples."""
    return _document(_of_domain(error))


def document_of_status(status: int, detail: str = "") -> dict[str, Any]:
    """Returns the problem document of an error of which only the HTTP status is known."""
    phrase = HTTPStatus(status).phrase
    return _document(Problem(CODES.get(status, "refused"), status, phrase, detail or phrase))


def _document(problem: Problem) -> dict[str, Any]:
    # A refusal's extra may have the name of one of RFC 9457's members, as a review's `status`.
    extra = {(f"review_{key}" if key in RESERVED else key): v for key, v in problem.extra.items()}
    body = {
        "type": f"urn:countersign:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
    }
    return body | extra


def _problem_of(error: Exception) -> Problem:
    if isinstance(error, exceptions.ValidationError):
        return _of_domain(_invalid(error))
    if isinstance(error, exceptions.APIException):
        return _of_framework(error)
    return _of_domain(_translated(error))


def _translated(error: Exception) -> ApprovalsError:
    """Returns the refusal that an exception becomes, InternalError by default."""
    if isinstance(error, ApprovalsError):
        return error
    for kinds, refusal in TRANSLATIONS.items():
        if isinstance(error, kinds):
            return refusal
    return InternalError()


def _of_domain(error: ApprovalsError) -> Problem:
    return Problem(
        code=error.code,
        status=error.status,
        title=(type(error).__doc__ or error.message).split(". ")[0].rstrip("."),
        detail=error.message,
        extra=error.extra,
        headers=_retry_after(error),
    )


def _retry_after(error: ApprovalsError) -> dict[str, str]:
    """Returns the Retry-After header, in seconds, of a refusal that is temporary."""
    after = error.extra.get("retry_after", RETRY_AFTER if error.status == 503 else None)
    return {} if after is None else {"Retry-After": str(after)}


def _of_framework(error: exceptions.APIException) -> Problem:
    status = 422 if isinstance(error, exceptions.ParseError) else error.status_code
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    return Problem(
        code=CODES.get(status, "refused"),
        status=status,
        title=HTTPStatus(status).phrase,
        detail=str(error.detail),
        headers=headers,
    )


def _invalid(error: exceptions.ValidationError) -> Invalid:
    """Returns the first error as `detail` and `pointer`, and all of them, at most MAX_ERRORS, as `errors`."""
    found = list(_places(error.detail))[:MAX_ERRORS]
    if not found:
        return Invalid()
    return Invalid(found[0]["detail"], pointer=found[0]["pointer"], errors=found)


def _places(detail: Any, pointer: str = "") -> Iterator[dict[str, str]]:
    """Yields each message of DRF's nested error details with the JSON Pointer of its place."""
    if isinstance(detail, dict):
        for key, inner in detail.items():
            # An error of an object as a whole is placed at the object.
            step = "" if key == "non_field_errors" else f"/{escaped(str(key))}"
            yield from _places(inner, pointer + step)
    elif isinstance(detail, list):
        for inner in detail:
            yield from _places(inner, pointer)
    else:
        yield {"pointer": pointer, "detail": str(detail)}


def escaped(step: str) -> str:
    """Returns one escaped step of a JSON Pointer (RFC 6901), cut to 100 characters."""
    return step[:100].replace("~", "~0").replace("/", "~1")
