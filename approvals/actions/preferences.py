"""Preferences: a person's own settings of the desk. Not audited: they change nothing for anybody else."""

from __future__ import annotations

from django.db import transaction

from approvals.actors import Actor
from approvals.exceptions import NotAllowed
from approvals.models import Preference


@transaction.atomic(durable=True)
def save(*, shortcuts: bool, auto_advance: bool, by: Actor) -> Preference:
    """Store the actor's settings. Raises NotAllowed for an actor who is no active user."""
    if not isinstance(by, Actor):
        raise TypeError(f"by must be an Actor, not {type(by).__name__}")
    if by.user is None or not by.user.is_active:
        raise NotAllowed("Only a user has settings.")
    values = {"shortcuts": shortcuts, "auto_advance": auto_advance}
    stored, _ = Preference.objects.update_or_create(user=by.user, defaults=values)
    return stored
