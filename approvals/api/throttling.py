"""Who is counted: a token by itself, and whoever comes without a good one by their address."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from approvals.models import ApiToken
from approvals.records import allowances


class PerCaller(BaseThrottle):
    """`API_RATE_PER_MINUTE` requests a token, and as many an address without one; 0 counts nothing.

    Wrong tokens use up their address's guesses. While none are left, a right token from there is
    refused too: else guessing would go on, the answers telling right from wrong.
    """

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count the request. Raises Throttled where the allowance is used up."""
        if not isinstance(request.auth, ApiToken):
            count_stranger(request)
        elif settings.API_RATE_PER_MINUTE:
            allowances.take(
                # A part of the digest is enough to tell tokens apart, and too little to check one by.
                f"token:{request.auth.digest[:32]}",
                per_minute=settings.API_RATE_PER_MINUTE,
                unless_spent=_guesses(request),
            )
        return True


def count_stranger(request: Request) -> None:
    """Count a request that nobody has signed, by its address. Raises Throttled."""
    if settings.API_RATE_PER_MINUTE:
        guesses = "HTTP_AUTHORIZATION" in request.META
        name = _guesses(request) if guesses else f"address:{address(request)}"
        allowances.take(name, per_minute=settings.API_RATE_PER_MINUTE)


def _guesses(request: Request) -> str:
    return f"guess:{address(request)}"


def address(request: Request) -> str:
    """Where a request comes from, as far as a proxy of ours vouches for it; of IPv6, the /64.

    Each of the ALLAUTH_TRUSTED_PROXY_COUNT proxies appends the address that called it; what stands
    before those is the caller's own word.
    """
    proxies: int = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    direct: str = request.META.get("REMOTE_ADDR", "")
    seen = hops[-proxies] if 0 < proxies <= len(hops) else direct
    try:
        found = ipaddress.ip_address(seen)
    except ValueError:
        return direct[:100]
    if isinstance(found, ipaddress.IPv6Address):
        mapped = found.ipv4_mapped
        # One line of a provider's is a whole /64: whoever has it changes address at will.
        return str(mapped or ipaddress.ip_network((int(found), 64), strict=False))
    return str(found)
