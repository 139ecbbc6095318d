"""A person's own settings."""

from __future__ import annotations

from typing import Any, cast

import pytest

from approvals.actions import preferences
from approvals.actors import SYSTEM
from approvals.exceptions import Invalid, NotAllowed
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


@pytest.mark.parametrize(
    "wrong",
    [{"time_zone": "Mars/Olympus"}, {"theme": "x"}, {"density": "x"}, {"undo_seconds": 3_601}],
)
def test_a_value_that_cannot_be_chosen_is_refused(alice: User, wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        preferences.save(by=actor(alice), **wrong)
    assert refused.value.extra == {"pointer": f"/{next(iter(wrong))}"}
    with pytest.raises(TypeError):
        preferences.save(by=actor(alice), colour="red")


def test_what_is_not_given_stays(alice: User) -> None:
    preferences.save(by=actor(alice), time_zone="Europe/Berlin")
    preferences.save(by=actor(alice), undo_seconds=0)
    stored = Preference.objects.get(user=alice)
    assert (stored.time_zone, stored.undo_seconds) == ("Europe/Berlin", 0)
