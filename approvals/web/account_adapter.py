"""Accounts: nobody signs up by themselves; `grant --create` makes people."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest


class ClosedAccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth with its sign-up door shut, and nobody locked out for want of an address."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never: an account is made by an operator, with a role."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Whose attempts are counted together: the caller's address as our own proxy names it.

        Where it names none, all such callers share the count of the proxy.
        """
        try:
            return str(super().get_client_ip(request))
        except PermissionDenied:
            return str(request.META.get("REMOTE_ADDR") or "unknown")
