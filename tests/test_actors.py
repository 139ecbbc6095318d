"""Actors: a user on a surface, or one of those that have no user and no right of a person."""

from __future__ import annotations

import pytest

from approvals.actors import COMMAND_LINE, MESSAGE_QUEUE, SYSTEM, Actor
from approvals.models import User
from tests.factories import actor


def test_a_user_is_named_by_the_email_address_and_shown_with_the_surface() -> None:
    alice = actor(User(email="alice@example.com"), "api")

    assert (alice.name, str(alice)) == ("alice@example.com", "alice@example.com (api)")
    assert alice.person.email == "alice@example.com"


@pytest.mark.parametrize(
    ("by", "shown"),
    [
        (SYSTEM, "system (system)"),
        (MESSAGE_QUEUE, "system (queue)"),
        (COMMAND_LINE, "system (command)"),
    ],
)
def test_who_is_no_user_is_the_system_and_cannot_act_as_a_person(by: Actor, shown: str) -> None:
    assert (by.name, str(by)) == ("system", shown)
    with pytest.raises(TypeError, match="is no user"):
        _ = by.person
