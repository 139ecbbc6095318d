"""Who calls, and what their token is good for: bearer tokens only, so no cookie ever acts here."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from knox.auth import TokenAuthentication
from knox.crypto import hash_token
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, BasePermission

from approvals.models import ApiToken, User

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView

Scope = ApiToken.Scope

ALL_RIGHTS = ""  # asked for where no scope reaches: only a token without scopes does

USE_IS_NOTED_EVERY = timedelta(minutes=1)
_HEADER = re.compile(r"Bearer +([\x21-\x7e]{1,200})", re.IGNORECASE)


class BearerAuthentication(TokenAuthentication):  # type: ignore[misc]  # knox has no types
    """`Authorization: Bearer TOKEN`. Unlike knox's own, it deletes no row while it reads."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """The token's user; None where no bearer token is given, AuthenticationFailed for a bad one."""
        header = request.META.get("HTTP_AUTHORIZATION", "")
        if not header.lower().startswith("bearer"):
            return None
        match = _HEADER.fullmatch(header.strip(" "))
        if match is None:
            raise AuthenticationFailed("The Authorization header is not `Bearer TOKEN`.")
        user, token = self.authenticate_credentials(match[1].encode())
        return user, token

    def authenticate_credentials(self, token: bytes) -> tuple[User, ApiToken]:
        """The token with this digest, neither expired nor revoked, of a user who is active."""
        known = (
            ApiToken.objects.select_related("user")
            .filter(Q(expiry=None) | Q(expiry__gt=Now()), revoked_at=None)
            .filter(digest=hash_token(token.decode()))
            .first()
        )
        if known is None or not known.user.is_active:
            raise AuthenticationFailed("This token is unknown, has expired or was revoked.")
        _note_use(known)
        return known.user, known

    def authenticate_header(self, request: Request) -> str:
        """The challenge that comes with a 401."""
        return "Bearer"


def _note_use(token: ApiToken) -> None:
    """When a token was last used is no state, so a GET may write it; once a minute is enough."""
    long_ago = timezone.now() - USE_IS_NOTED_EVERY
    if token.last_used_at is None or token.last_used_at < long_ago:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=Now())


class HasScope(BasePermission):
    """Signed in, with a token whose scopes reach this far; a token without scopes reaches everywhere."""

    message = "This token may not be used for that."

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Reading needs `read`; a change needs what its view names, `decide` unless it says otherwise."""
        token: Any = request.auth
        if not isinstance(token, ApiToken):
            return False
        changes: str = getattr(view, "changes_need", Scope.DECIDE)
        needed = Scope.READ if request.method in SAFE_METHODS else changes
        self.message = (
            f"This needs a token {f'with the scope {needed}' if needed else 'without scopes'}."
        )
        return not token.scopes or needed in token.scopes
