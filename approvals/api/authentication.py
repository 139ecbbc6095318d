"""Bearer tokens and their scopes. The API accepts no cookies."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models.functions import Now
from django.utils import timezone
from knox.auth import TokenAuthentication
from knox.crypto import hash_token
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, BasePermission

from approvals.models import ApiToken, User
from approvals.records import api_tokens, rate_limits
from config.client_limits import authenticated

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView

Scope = ApiToken.Scope

NO_SCOPE = (
    ""  # the `write_scope` of views that take only a token without scopes, which may do everything
)

LAST_USED_ACCURACY = timedelta(minutes=1)
_HEADER = re.compile(r"Bearer +([\x21-\x7e]{1,200})", re.IGNORECASE)


class BearerAuthentication(TokenAuthentication):  # type: ignore[misc]  # knox has no types
    """Authenticates `Authorization: Bearer TOKEN`. Unlike knox's own class, it deletes no expired tokens."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """Returns the user and the token, None if there is none. Raises AuthenticationFailed for a bad one."""
        header = request.META.get("HTTP_AUTHORIZATION", "")
        if not header.lower().startswith("bearer"):
            return None
        match = _HEADER.fullmatch(header.strip(" "))
        if match is None:
            raise AuthenticationFailed("The Authorization header is not `Bearer TOKEN`.")
        user, token = self.authenticate_credentials(match[1].encode())
        authenticated(request.META)
        return user, token

    def authenticate_credentials(self, token: bytes) -> tuple[User, ApiToken]:
        """Count a request of this token, and return its active user and the token.

        Raises AuthenticationFailed if it is unknown, expired or revoked, and Throttled if it has
        reached its rate limit.
        """
        limit = settings.API_RATE_PER_MINUTE
        found = api_tokens.valid(hash_token(token.decode()), per_minute=limit)
        if found is None:
            raise AuthenticationFailed("This token is unknown, has expired or was revoked.")
        row, admitted = found
        _record_use(row)
        if not admitted:
            raise rate_limits.throttled(limit)
        return row.user, row

    def authenticate_header(self, request: Request) -> str:
        """Returns the challenge of a 401, for WWW-Authenticate."""
        return "Bearer"


def _record_use(token: ApiToken) -> None:
    """Store when a token was last used, at most once a minute. That is no state, so a GET may write it."""
    before = timezone.now() - LAST_USED_ACCURACY
    if token.last_used_at is None or token.last_used_at < before:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=Now())


class HasScope(BasePermission):
    """Requires a token whose scopes include the one that the request needs; one without scopes may do all."""

    message = "This token may not be used for that."

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Safe methods need the scope `read`, others the view's `write_scope`, `decide` by default."""
        token: Any = request.auth
        if not isinstance(token, ApiToken):
            return False
        write_scope: str = getattr(view, "write_scope", Scope.DECIDE)
        needed = Scope.READ if request.method in SAFE_METHODS else write_scope
        self.message = (
            f"This needs a token {f'with the scope {needed}' if needed else 'without scopes'}."
        )
        return not token.scopes or needed in token.scopes
