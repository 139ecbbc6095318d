"""Who signs in: active people with a password of their own; neither programs nor people not invited."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from allauth.account.forms import default_token_generator
from allauth.account.internal.flows.login import perform_login
from allauth.account.models import Login
from allauth.account.utils import user_pk_to_url_str
from allauth.core import context
from django.contrib.sessions.backends.db import SessionStore
from django.core.exceptions import PermissionDenied
from django.test import Client, RequestFactory
from django.urls import reverse

from approvals.actions import people
from approvals.actors import COMMAND_LINE
from approvals.models import User
from approvals.web.account_adapter import ClosedAccountAdapter
from tests import factories
from tests.web.mails import sent_mails

pytestmark = pytest.mark.django_db

NEW = "another battery staple"


def service() -> User:
    """A program's account with a password, which 0.3.0 let it set."""
    made = people.create("svc@example.com", kind=User.Kind.SERVICE, by=COMMAND_LINE)
    made.set_password(factories.PASSWORD)
    made.save()
    return made


def not_invited() -> User:
    """A person with an account, whom nobody has sent a link."""
    return people.create("new@example.com", by=COMMAND_LINE)


def deactivated() -> User:
    """A person whose account was deactivated and whose password somebody has set since."""
    made = people.create("gone@example.com", by=COMMAND_LINE)
    people.deactivate(made, by=COMMAND_LINE)
    made.refresh_from_db()
    made.set_password(factories.PASSWORD)
    made.save()
    return made


OUTSIDERS = [service, not_invited, deactivated]


def link(user: User) -> str:
    """A link with a valid signature, as an invitation or a mail of the release before has it."""
    return reverse(
        "account_reset_password_from_key",
        kwargs={
            "uidb36": user_pk_to_url_str(user),
            "key": default_token_generator.make_token(user),
        },
    )


def sets_password(url: str) -> bool:
    """Whether following a link leads to a form that sets the password."""
    browser = Client()
    page = browser.get(url, follow=True)
    if "Choose a password" not in page.content.decode():
        return False
    target = page.redirect_chain[-1][0]
    done = browser.post(target, {"password1": NEW, "password2": NEW}, follow=True)
    return "Your password is set" in done.content.decode()


@pytest.mark.parametrize("make", OUTSIDERS)
def test_they_are_sent_no_link(make: Callable[[], User]) -> None:
    page = Client().post(reverse("account_reset_password"), {"email": make().email}, follow=True)

    assert "Check your mail" in page.content.decode()
    assert sent_mails() == []


@pytest.mark.parametrize("make", [service, deactivated])
def test_a_link_that_they_have_sets_no_password(make: Callable[[], User]) -> None:
    user = make()

    assert not sets_password(link(user))
    user.refresh_from_db()
    assert not user.check_password(NEW)


@pytest.mark.parametrize("make", OUTSIDERS)
def test_they_do_not_sign_in_with_a_password(make: Callable[[], User]) -> None:
    browser = Client()
    page = browser.post(
        reverse("account_login"), {"login": make().email, "password": factories.PASSWORD}
    )

    assert "not correct" in page.content.decode()
    assert browser.get("/").status_code == 302


@pytest.mark.parametrize("make", OUTSIDERS)
def test_nor_by_a_way_in_that_checks_no_password(make: Callable[[], User]) -> None:
    request = RequestFactory().post("/")
    request.session = SessionStore()
    user = make()
    with context.request_context(request):
        response = perform_login(request, Login(user=user))
        adapter = ClosedAccountAdapter(request)

    assert response["Location"] == reverse("account_inactive")
    with pytest.raises(PermissionDenied):
        adapter.login(request, user)
    assert not request.session.keys()


@pytest.mark.parametrize("make", [service, deactivated])
def test_no_form_gives_them_a_password(make: Callable[[], User]) -> None:
    with pytest.raises(PermissionDenied):
        ClosedAccountAdapter().set_password(make(), NEW)


def test_nor_does_a_program_with_a_session_that_an_earlier_release_gave_it() -> None:
    browser = Client()
    program = service()
    people.grant_site(program, "operator", by=COMMAND_LINE)
    browser.force_login(program)

    assert browser.get("/").status_code == 403
    assert browser.get("/admin/").status_code == 403


def test_an_invited_person_sets_a_password_and_signs_in() -> None:
    user = not_invited()
    url = people.invite(user, by=COMMAND_LINE)
    path = re.sub(r"^https?://[^/]+", "", url)

    assert sets_password(path)
    browser = Client()
    browser.post(reverse("account_login"), {"login": user.email, "password": NEW})
    assert browser.get("/").status_code == 200
