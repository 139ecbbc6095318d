"""Who enters the admin site, and what they may do there: what `policy` says, asked once a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from approvals import policy
from approvals.models import User
from approvals.models.choices import Surface

SURFACE = Surface.ADMIN
SIGNED_IN = "password"


@dataclass(frozen=True)
class Rights:
    """What whoever asks may look at and do."""

    operates: bool = False
    inspects: bool = False
    sees_orders: bool = False
    has_queues: bool = False

    @property
    def enters(self) -> bool:
        """Operators, auditors, and the members of queues."""
        return self.inspects or self.has_queues


NOBODY = Rights()


def actor(request: HttpRequest) -> User:
    """Who acts; behind the site's door everybody has signed in."""
    return cast("User", request.user)


def rights(request: HttpRequest) -> Rights:
    """The rights of whoever sent this request."""
    known: Rights | None = getattr(request, "admin_rights", None)
    if known is None:
        known = _ask(actor(request)) if request.user.is_authenticated else NOBODY
        request.admin_rights = known  # type: ignore[attr-defined]
    return known


def ensure_operator(request: HttpRequest) -> None:
    """Raise PermissionDenied for everybody else; the verb behind the page checks again, by itself."""
    if not rights(request).operates:
        raise PermissionDenied


def _ask(user: User) -> Rights:
    def has(right: str) -> bool:
        return policy.may(right, None, user, SURFACE).allowed

    return Rights(
        operates=has(policy.OPERATE),
        inspects=has(policy.INSPECT),
        sees_orders=has(policy.SEE_ORDERS),
        has_queues=policy.visible_queues(user).exists(),
    )
