"""Users: one spelling of a login, and nobody who has acted is ever deleted."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db.models import ProtectedError

from approvals.actions import assignment, people
from approvals.actors import COMMAND_LINE
from approvals.exceptions import Invalid
from approvals.models import User
from tests import factories
from tests.factories import actor
from tests.models.constraints import assert_refused

pytestmark = pytest.mark.django_db


def test_an_email_is_one_login_in_any_case(alice: User) -> None:
    with pytest.raises(Invalid):
        people.create("ALICE@example.com ", by=COMMAND_LINE)
    assert User.objects.get_by_natural_key(" Alice@Example.COM ") == alice
    assert_refused("user_email_is_lower", lambda: User.objects.update(email="Alice@example.com"))


def test_who_has_acted_cannot_be_deleted(alice: User) -> None:
    assignment.claim(factories.review().pk, by=actor(alice))

    with pytest.raises(ProtectedError):
        alice.delete()


def test_an_email_that_is_none_is_refused() -> None:
    with pytest.raises(ValidationError):
        User.objects.create_user("nobody")


def test_a_login_is_stored_in_lower_case_and_without_blanks() -> None:
    made = User.objects.create_user(" Grace@Example.COM ")

    assert made.email == "grace@example.com"
    assert not made.has_usable_password()


@pytest.mark.parametrize(("name", "shown"), [("Grace Hopper", "Grace Hopper"), ("", "grace")])
def test_a_page_shows_the_name_or_what_stands_before_the_at(name: str, shown: str) -> None:
    assert User(email="grace@example.com", name=name).display == shown
