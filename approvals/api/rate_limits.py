"""Who is counted: tokens and webhook secrets each by themselves, whoever has neither by their address."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from approvals.models import ApiToken, WebhookSecret
from approvals.records import rate_limits


class PerCaller(BaseThrottle):
    """`API_RATE_PER_MINUTE` requests a token, and as many an address without a good one; 0 counts nothing."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count the request. Raises Throttled where the allowance is used up."""
        if not isinstance(request.auth, ApiToken):
            count_stranger(request)
        elif settings.API_RATE_PER_MINUTE:
            rate_limits.take(
                # A part of the digest is enough to tell tokens apart, and too little to check one by.
                f"token:{request.auth.digest[:32]}",
                per_minute=settings.API_RATE_PER_MINUTE,
            )
        return True


def count_signer(secret: WebhookSecret) -> None:
    """Count a signed webhook call, by the secret that signed it. Raises Throttled."""
    if settings.API_RATE_PER_MINUTE:
        rate_limits.take(f"webhook:{secret.pk}", per_minute=settings.API_RATE_PER_MINUTE)


def count_stranger(request: Request) -> None:
    """Count a request that nobody has signed, by its address. Raises Throttled."""
    if settings.API_RATE_PER_MINUTE:
        rate_limits.take(f"address:{address(request)}", per_minute=settings.API_RATE_PER_MINUTE)


def address(request: Request) -> str:
    """Where a request comes from, as far as a proxy of ours vouches for it; of IPv6, the /64.

    Each of the ALLAUTH_TRUSTED_PROXY_COUNT proxies appends the address that called it; what stands
    before those is the caller's own word.
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
        # One line of a provider's is a whole /64: whoever has it changes address at will.
        return str(mapped or ipaddress.ip_network((int(found), 64), strict=False))
    return str(found)


def _without_port(seen: str) -> str:
    """Some proxies append the port: `192.0.2.1:5000`, `[2001:db8::1]:5000`."""
    if seen.startswith("["):
        return seen[1:].split("]", 1)[0]
    return seen.split(":", 1)[0] if seen.count(":") == 1 else seen
