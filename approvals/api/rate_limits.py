"""Rate limits of the API: of a webhook secret, and of an address; that of a token is taken with its check."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from approvals.models import ApiToken, WebhookSecret
from approvals.records import rate_limits


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
    """Returns the client's address as our own proxies report it; for IPv6 its /64 network.

    Each of the ALLAUTH_TRUSTED_PROXY_COUNT proxies appends the address of its client to
    X-Forwarded-For; entries before those are set by the client and ignored.
    """
    proxies: int = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    direct: str = request.META.get("REMOTE_ADDR", "")
    seen = _without_port(hops[-proxies] if 0 < proxies <= len(hops) else direct)
    try:
        found = ipaddress.ip_address(seen)
    except ValueError:
        return direct[:100]
    if isinstance(found, ipaddress.IPv6Address):
        mapped = found.ipv4_mapped
        # A subscriber is usually assigned a whole /64, and can use any address in it.
        return str(mapped or ipaddress.ip_network((int(found), 64), strict=False))
    return str(found)


def _without_port(seen: str) -> str:
    """Returns the address without the port that some proxies append: `192.0.2.1:5000`, `[2001:db8::1]:5000`."""
    if seen.startswith("["):
        return seen[1:].split("]", 1)[0]
    return seen.split(":", 1)[0] if seen.count(":") == 1 else seen
