"""Rate limits of the API: of a webhook secret, and of an address; that of a token is taken with its check."""

from __future__ import annotations

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from approvals.models import ApiToken, WebhookSecret
from approvals.records import rate_limits
from config import client_addresses


class CallerRateLimit(BaseThrottle):
    """`API_RATE_PER_MINUTE` requests an address without a valid token; 0 is no limit.

    Requests with a valid token are counted by the token, when `BearerAuthentication` looks it up.
    """

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count the request and return True. Raises Throttled if the limit is reached."""
        if not isinstance(request.auth, ApiToken):
            count_address(request)
        return True


def count_webhook_secret(secret: WebhookSecret) -> None:
    """Count a signed webhook request by the secret that signed it. Raises Throttled."""
    if settings.API_RATE_PER_MINUTE:
        rate_limits.take(f"webhook:{secret.pk}", per_minute=settings.API_RATE_PER_MINUTE)


def count_address(request: Request) -> None:
    """Count a request without a valid token or signature by its address. Raises Throttled."""
    if settings.API_RATE_PER_MINUTE:
        rate_limits.take(f"address:{address(request)}", per_minute=settings.API_RATE_PER_MINUTE)


def address(request: Request) -> str:
    """Returns the client's address as our own proxies report it; for IPv6 its /64 network."""
    return client_addresses.network(request.META, proxies=settings.ALLAUTH_TRUSTED_PROXY_COUNT)
