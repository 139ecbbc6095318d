"""The base class of the API's endpoints: JSON only, checked input, idempotency keys, no caching."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from functools import cached_property, lru_cache
from typing import Any, ClassVar, TypeVar, cast

from rest_framework.exceptions import AuthenticationFailed, ValidationError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from approvals.actors import Actor
from approvals.api import request_headers
from approvals.api.authentication import Scope
from approvals.api.rate_limits import CallerRateLimit
from approvals.exceptions import Invalid, NotFound
from approvals.models import ApiToken, User
from approvals.models.choices import Surface
from approvals.records import idempotency

MAX_REQUEST_LINE = 600  # characters of method and path that an idempotency key is stored with
Result = TypeVar("Result")


def media_type(request: Request) -> str:
    """Returns the media type of the body without parameters, in lower case; empty if there is none."""
    return (request.content_type or "").split(";")[0].strip().lower()


def is_json(request: Request) -> bool:
    """Returns whether the Content-Type is application/json."""
    return media_type(request) == "application/json"


class JSONOnly(BaseContentNegotiation):
    """Always responds with JSON: Accept and `?format=` are ignored rather than refused."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        """Returns the parser of the body's media type, None for a 415."""
        named = media_type(request)
        return next((parser for parser in parsers if parser.media_type == named), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Returns the JSON renderer."""
        only = next(iter(renderers))
        return only, only.media_type or ""


class Endpoint(APIView):
    """A view of the API. `write_scope` is the scope that a token needs for methods that change state."""

    write_scope: ClassVar[str] = Scope.DECIDE
    content_negotiation_class = JSONOnly
    http_method_names = ["get", "head", "post", "options"]
    throttle_classes = [CallerRateLimit]

    _key: str | None = None
    _body_sha256: bytes = b""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, and refuse the NUL character, which PostgreSQL cannot store or compare."""
        if request.method == "OPTIONS":
            return  # open to everybody, like the schema
        super().initial(request, *args, **kwargs)
        for name, values in request.query_params.lists():
            if any("\0" in text for text in [name, *values]):
                raise Invalid("A parameter holds the NUL character.", parameter=name[:100])
        if any(isinstance(value, str) and "\0" in value for value in kwargs.values()):
            raise NotFound
        self._key = request_headers.idempotency_key(request) if request.method == "POST" else None
        if self._key is not None:  # before a parser consumes the body
            self._body_sha256 = hashlib.sha256(request.body).digest()

    def perform_authentication(self, request: Request) -> None:
        """Authenticate and count the request, a failed one too, so that guessing tokens is limited."""
        try:
            super().perform_authentication(request)
        except AuthenticationFailed:
            super().check_throttles(request)
            raise
        super().check_throttles(request)

    def check_throttles(self, request: Request) -> None:
        """Does nothing: `perform_authentication` has counted the request."""

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """Returns an empty response with the methods in Allow."""
        return Response(status=204)

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        """Forbid caching: a response holds what one user may see."""
        final = super().finalize_response(request, response, *args, **kwargs)
        final.headers.setdefault("Cache-Control", "no-store")
        return final

    @property
    def caller(self) -> User:
        """The user whose token this is."""
        return cast("User", self.request.user)

    @cached_property
    def actor(self) -> Actor:
        """The caller through the API, signed in with the token of this name."""
        name = cast("ApiToken", self.request.auth).name
        return Actor(self.caller, Surface.API, signed_in=f"token:{name}")

    def idempotency_key(self, status: int = 200) -> idempotency.Key | None:
        """Returns the request's Idempotency-Key for a verb, None if the request has none.

        `status` is the status of the response if the verb succeeds.
        """
        if self._key is None:
            return None
        request = f"{self.request.method} {self.request.get_full_path()}"
        if len(request) > MAX_REQUEST_LINE:  # filters can be long in percent-encoding
            request = f"sha256:{hashlib.sha256(request.encode()).hexdigest()}"
        return idempotency.Key(
            principal=f"user:{self.caller.pk}",
            key=self._key,
            request=request,
            body_sha256=self._body_sha256,
            status=status,
        )

    def run_once(
        self,
        verb: Callable[..., Result],
        repeat: Callable[[idempotency.AlreadyAnswered], Result],
        *,
        status: int = 200,
    ) -> Result:
        """Run a verb as the caller, once under the request's Idempotency-Key, and return its result.

        If the same request has been carried out before, the verb changes nothing, and `repeat` makes the
        result from the id of the row that the first response showed. `status` is that of the first
        response; a repeated request gets it again. Raises IdempotencyMismatch and the verb's refusals.
        """
        try:
            return verb(by=self.actor, key=self.idempotency_key(status))
        except idempotency.AlreadyAnswered as first:
            return repeat(first)

    def body(self, serializer: type[Serializer[Any]]) -> dict[str, Any]:
        """Returns the validated body. Raises ValidationError."""
        return _checked(serializer, self.request.data)

    def query(self, serializer: type[Serializer[Any]]) -> dict[str, Any]:
        """Returns the validated query parameters; empty ones count as absent. Raises Invalid."""
        parameters = self.request.query_params
        for name, values in parameters.lists():
            if len(values) > 1:
                raise Invalid("This parameter is given twice.", parameter=name[:100])
        try:
            return _checked(
                serializer, {name: text for name, text in parameters.items() if text != ""}
            )
        except ValidationError as error:
            name, reasons = next(iter(cast("dict[str, list[str]]", error.detail).items()))
            raise Invalid(str(reasons[0]), parameter=str(name)[:100]) from None


@lru_cache(maxsize=64)
def _shared(serializer: type[Serializer[Any]]) -> Serializer[Any]:
    """The one serializer of its class: a new one would copy all its fields, which takes longer than a check."""
    return serializer()


def _checked(serializer: type[Serializer[Any]], data: Any) -> dict[str, Any]:
    """Returns the validated data. Raises ValidationError.

    A check keeps nothing in its serializer, so that all threads share one; the reasons of a refusal are
    those of a serializer of its own.
    """
    try:
        return cast("dict[str, Any]", _shared(serializer).run_validation(data))
    except ValidationError:
        refusing = serializer(data=data)
        refusing.is_valid(raise_exception=True)
        raise
