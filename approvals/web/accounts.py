"""Accounts: nobody signs up by themselves; `grant --create` makes people."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class ClosedAccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth with its sign-up door shut."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never: an account is made by an operator, with a role."""
        return False
