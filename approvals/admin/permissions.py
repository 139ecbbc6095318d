"""Permissions of the user on the admin site: the answers of `policy`, asked for once a request."""

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
class Permissions:
    """What a user may look at and do on the admin site."""

    operates: bool = False
    inspects: bool = False
    sees_orders: bool = False
    has_queues: bool = False

    @property
    def enters(self) -> bool:
        """Whether any page is open to them: to operators, auditors and members of queues."""
        return self.inspects or self.has_queues


NOTHING = Permissions()


def actor(request: HttpRequest) -> Actor:
    """The signed-in user, through the admin site."""
    return Actor(cast("User", request.user), Surface.ADMIN, signed_in=SIGNED_IN)


def permissions(request: HttpRequest) -> Permissions:
    """The permissions of the user of this request."""
    granted: Permissions | None = getattr(request, "admin_permissions", None)
    if granted is None:
        granted = _of(actor(request)) if request.user.is_authenticated else NOTHING
        request.admin_permissions = granted  # type: ignore[attr-defined]
    return granted


def ensure_operator(request: HttpRequest) -> None:
    """Raise PermissionDenied for a user who is no operator; the verb checks again under its lock."""
    if not permissions(request).operates:
        raise PermissionDenied


def _of(by: Actor) -> Permissions:
    def has(action: Action) -> bool:
        return policy.may(action, None, by=by).allowed

    return Permissions(
        operates=has(Action.OPERATE),
        inspects=has(Action.INSPECT),
        sees_orders=has(Action.SEE_ORDERS),
        has_queues=policy.visible_queues(by).exists(),
    )
