"""API tokens: a name is used once, for good; nobody gets one whose account or scope is none."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pytest_django import Settings

from approvals.actions import credentials, people
from approvals.actors import COMMAND_LINE
from approvals.exceptions import Invalid, NotAllowed, NotFound
from approvals.models import ApiToken, AuditEvent, User
from tests import factories
from tests.admin.rows import operator
from tests.factories import actor

pytestmark = pytest.mark.django_db


def issue(user: User, name: str = "bot", *scopes: str) -> str:
    return credentials.issue_token(user, name, by=COMMAND_LINE, scopes=scopes)


def test_a_token_name_is_used_once_and_only_a_digest_is_stored(alice: User) -> None:
    token = issue(alice)

    for name in ("bot", " ", "x" * 101):
        with pytest.raises(Invalid):
            issue(alice, name)
    assert token not in ApiToken.objects.get().digest


def test_a_revoked_token_keeps_its_name_and_is_not_revoked_again(alice: User) -> None:
    issue(alice)
    credentials.revoke_token(alice, "bot", by=COMMAND_LINE)

    with pytest.raises(Invalid, match="revoked already"):
        credentials.revoke_token(alice, "bot", by=COMMAND_LINE)
    with pytest.raises(Invalid, match="choose another name"):
        issue(alice)
    kinds = AuditEvent.objects.filter(kind__startswith="token.").order_by("pk")
    assert list(kinds.values_list("kind", flat=True)) == ["token.issued", "token.revoked"]


def test_one_users_token_is_not_another_users(alice: User, bob: User) -> None:
    issue(alice)
    issue(bob)

    credentials.revoke_token(alice, "bot", by=COMMAND_LINE)

    assert ApiToken.objects.get(revoked_at=None).user == bob
    with pytest.raises(NotFound):
        credentials.revoke_token(alice, "other", by=COMMAND_LINE)


def test_scopes_are_stored_and_an_unknown_one_is_named(alice: User) -> None:
    issue(alice, "reader", "read")

    with pytest.raises(Invalid, match="No scope 'delete'"):
        issue(alice, "other", "read", "delete")
    assert ApiToken.objects.get().scopes == ["read"]


def test_a_deactivated_account_gets_no_token(alice: User) -> None:
    people.deactivate(alice, by=COMMAND_LINE)

    with pytest.raises(Invalid, match="deactivated"):
        issue(alice)
    assert not ApiToken.objects.exists()


def test_a_person_keeps_their_own_tokens_on_the_desk_and_nowhere_else(
    alice: User, bob: User
) -> None:
    me = actor(alice)
    credentials.issue_token(alice, "mine", by=me, days=7)
    credentials.revoke_token(alice, "mine", by=me)
    elsewhere = (actor(alice, "api", "token:mine"), actor(alice, "admin"), actor(alice, "webhook"))
    for by in (*elsewhere, actor(bob)):
        with pytest.raises(NotAllowed):
            credentials.issue_token(alice, "again", by=by)
    service = factories.user("robot@example.com", kind=User.Kind.SERVICE)
    with pytest.raises(NotAllowed):
        credentials.issue_token(service, "own", by=actor(service))


@pytest.mark.parametrize("days", [0, -1, 366])
def test_no_token_is_valid_longer_than_the_installation_allows(alice: User, days: int) -> None:
    with pytest.raises(Invalid, match="1 to 365 days"):
        credentials.issue_token(alice, "x", by=COMMAND_LINE, days=days)


@pytest.mark.parametrize(("configured", "longest"), [(0, 3_650), (60, 60)])
def test_a_token_is_valid_for_a_day_at_least_and_no_longer_than_is_allowed(
    alice: User, settings: Settings, configured: int, longest: int
) -> None:
    settings.API_TOKEN_DAYS = configured
    for days in (1, longest):
        credentials.issue_token(alice, f"{days} days", by=COMMAND_LINE, days=days)

    for days in (-1, 0, longest + 1):
        with pytest.raises(Invalid, match=f"1 to {longest} days"):
            credentials.issue_token(alice, "bot", by=COMMAND_LINE, days=days)


def test_a_name_has_up_to_100_characters(alice: User) -> None:
    issue(alice, "x" * 100)

    assert ApiToken.objects.get().name == "x" * 100


def test_on_the_admin_site_an_operator_issues_tokens_of_services_and_their_own(alice: User) -> None:
    oscar = operator("oscar@example.com")
    service = factories.user("robot@example.com", kind=User.Kind.SERVICE)

    for user in (service, oscar):
        credentials.issue_token(user, "nightly", by=actor(oscar, "admin"))
    with pytest.raises(Invalid, match="they issue their own"):
        credentials.issue_token(alice, "nightly", by=actor(oscar, "admin"))
    assert {token.user for token in ApiToken.objects.all()} == {service, oscar}


def test_an_operator_revokes_the_named_token_of_somebody_else(alice: User) -> None:
    oscar = operator("oscar@example.com")
    for name in ("kept", "lost"):
        issue(alice, name)

    revoked = credentials.revoke_token(alice, "lost", by=actor(oscar, "admin"))

    assert (revoked.user, revoked.name) == (alice, "lost")
    assert ApiToken.objects.get(revoked_at=None).name == "kept"


@pytest.mark.parametrize("configured", [0, 60])
def test_without_days_a_token_is_valid_as_long_as_the_installation_says(
    alice: User, settings: Settings, configured: int
) -> None:
    settings.API_TOKEN_DAYS = configured

    issue(alice)

    token = ApiToken.objects.get()
    data = AuditEvent.objects.get(kind="token.issued").data
    if configured:
        about_then = token.created + timedelta(days=configured)
        assert abs(token.expiry - about_then) < timedelta(minutes=1)
        assert data == {"name": "bot", "scopes": [], "expires_at": token.expiry.isoformat()}
    else:
        assert token.expiry is None
        assert data == {"name": "bot", "scopes": []}
