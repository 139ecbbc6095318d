"""Preferences: a person's own settings of the desk. Not audited: they change nothing for anybody else."""

from __future__ import annotations

from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django.db import transaction

from approvals.actors import Actor, ensure_user
from approvals.exceptions import Invalid, NotAllowed
from approvals.models import Preference

UTC = "UTC"


@cache
def time_zones() -> tuple[str, ...]:
    """The names of the time zones that may be chosen: UTC, then places such as `Europe/Berlin`."""
    left_out = ("Etc/", "SystemV/", "posix/", "right/")
    places = {name for name in available_timezones() if "/" in name}
    return (UTC, *sorted(name for name in places if not name.startswith(left_out)))


@transaction.atomic(durable=True)
def save(*, by: Actor, **values: Any) -> Preference:
    """Store these of the actor's settings (Preference.SETTINGS); the others stay.

    Raises NotAllowed for an actor who is no active user, Invalid for a value that cannot be chosen.
    """
    user = ensure_user(by)
    if not user.is_active:
        raise NotAllowed("Only an active user has settings.")
    if unknown := set(values) - set(Preference.SETTINGS):
        raise TypeError(f"no setting {min(unknown)!r}")
    _check(values)
    stored, _ = Preference.objects.update_or_create(user=user, defaults=values)
    return stored


def _check(values: dict[str, Any]) -> None:
    """Raise Invalid for a value that cannot be chosen."""
    if values.get("time_zone", UTC) not in time_zones():
        raise Invalid("No such time zone: choose one of the list.", pointer="/time_zone")
    if values.get("theme", Preference.Theme.SYSTEM) not in Preference.Theme.values:
        raise Invalid(f"The theme is {', '.join(Preference.Theme.values)}.", pointer="/theme")
    if values.get("density", Preference.Density.COMPACT) not in Preference.Density.values:
        raise Invalid(f"The density is {', '.join(Preference.Density.values)}.", pointer="/density")
    seconds = values.get("undo_seconds")
    if seconds is not None and not 0 <= seconds <= 3_600:
        raise Invalid("The time to undo is 0 to 3,600 seconds.", pointer="/undo_seconds")
