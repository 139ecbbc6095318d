"""Users on the admin site: their accounts and rights outside queues, each change with its event."""

from __future__ import annotations

import pytest
from django.test import Client

from approvals import policy
from approvals.actions import credentials, people
from approvals.actors import COMMAND_LINE
from approvals.exceptions import Invalid
from approvals.models import (
    ApiToken,
    AuditEvent,
    ReviewQueue,
    User,
)
from approvals.policy import Action
from tests import factories
from tests.admin.addresses import at
from tests.admin.answers import last
from tests.admin.conftest import Enter
from tests.admin.rows import operator
from tests.factories import actor

pytestmark = pytest.mark.django_db


def test_an_operator_makes_a_person_and_gets_a_link_once(browser: Client, client: Client) -> None:
    typed = {"email": "New@Example.com", "name": "Nora New", "kind": "person"}
    answer = browser.post(at("user_new"), typed)
    user = User.objects.get(email="new@example.com")
    link = answer.context["secret"]
    assert user.name == "Nora New"
    assert last(user)[:3] == ("user.invited", "oscar@example.com", "admin")
    assert "no-store" in answer["Cache-Control"]
    page = client.get(link.removeprefix("http://127.0.0.1:8000"), follow=True)
    new = {"password1": "a long new password", "password2": "a long new password"}
    assert client.post(page.request["PATH_INFO"], new).status_code == 302
    assert client.login(email=user.email, password="a long new password")
    assert link.encode() not in browser.get(at("user_change", user.pk)).content


def test_nobody_gets_a_link_into_an_account_that_has_a_password(
    browser: Client, alice: User
) -> None:
    answer = browser.post(at("user_invite", alice.pk))
    assert answer.status_code == 422
    assert "has a password" in answer.content.decode()
    assert "secret" not in answer.context


def test_a_name_that_is_taken_is_refused_and_what_was_typed_is_kept(
    browser: Client, alice: User
) -> None:
    typed = {"email": "ALICE@example.com", "name": "Another Alice", "kind": "person"}
    answer = browser.post(at("user_new"), typed)
    assert answer.status_code == 422
    assert answer.context["form"]["name"].value() == "Another Alice"


def test_a_deactivated_person_is_out_at_once_and_comes_back_without_the_old_keys(
    browser: Client, client: Client, enter: Enter, alice: User
) -> None:
    token = credentials.issue_token(alice, "nightly", by=COMMAND_LINE)
    session = enter(alice)
    assert session.get("/").status_code == 200

    browser.post(at("user_deactivate", alice.pk))

    assert last(alice) == (
        "user.deactivated", "oscar@example.com", "admin", {"tokens_revoked": ["nightly"]},
    )  # fmt: skip
    assert session.get("/").status_code == 302
    bearer = {"Authorization": f"Bearer {token}"}
    assert client.get("/api/v1/queues/", headers=bearer).status_code == 401

    browser.post(at("user_reactivate", alice.pk))

    alice.refresh_from_db()
    assert alice.is_active
    assert last(alice)[0] == "user.reactivated"
    assert session.get("/").status_code == 302  # an old session does not come back to life
    assert ApiToken.objects.get().revoked_at
    assert not client.login(email=alice.email, password=factories.PASSWORD)
    assert browser.post(at("user_invite", alice.pk)).context["secret"]


def test_rights_outside_queues_are_granted_and_revoked(browser: Client, alice: User) -> None:
    browser.post(at("user_grant", alice.pk), {"right": "auditor"})
    assert last(alice) == (
        "site_right.granted", "oscar@example.com", "admin", {"right": "auditor"},
    )  # fmt: skip
    assert policy.may(Action.INSPECT, None, by=actor(alice, "admin")).allowed
    browser.post(at("user_revoke", alice.pk), {"right": "auditor"})
    assert last(alice)[0] == "site_right.revoked"
    assert not policy.may(Action.INSPECT, None, by=actor(alice, "admin")).allowed
    assert browser.post(at("user_revoke", alice.pk), {"right": "auditor"}).status_code == 404


def test_the_last_operator_cannot_be_locked_out(browser: Client, oscar: User) -> None:
    for form_url, typed in (("revoke", {"right": "operator"}), ("deactivate", {})):
        answer = browser.post(at(f"user_{form_url}", oscar.pk), typed)
        assert answer.status_code == 422
        assert "oscar@example.com is the last operator" in answer.content.decode()
    away = operator("away@example.com")
    people.deactivate(away, by=actor(oscar, "admin"))
    with pytest.raises(Invalid, match="last operator"):
        people.deactivate(oscar, by=COMMAND_LINE)
    operator("olga@example.com")
    people.deactivate(oscar, by=actor(oscar, "admin"))
    assert browser.get("/admin/").status_code == 302


def test_a_service_gets_no_password(browser: Client) -> None:
    robot = factories.user("robot@example.com", kind=User.Kind.SERVICE)
    User.objects.filter(pk=robot.pk).update(password="!")
    assert b"Password link" not in browser.get(at("user_change", robot.pk)).content
    assert browser.post(at("user_invite", robot.pk)).status_code == 422


def test_a_person_and_their_role_are_one_step(
    browser: Client, queue: ReviewQueue, client: Client
) -> None:
    typed = {
        "email": "Nina@example.com", "name": "", "kind": "person", "queue": queue.slug,
        "role": "reviewer", "right": "orders",
    }  # fmt: skip

    answer = browser.post(at("user_new"), typed)

    nina = User.objects.get(email="nina@example.com")
    assert answer.context["secret"].startswith("http")
    assert nina.memberships.get().role == "reviewer"
    assert [group.name for group in nina.groups.all()] == ["orders"]
    events = AuditEvent.objects.filter(chain=f"user:{nina.pk}").order_by("seq")
    kinds = events.values_list("kind", flat=True)
    assert list(kinds.order_by("seq")) == [
        "user.created", "role.granted", "site_right.granted", "user.invited",
    ]  # fmt: skip


def test_somebody_with_an_account_gets_the_role_alone(
    browser: Client, queue: ReviewQueue, stan: User
) -> None:
    typed = {"email": "Stan@example.com", "kind": "person", "queue": queue.slug, "role": "lead"}

    answer = browser.post(at("user_new"), typed)

    assert answer["Location"] == at("user_change", stan.pk)
    assert stan.memberships.get().role == "lead"
    without = {"email": "stan@example.com", "kind": "person"}
    assert "has an account already" in browser.post(at("user_new"), without).content.decode()
    half = without | {"role": "lead"}
    assert "Choose both a queue and a role" in browser.post(at("user_new"), half).content.decode()
