"""A person's own settings."""

from __future__ import annotations

from typing import Any, cast

import pytest

from approvals.actions import preferences
from approvals.actors import SYSTEM
from approvals.exceptions import NotAllowed
from approvals.models import Preference, User
from tests.factories import actor

pytestmark = pytest.mark.django_db


def test_each_has_one_row_and_the_last_choice_counts(alice: User, bob: User) -> None:
    preferences.save(shortcuts=False, auto_advance=True, by=actor(alice))
    preferences.save(shortcuts=True, auto_advance=False, by=actor(alice))
    preferences.save(shortcuts=False, auto_advance=False, by=actor(bob))

    stored = Preference.objects.get(user=alice)
    assert (stored.shortcuts, stored.auto_advance) == (True, False)
    assert Preference.objects.count() == 2


def test_only_users_have_settings(db: None) -> None:
    with pytest.raises(NotAllowed):
        preferences.save(shortcuts=True, auto_advance=True, by=SYSTEM)
    with pytest.raises(TypeError):
        preferences.save(shortcuts=True, auto_advance=True, by=cast("Any", None))
