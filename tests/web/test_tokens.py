"""A person's own API tokens on the desk."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from approvals.actions import credentials
from approvals.actors import COMMAND_LINE
from approvals.models import ApiToken, AuditEvent, User
from tests import factories
from tests.web.conftest import Desk

pytestmark = pytest.mark.django_db
NEW = "/settings/tokens/new/"


@pytest.fixture
def confirmed(desk: Desk, alice: User) -> Client:
    """A browser in which Alice has just confirmed her password."""
    browser = desk(alice)
    asked = browser.get(NEW)
    assert asked["Location"] == "/accounts/reauthenticate/?next=%2Fsettings%2Ftokens%2Fnew%2F"
    assert "Your password again</h1>" in browser.get(asked["Location"]).content.decode()
    fields = {"password": factories.PASSWORD, "next": NEW}
    assert browser.post("/accounts/reauthenticate/", fields)["Location"] == NEW
    return browser


def test_a_new_token_is_shown_once_and_works(confirmed: Client, alice: User) -> None:
    fields = {"name": "nightly", "scopes": ["read"], "days": "7"}
    shown = confirmed.post(NEW, fields)
    found = re.search(r'<code class="wrap once">(\S+)</code>', shown.content.decode())
    assert found
    assert "no-store" in shown["Cache-Control"]
    answer = Client().get("/api/v1/queues/", headers={"Authorization": f"Bearer {found[1]}"})
    assert answer.status_code == 200

    html = confirmed.get("/settings/tokens/").content.decode()
    assert found[1] not in html
    assert "nightly" in html
    assert "expires" in html
    token = ApiToken.objects.get(user=alice)
    assert token.scopes == ["read"]
    assert token.expiry is not None
    assert abs(token.expiry - timezone.now() - timedelta(days=7)) < timedelta(minutes=1)
    event = AuditEvent.objects.get(kind="token.issued")
    assert (event.actor, event.surface) == (alice, "web")


def test_without_a_password_confirmed_lately_no_token_is_issued(desk: Desk, alice: User) -> None:
    answer = desk(alice).post(NEW, {"name": "nightly", "days": "7"})
    assert answer["Location"].startswith("/accounts/reauthenticate/")
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": "a\u202eb", "days": "7"}, "can be shown"),
        ({"name": "taken", "days": "7"}, "choose another name"),
        ({"name": "", "days": "7"}, "This field is required"),
        ({"name": "x", "days": "9999"}, "Select a valid choice"),
        ({"name": "x", "days": "7", "scopes": ["everything"]}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_issued_keeps_what_was_typed(
    confirmed: Client, alice: User, fields: dict[str, str], says: str
) -> None:
    credentials.issue_token(alice, "taken", by=COMMAND_LINE)
    answer = confirmed.post(NEW, fields)
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert ApiToken.objects.count() == 1


def test_one_revokes_ones_own_and_nobody_elses(desk: Desk, alice: User, bob: User) -> None:
    credentials.issue_token(alice, "a/b?", by=COMMAND_LINE)
    assert desk(bob).post("/settings/tokens/revoke/", {"name": "a/b?"}).status_code == 404
    page = desk(alice).post("/settings/tokens/revoke/", {"name": "a/b?"}, follow=True)
    assert "The token a/b? is revoked." in page.content.decode()
    token = ApiToken.objects.get(user=alice)
    assert token.revoked_at is not None


def test_no_choice_is_longer_than_the_installation_allows(
    confirmed: Client, settings: Settings
) -> None:
    settings.API_TOKEN_DAYS = 60
    assert re.findall(r"(\d+) days", confirmed.get(NEW).content.decode()) == ["7", "30", "60"]
    settings.API_TOKEN_DAYS = 0
    assert re.findall(r"(\d+) days", confirmed.get(NEW).content.decode())[-1] == "365"
