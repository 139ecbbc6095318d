"""Actors: verbs take one as `by`, policy checks it, and the audit trail records it."""

from __future__ import annotations

from dataclasses import dataclass

from approvals.exceptions import NotAllowed
from approvals.models import User
from approvals.models.choices import Surface

SYSTEM_NAME = "system"


@dataclass(frozen=True)
class Actor:
    """A user acting through a surface, or one of the constants below, which have no user.

    `signed_in` is how the user authenticated, such as `password` or `token:<name>`; `on_behalf_of` is
    the user in whose place they act. Both are empty for actors without a user.
    """

    user: User | None
    surface: Surface
    signed_in: str = ""
    on_behalf_of: User | None = None

    @property
    def name(self) -> str:
        """The user's e-mail address, or `system`."""
        return self.user.email if self.user else SYSTEM_NAME

    @property
    def person(self) -> User:
        """The user. Raises TypeError for an actor without one, which cannot claim, vote or comment."""
        if self.user is None:
            raise TypeError(f"{self} is no user")
        return self.user

    def __str__(self) -> str:
        return f"{self.name} ({self.surface})"


def ensure_actor(by: object) -> Actor:
    """Return the actor. Raises TypeError for anything else, such as None: whoever acts is always named."""
    if not isinstance(by, Actor):
        raise TypeError(f"by must be an Actor, not {type(by).__name__}")
    return by


def ensure_user(by: object) -> User:
    """Return the user who acts. Raises TypeError for no Actor, NotAllowed for one without a user."""
    user = ensure_actor(by).user
    if user is None:
        raise NotAllowed("Only a user may do this.")
    return user


SYSTEM = Actor(None, Surface.SYSTEM)  # the worker: deadlines, reconciliation, delivery
MESSAGE_QUEUE = Actor(None, Surface.QUEUE)  # intake: a message that came from SQS
COMMAND_LINE = Actor(None, Surface.COMMAND)  # a management command: it may do what an operator may
