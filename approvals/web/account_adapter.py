"""allauth's settings in code: nobody signs up; an operator makes the accounts (`grant --create`).

Every way in passes here, with a password or without, and `policy` alone judges who may sign in.
"""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as request_context
from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.sites.shortcuts import get_current_site
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.http import url_has_allowed_host_and_scheme

from approvals import policy
from approvals.models import User
from approvals.web import outgoing_mail, sign_in_attempts
from config import client_addresses


class ClosedAccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth without sign-up, for people who were invited, with our own limits."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never: an account is made by an operator, with a role."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """The client's address as our own proxies report it, for allauth's own limits.

        If they report none, it is the proxy's own, so such clients share one limit.
        """
        return client_addresses.address(request.META, proxies=settings.ALLAUTH_TRUSTED_PROXY_COUNT)

    def network_of(self, request: HttpRequest) -> str:
        """The client's address, or the /64 network of an IPv6 address: one subscriber has all of it."""
        return client_addresses.network(request.META, proxies=settings.ALLAUTH_TRUSTED_PROXY_COUNT)

    def is_safe_url(self, url: str | None) -> bool:
        """Whether one may be led to an address after signing in: of this host, and no longer than is needed.

        allauth's own brings a host of any length into a normal form, which takes the square of its length
        in time, and fails at a host that is none.
        """
        here = request_context.request.get_host()
        return bool(url_has_allowed_host_and_scheme(url, allowed_hosts={here}))

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Have a mail sent after the response: nobody waits for the mail server, or learns by the wait."""
        request = request_context.request
        about = {"request": request, "email": email, "current_site": get_current_site(request)}
        about |= context
        outgoing_mail.send(self.render_mail(template_prefix, email, about))

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """The user of an e-mail address and a password, None if they do not fit or must not sign in.

        Raises Throttled.
        """
        email = str(credentials.get("email", ""))
        counted = sign_in_attempts.count_attempt(request, email, self.network_of(request))
        user = authenticate(request, **credentials)
        if not isinstance(user, User) or not policy.may_sign_in(user):
            return None
        sign_in_attempts.succeeded(counted)
        return user

    def reauthenticate(self, user: User, password: str) -> bool:
        """Whether this is the password of a user who has signed in. Raises Throttled."""
        return (
            self.authenticate(request_context.request, email=user.email, password=password) == user
        )

    def pre_login(self, request: HttpRequest, user: User, **login: Any) -> HttpResponse | None:
        """The page for those who must not sign in, before anything else is asked of them."""
        if not policy.may_sign_in(user):
            refused: HttpResponse = self.respond_user_inactive(request, user)
            return refused
        page: HttpResponse | None = super().pre_login(request, user, **login)
        return page

    def login(self, request: HttpRequest, user: User) -> None:
        """Begin a session. Raises PermissionDenied for those who must not sign in."""
        if not policy.may_sign_in(user):
            raise PermissionDenied
        super().login(request, user)

    def post_login(self, request: HttpRequest, user: User, **login: Any) -> HttpResponse:
        """Where to go after signing in; the device is known from now on."""
        response: HttpResponse = super().post_login(request, user, **login)
        sign_in_attempts.remember_device(request, response, user.email)
        return response

    def set_password(self, user: User, password: str) -> None:
        """Store a password. Raises PermissionDenied for accounts that may have none."""
        if not policy.may_have_password(user):
            raise PermissionDenied
        super().set_password(user, password)
