"""Counts attempts to sign in, and recognises devices on which an account has signed in before.

An attempt is counted by its address and its account. One from a known device is counted by the device
instead, so that nobody else's failures shut it out. A device is known by a signed cookie, which holds a
random number for each account that has signed in there. It gives no right but a limit of its own.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import wraps
from typing import cast

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.crypto import salted_hmac

from approvals.exceptions import Throttled
from approvals.records import sign_in_limits
from approvals.records.sign_in_limits import Limit

View = Callable[..., HttpResponse]
ACCOUNTS_OF_A_DEVICE = 10  # the newest are kept, so that the cookie stays small
_SALT = "countersign.devices"


def limited(count: Callable[[HttpRequest], None] | None = None) -> Callable[[View], View]:
    """Makes a view answer what its limits refuse with a page, status 429 and Retry-After.

    `count` counts each POST request; it raises Throttled, as the view may do itself.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def decorated(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
            try:
                if count and request.method == "POST":
                    count(request)
                return view(request, *args, **kwargs)
            except Throttled as refusal:
                page = render(request, "429.html", status=refusal.status)
                page["Retry-After"] = str(refusal.extra["retry_after"])
                return page

        return decorated

    return decorate


def count_attempt(request: HttpRequest, email: str, address: str) -> list[tuple[Limit, str]]:
    """Count an attempt to sign in, before the password is checked, so that parallel ones are counted too.

    Returns what `succeeded` gives back. Raises Throttled.
    """
    account = account_key(email)
    if device := _device(request, account):
        own = f"{account}:{device}"
        sign_in_limits.count(sign_in_limits.DEVICE_ATTEMPTS, own)
        failures = [(sign_in_limits.DEVICE_FAILURES, own)]
    else:
        sign_in_limits.count(sign_in_limits.ADDRESS_ATTEMPTS, address)
        failures = [
            (sign_in_limits.ADDRESS_FAILURES, address),
            (sign_in_limits.ACCOUNT_FAILURES, account),
        ]
    for limit, whom in failures:
        sign_in_limits.count(limit, whom)
    return failures


def succeeded(counted: list[tuple[Limit, str]]) -> None:
    """Give back what `count_attempt` has counted as a failure."""
    for limit, whom in counted:
        sign_in_limits.give_back(limit, whom)


def remember_device(request: HttpRequest, response: HttpResponse, email: str) -> None:
    """Make this device known for an account that has signed in on it."""
    account = account_key(email)
    devices = _devices(request)
    own = devices.pop(account, None) or secrets.token_urlsafe(16)
    kept = list(devices.items())[1 - ACCOUNTS_OF_A_DEVICE :]
    response.set_cookie(
        settings.DEVICE_COOKIE_NAME,
        signing.dumps(dict([*kept, (account, own)]), salt=_SALT),
        max_age=settings.DEVICE_COOKIE_AGE,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def account_key(email: str) -> str:
    """A name of an account for counters and cookies; without our key it gives no e-mail address away."""
    normal = email.strip().lower()
    return salted_hmac(_SALT, normal, algorithm="sha256").hexdigest()[:32]


def _device(request: HttpRequest, account: str) -> str | None:
    """The number of this device if the account has signed in on it, or is signed in now."""
    if known := _devices(request).get(account):
        return known
    user = request.user
    is_own = user.is_authenticated and account_key(user.email) == account
    return "session" if is_own else None


def _devices(request: HttpRequest) -> dict[str, str]:
    """The accounts that have signed in on this device, each with its number; empty for a forged cookie."""
    cookie = request.COOKIES.get(settings.DEVICE_COOKIE_NAME, "")
    try:
        found = signing.loads(cookie, salt=_SALT, max_age=settings.DEVICE_COOKIE_AGE)
    except signing.BadSignature:
        return {}
    return cast("dict[str, str]", found)
