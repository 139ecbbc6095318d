"""What every endpoint of the API does alike: speak JSON only, check what comes in, forbid caching."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, ClassVar, TypeVar, cast

from rest_framework.exceptions import AuthenticationFailed, ValidationError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from approvals.actors import Actor
from approvals.api import request_headers
from approvals.api.authentication import Scope
from approvals.api.rate_limits import PerCaller
from approvals.exceptions import Invalid, NotFound
from approvals.models import ApiToken, User
from approvals.models.decisions import Surface
from approvals.records import idempotency

LONGEST_REQUEST = 600  # characters that a stored idempotency key keeps of a request
Shape = TypeVar("Shape", bound="Any")
Result = TypeVar("Result")


def media_type(request: Request) -> str:
    """The body's media type without its parameters, in lower case; empty where none is named."""
    return (request.content_type or "").split(";")[0].strip().lower()


def is_json(request: Request) -> bool:
    """Whether the body is JSON by its Content-Type."""
    return media_type(request) == "application/json"


class OnlyJSON(BaseContentNegotiation):
    """The API has one language, so what Accept or `?format=` wish for is no reason to refuse."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        """The parser of the body's media type; None makes it a 415."""
        named = media_type(request)
        return next((parser for parser in parsers if parser.media_type == named), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """JSON."""
        only = next(iter(renderers))
        return only, only.media_type or ""


class Endpoint(APIView):
    """A view of the API. `changes_need` is the scope that its changing methods ask of a token."""

    changes_need: ClassVar[str] = Scope.DECIDE
    content_negotiation_class = OnlyJSON
    http_method_names = ["get", "head", "post", "options"]
    throttle_classes = [PerCaller]

    _key: str | None = None
    _body_sha256: bytes = b""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, then refuse what PostgreSQL could not even compare with."""
        if request.method == "OPTIONS":
            return  # the schema says as much, to everybody
        super().initial(request, *args, **kwargs)
        for name, values in request.query_params.lists():
            if any("\0" in text for text in [name, *values]):
                raise Invalid("A parameter holds the NUL character.", parameter=name[:100])
        if any(isinstance(value, str) and "\0" in value for value in kwargs.values()):
            raise NotFound
        self._key = request_headers.idempotency_key(request) if request.method == "POST" else None
        if self._key is not None:  # the bytes, before a parser has used them up
            self._body_sha256 = hashlib.sha256(request.body).digest()

    def perform_authentication(self, request: Request) -> None:
        """Authenticate and count: also whoever cannot, so that trying tokens has its limit."""
        try:
            super().perform_authentication(request)
        except AuthenticationFailed:
            super().check_throttles(request)
            raise
        super().check_throttles(request)

    def check_throttles(self, request: Request) -> None:
        """Nothing more: `perform_authentication` has counted the request."""

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """Which methods there are, in Allow."""
        return Response(status=204)

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        """Answers hold what one person may see: nobody stores them."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer

    @property
    def caller(self) -> User:
        """The user whose token this is."""
        return cast("User", self.request.user)

    @cached_property
    def actor(self) -> Actor:
        """The caller, through the API, with the name of the token they signed in with."""
        name = cast("ApiToken", self.request.auth).name
        return Actor(self.caller, Surface.API, signed_in=f"token:{name}")

    def idempotency_key(self, status: int = 200) -> idempotency.Key | None:
        """What the verb is given to act once under the request's Idempotency-Key; None without one.

        `status` is that of the answer if all goes well.
        """
        if self._key is None:
            return None
        request = f"{self.request.method} {self.request.get_full_path()}"
        if len(request) > LONGEST_REQUEST:  # filters may be long in percent-encoding
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

        Where the same request has been carried out before, the verb changes nothing and `repeat` makes
        the result, from the id of the row that the first response showed. `status` is that of the
        first response, which a repeated request gets again.
        """
        try:
            return verb(by=self.actor, key=self.idempotency_key(status))
        except idempotency.AlreadyAnswered as first:
            return repeat(first)

    def body(self, shape: type[Shape]) -> dict[str, Any]:
        """The request's body in this shape. Raises Invalid with a JSON Pointer."""
        given = shape(data=self.request.data)
        given.is_valid(raise_exception=True)
        return cast("dict[str, Any]", given.validated_data)

    def query(self, shape: type[Shape]) -> dict[str, Any]:
        """The query parameters in this shape, empty ones left out. Raises Invalid with `parameter`."""
        parameters = self.request.query_params
        for name, values in parameters.lists():
            if len(values) > 1:
                raise Invalid("This parameter is given twice.", parameter=name[:100])
        given = shape(data={name: text for name, text in parameters.items() if text != ""})
        try:
            given.is_valid(raise_exception=True)
        except ValidationError as error:
            name, reasons = next(iter(cast("dict[str, list[str]]", error.detail).items()))
            raise Invalid(str(reasons[0]), parameter=str(name)[:100]) from None
        return cast("dict[str, Any]", given.validated_data)
