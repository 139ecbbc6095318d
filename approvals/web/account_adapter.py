"""allauth's settings in code: nobody signs up; an operator makes the accounts (`grant --create`)."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest


class ClosedAccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth without sign-up, and with rate limits also for clients whose address is not known."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never: an account is made by an operator, with a role."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address by which sign-in attempts are limited: the client's, as our own proxy names it.

        If the proxy names none, it is the proxy's own, so such clients share one limit.
        """
        try:
            return str(super().get_client_ip(request))
        except PermissionDenied:
            return str(request.META.get("REMOTE_ADDR") or "unknown")
