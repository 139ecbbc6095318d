"""Who enters the admin site, and what they may do there: what `policy` says, asked once a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from approvals import policy
from approvals.actors import Actor
from approvals.models import User
from approvals.models.choices import Surface
from approvals.policy import Action

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


def actor(request: HttpRequest) -> Actor:
    """The signed-in user, through the admin site."""
    return Actor(cast("User", request.user), Surface.ADMIN, signed_in=SIGNED_IN)


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


def _ask(by: Actor) -> Rights:
    def has(action: Action) -> bool:
        return policy.may(action, None, by=by).allowed

    return Rights(
        operates=has(Action.OPERATE),
        inspects=has(Action.INSPECT),
        sees_orders=has(Action.SEE_ORDERS),
        has_queues=policy.visible_queues(by).exists(),
    )
