"""A person's own settings."""

from __future__ import annotations

from typing import Any, cast

import pytest

from approvals.actions import people, preferences
from approvals.actors import COMMAND_LINE, SYSTEM
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


def test_who_was_deactivated_has_no_settings(alice: User) -> None:
    people.deactivate(alice, by=COMMAND_LINE)

    with pytest.raises(NotAllowed, match="active"):
        preferences.save(shortcuts=True, by=actor(User.objects.get(pk=alice.pk)))
    assert not Preference.objects.exists()


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("time_zone", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"]),
        ("theme", ["system", "light", "dark"]),
        ("density", ["comfortable", "compact"]),
        ("undo_seconds", [0, 1, 3_600, None]),
    ],
)
def test_each_value_that_can_be_chosen_is_stored(
    alice: User, name: str, values: list[object]
) -> None:
    for value in values:
        preferences.save(by=actor(alice), **{name: value})
        assert getattr(Preference.objects.get(), name) == value


def test_the_time_zones_are_utc_and_places_in_order() -> None:
    zones = preferences.time_zones()

    assert zones[0] == "UTC"
    assert list(zones[1:]) == sorted(zones[1:])
    assert {"Europe/Berlin", "Asia/Tokyo"} < set(zones)
    assert not {"Etc/GMT+1", "posix/Europe/Berlin", "CET", "GMT"} & set(zones)
    assert preferences.time_zones() is zones, "the files are read once"


@pytest.mark.parametrize(
    "wrong",
    [
        {"time_zone": "Mars/Olympus"},
        {"theme": "x"},
        {"density": "x"},
        {"undo_seconds": -1},
        {"undo_seconds": 3_601},
    ],
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
