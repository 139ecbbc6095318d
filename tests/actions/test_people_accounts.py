"""Accounts: they are made, invited, deactivated and reactivated, each with an event of its own."""

from __future__ import annotations

import pytest

from approvals.actions import people
from approvals.actors import COMMAND_LINE
from approvals.exceptions import Invalid
from approvals.models import AuditEvent, User
from approvals.records import audit, audit_verification
from tests import factories

pytestmark = pytest.mark.django_db


def events(user: User) -> list[tuple[str, dict[str, object]]]:
    """The kinds and data of an account's events; its chain must hold."""
    chain = audit.chain(user)
    assert audit_verification.verify(chain) == []
    return list(AuditEvent.objects.filter(chain=chain).order_by("seq").values_list("kind", "data"))


def test_an_account_begins_its_chain_with_what_it_is() -> None:
    robot = people.create("Robot@example.com", kind=User.Kind.SERVICE, by=COMMAND_LINE)

    made = User.objects.get()
    assert (made, made.kind, made.has_usable_password()) == (robot, "service", False)
    assert events(robot) == [("user.created", {"email": "robot@example.com", "kind": "service"})]


@pytest.mark.parametrize("email", ["nobody", "", "alice@example.com"])
def test_an_account_needs_an_address_that_is_one_and_free(alice: User, email: str) -> None:
    with pytest.raises(Invalid):
        people.create(email, by=COMMAND_LINE)

    assert User.objects.get() == alice


def test_only_an_active_person_without_a_password_is_invited() -> None:
    nora = people.create("nora@example.com", by=COMMAND_LINE)
    robot = people.create("robot@example.com", kind=User.Kind.SERVICE, by=COMMAND_LINE)
    gone = people.create("gone@example.com", by=COMMAND_LINE)
    people.deactivate(gone, by=COMMAND_LINE)
    known = factories.user("known@example.com")

    for user, why in ((gone, "deactivated"), (robot, "a service"), (known, "has a password")):
        with pytest.raises(Invalid, match=why):
            people.invite(user, by=COMMAND_LINE)
    link = people.invite(nora, by=COMMAND_LINE)

    assert link.startswith("http://127.0.0.1:8000/accounts/password/reset/key/")
    assert [kind for kind, _ in events(nora)] == ["user.created", "user.invited"]
    invited = AuditEvent.objects.filter(kind="user.invited")
    assert [event.chain for event in invited] == [audit.chain(nora)]


def test_an_account_is_deactivated_and_reactivated_once_each(alice: User) -> None:
    before = len(events(alice))

    people.deactivate(alice, by=COMMAND_LINE)
    with pytest.raises(Invalid, match="deactivated already"):
        people.deactivate(alice, by=COMMAND_LINE)
    alice.refresh_from_db()
    assert (alice.is_active, alice.has_usable_password()) == (False, False)

    people.reactivate(alice, by=COMMAND_LINE)
    with pytest.raises(Invalid, match="is active"):
        people.reactivate(alice, by=COMMAND_LINE)
    alice.refresh_from_db()
    assert (alice.is_active, alice.has_usable_password()) == (True, False)
    assert events(alice)[before:] == [
        ("user.deactivated", {"tokens_revoked": []}),
        ("user.reactivated", {}),
    ]
