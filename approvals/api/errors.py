"""Refusals as problem documents (RFC 9457): every error of the API leaves through `problem`.

A client matches on `code`, which is stable; titles and details are for people.
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
RETRY_AFTER = 5  # seconds: a database's failover takes longer, but a client should notice its end
MOST_ERRORS = 20
RESERVED = {"type", "title", "status", "detail", "code"}


class TooLarge(ApprovalsError):
    """The request is larger than this service accepts."""

    code = "too_large"
    status = 413


class InternalError(ApprovalsError):
    """Something went wrong here; it has been logged."""

    code = "internal_error"
    status = 500


# DRF's own refusals, by their HTTP status, in the words of the contract.
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

# What exceptions from elsewhere mean, the first that fits.
MEANT: dict[type[Exception] | tuple[type[Exception], ...], ApprovalsError] = {
    Http404: NotFound(),
    PermissionDenied: NotAllowed(),
    RequestDataTooBig: TooLarge(),
    UnreadablePostError: Invalid("The body ended before it was whole.", pointer=""),
    SuspiciousOperation: Invalid(),
    (OperationalError, InterfaceError): Unavailable(
        "The database cannot be reached right now; try again shortly."
    ),
    DataError: Invalid("The request holds a value that cannot be stored."),
}


@dataclass(frozen=True)
class Problem:
    """What a problem document says, and the headers that go with it."""

    code: str
    status: int
    title: str
    detail: str
    extra: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


def problem(error: Exception, context: Mapping[str, Any]) -> JsonResponse:
    """Answer any exception of an API view; nothing unforeseen is told, only logged."""
    told = _read(error)
    if told.status >= 500:
        log.error("api.failed", code=told.code, error=type(error).__name__, exc_info=error)
    return JsonResponse(
        _document(told),
        status=told.status,
        content_type=MEDIA_TYPE,
        headers={"Cache-Control": "no-store", **told.headers},
    )


def example(error: ApprovalsError) -> dict[str, Any]:
    """The document that tells this refusal, for the pages that describe the API."""
    return _document(_of_domain(error))


def of_status(status: int, detail: str = "") -> dict[str, Any]:
    """The document for a refusal of which only the HTTP status is known."""
    phrase = HTTPStatus(status).phrase
    return _document(Problem(CODES.get(status, "refused"), status, phrase, detail or phrase))


def _document(told: Problem) -> dict[str, Any]:
    # A verb's extra may be called like one of RFC 9457's own members, as a review's `status` is.
    extra = {(f"review_{key}" if key in RESERVED else key): v for key, v in told.extra.items()}
    body = {
        "type": f"urn:countersign:problem:{told.code}",
        "title": told.title,
        "status": told.status,
        "detail": told.detail,
        "code": told.code,
    }
    return body | extra


def _read(error: Exception) -> Problem:
    if isinstance(error, exceptions.ValidationError):
        return _of_domain(_invalid(error))
    if isinstance(error, exceptions.APIException):
        return _of_framework(error)
    return _of_domain(_translated(error))


def _translated(error: Exception) -> ApprovalsError:
    """The refusal of ours that says what an exception from elsewhere means."""
    if isinstance(error, ApprovalsError):
        return error
    for kinds, meant in MEANT.items():
        if isinstance(error, kinds):
            return meant
    return InternalError()


def _of_domain(error: ApprovalsError) -> Problem:
    return Problem(
        code=error.code,
        status=error.status,
        title=(type(error).__doc__ or error.message).split(". ")[0].rstrip("."),
        detail=error.message,
        extra=error.extra,
        headers=_when_to_return(error),
    )


def _when_to_return(error: ApprovalsError) -> dict[str, str]:
    """The Retry-After of a refusal that passes, in seconds."""
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
    """The first thing that is wrong as `detail` and `pointer`, all of them as `errors`."""
    found = list(_places(error.detail))[:MOST_ERRORS]
    if not found:
        return Invalid()
    return Invalid(found[0]["detail"], pointer=found[0]["pointer"], errors=found)


def _places(detail: Any, pointer: str = "") -> Iterator[dict[str, str]]:
    if isinstance(detail, dict):
        for key, inner in detail.items():
            # What is wrong with an object as a whole belongs to the object, not to a member of it.
            step = "" if key == "non_field_errors" else f"/{escaped(str(key))}"
            yield from _places(inner, pointer + step)
    elif isinstance(detail, list):
        for inner in detail:
            yield from _places(inner, pointer)
    else:
        yield {"pointer": pointer, "detail": str(detail)}


def escaped(step: str) -> str:
    """One step of a JSON Pointer (RFC 6901), not longer than a reader would want to see."""
    return step[:100].replace("~", "~0").replace("/", "~1")
