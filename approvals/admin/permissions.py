"""Permissions of the user on the admin site: the answers of `policy`, asked for once a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from approvals import policy, visibility
from approvals.actors import Actor
from approvals.models import User
from approvals.models.choices import Surface
from approvals.policy import Action
from approvals.records import rights

SIGNED_IN = "password"


@dataclass(frozen=True)
class Permissions:
    """What a user may look at and do on the admin site."""

    operates: bool = False
    inspects: bool = False
    sees_orders: bool = False
    queues: frozenset[UUID] = frozenset()  # in which they have a role
    time_zone: str = "UTC"

    @property
    def has_queues(self) -> bool:
        """Whether they have a role in a queue."""
        return bool(self.queues)

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
    """Two statements: the rights outside queues, and the queues with the person's time zone."""
    user = cast("User", by.user)
    held = rights.read(user, None)

    def has(action: Action) -> bool:
        return policy.may(action, None, by=by, held=held).allowed

    theirs = visibility.visible_queues(by).order_by().values("pk")
    found = User.objects.filter(pk=user.pk).values_list(
        ArraySubquery(theirs), "preference__time_zone"
    )
    queues, zone = found.get()
    return Permissions(
        operates=has(Action.OPERATE),
        inspects=has(Action.INSPECT),
        sees_orders=has(Action.SEE_ORDERS),
        queues=frozenset(queues),
        time_zone=zone or "UTC",
    )
