"""People on the admin site: accounts, rights, roles, tokens and secrets, each change with its event."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from approvals import policy
from approvals.actions import credentials, people, queues
from approvals.actors import COMMAND_LINE
from approvals.exceptions import Invalid, NotAllowed, NotFound
from approvals.models import (
    ApiToken,
    AuditEvent,
    QueueMembership,
    ReviewQueue,
    User,
    WebhookSecret,
)
from approvals.policy import Action
from approvals.records import audit
from tests import factories, races
from tests.admin.conftest import Enter, at, operator
from tests.factories import actor

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(enter: Enter, oscar: User) -> Client:
    """Oscar's."""
    return enter(oscar)


def last(user: User) -> tuple[str, str, str, dict[str, object]]:
    """The last event of a user's chain."""
    event = AuditEvent.objects.filter(chain=audit.chain_of("user", user.pk)).last()
    return event.kind, event.actor_name, event.surface, event.data


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


@pytest.mark.django_db(transaction=True)
def test_two_operators_who_shut_each_other_out_at_once_leave_one() -> None:
    one, other = operator("one@example.com"), operator("two@example.com")
    races.at_once(
        [
            lambda: people.deactivate(other, by=actor(one, "admin")),
            lambda: people.revoke_site(one, "operator", by=actor(other, "admin")),
        ]
    )
    left = User.objects.filter(groups__name="operator", is_active=True)
    assert left.count() == 1


def test_roles_are_granted_changed_and_revoked(
    browser: Client, queue: ReviewQueue, stan: User
) -> None:
    typed = {"person": "Stan@example.com", "group": "", "queue": queue.slug, "role": "viewer"}
    browser.post(at("queuemembership_new"), typed)
    member = QueueMembership.objects.get(user=stan)
    data = {"queue": queue.slug, "role": "viewer"}
    assert last(stan) == ("role.granted", "oscar@example.com", "admin", data)
    browser.post(at("queuemembership_role", member.pk), {"role": "lead"})
    member.refresh_from_db()
    assert member.role == "lead"
    browser.post(at("queuemembership_revoke", member.pk))
    assert last(stan)[0] == "role.revoked"
    assert not policy.visible_queues(actor(stan)).exists()


def test_a_group_gets_a_role_audited_on_the_queues_chain(
    browser: Client, queue: ReviewQueue, audrey: User
) -> None:
    typed = {"person": "", "group": "auditor", "queue": queue.slug, "role": "viewer"}
    browser.post(at("queuemembership_new"), typed)
    assert policy.visible_queues(actor(audrey)).get() == queue
    member = QueueMembership.objects.get(group__name="auditor")
    browser.post(at("queuemembership_revoke", member.pk))
    chain = audit.chain_of("queue", queue.pk)
    events = AuditEvent.objects.filter(chain=chain).order_by("seq")
    assert [event.kind for event in events][-2:] == ["role.granted", "role.revoked"]
    assert events.last().data["group"] == "auditor"
    assert audit.verify(chain) == []


@pytest.mark.parametrize(
    ("person", "group"), [("", ""), ("alice@example.com", "auditor"), ("nobody@example.com", "")]
)
def test_a_role_needs_one_holder(
    browser: Client, queue: ReviewQueue, alice: User, person: str, group: str
) -> None:
    typed = {"person": person, "group": group, "queue": queue.slug, "role": "viewer"}
    assert browser.post(at("queuemembership_new"), typed).status_code == 422


def test_a_token_is_shown_once_and_revoked_for_good(
    browser: Client, client: Client, alice: User
) -> None:
    robot = factories.user("robot@example.com", "viewer", kind=User.Kind.SERVICE)
    typed = {"person": robot.email, "name": "a/b report", "scopes": ["read"]}
    answer = browser.post(at("apitoken_new"), typed)
    token = answer.context["secret"]
    assert last(robot)[3] == {"name": "a/b report", "scopes": ["read"]}
    bearer = {"Authorization": f"Bearer {token}"}
    assert client.get("/api/v1/queues/", headers=bearer).status_code == 200
    listing = browser.get(at("apitoken_changelist")).content.decode()
    row = ApiToken.objects.get()
    for secret in (token, row.digest, row.token_key):
        assert secret not in listing
        assert secret not in browser.get(at("user_change", robot.pk)).content.decode()

    form_url = at("apitoken_revoke", robot.pk) + "?name=a%2Fb+report"
    assert form_url in listing
    assert browser.post(form_url).status_code == 302
    assert last(robot)[:3] == ("token.revoked", "oscar@example.com", "admin")
    assert browser.post(form_url).status_code == 422
    assert client.get("/api/v1/queues/", headers=bearer).status_code == 401


def test_nobody_issues_a_token_in_another_persons_name(browser: Client, alice: User) -> None:
    typed = {"person": alice.email, "name": "mine", "scopes": []}
    assert browser.post(at("apitoken_new"), typed).status_code == 422
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("name", ["x\ny", "a\u202eb", "", "   ", ".", ".."])
def test_a_token_needs_a_name_that_can_be_shown(alice: User, name: str) -> None:
    with pytest.raises(Invalid):
        credentials.issue_token(alice, name, by=COMMAND_LINE)


def test_a_token_whose_name_leads_nowhere_can_still_be_revoked(
    browser: Client, alice: User
) -> None:
    credentials.issue_token(alice, "kept", by=COMMAND_LINE)
    ApiToken.objects.update(name="..\n")  # as a release before this one took it
    listing = browser.get(at("apitoken_changelist")).content.decode()
    assert "name=..%0A" in listing
    assert browser.post(at("apitoken_revoke", alice.pk) + "?name=..%0A").status_code == 302


def test_a_service_gets_no_password(browser: Client) -> None:
    robot = factories.user("robot@example.com", kind=User.Kind.SERVICE)
    User.objects.filter(pk=robot.pk).update(password="!")
    assert b"Password link" not in browser.get(at("user_change", robot.pk)).content
    assert browser.post(at("user_invite", robot.pk)).status_code == 422


def test_a_webhook_secret_is_shown_once_and_revoked(browser: Client, queue: ReviewQueue) -> None:
    answer = browser.post(at("webhooksecret_new"), {"name": "shop", "queue": queue.slug})
    text = answer.context["secret"]
    assert text.startswith("whsec_")
    row = WebhookSecret.objects.get()
    page = at("webhooksecret_change", row.pk)
    assert text not in browser.get(page).content.decode()
    browser.post(at("webhooksecret_revoke", row.pk))
    row.refresh_from_db()
    assert row.revoked_at
    assert b"Revoke</a>" not in browser.get(page).content


def test_every_verb_asks_for_the_right_itself(alice: User, queue: ReviewQueue, stan: User) -> None:
    group = Group.objects.get(name="auditor")
    me = {"by": actor(alice, "admin")}
    attempts = [
        lambda: queues.save("manual-review", {"name": "x"}, **me),
        lambda: queues.save("brand-new", {"name": "x"}, **me),
        lambda: queues.ask_check(queue.pk, **me),
        lambda: people.create("x@example.com", **me),
        lambda: people.grant(stan, queue.slug, "lead", **me),
        lambda: people.grant_site(alice, "operator", **me),
        lambda: credentials.issue_token(stan, "x", **me),
        lambda: people.grant_group(group, queue.slug, "lead", **me),
        lambda: people.revoke(alice, queue.slug, **me),
        lambda: people.revoke_site(stan, "operator", **me),
        lambda: credentials.revoke_token(stan, "x", **me),
        lambda: people.deactivate(stan, **me),
        lambda: people.reactivate(stan, **me),
        lambda: people.invite(stan, **me),
    ]
    before = AuditEvent.objects.count()
    for attempt in attempts:
        with pytest.raises(NotAllowed):
            attempt()
    assert AuditEvent.objects.count() == before


def test_an_operator_who_was_just_deactivated_can_do_nothing_more(stan: User) -> None:
    late = operator("late@example.com")
    User.objects.filter(pk=late.pk).update(is_active=False)
    with pytest.raises(NotAllowed):
        people.deactivate(stan, by=actor(late, "admin"))


def test_what_is_not_there_cannot_be_taken(stan: User, queue: ReviewQueue) -> None:
    for attempt in (
        lambda: people.revoke(stan, queue.slug, by=COMMAND_LINE),
        lambda: people.revoke(Group.objects.get(name="orders"), "nowhere", by=COMMAND_LINE),
        lambda: credentials.revoke_token(stan, "x", by=COMMAND_LINE),
        lambda: people.grant_group(
            Group.objects.get(name="orders"), "nowhere", "lead", by=COMMAND_LINE
        ),
    ):
        with pytest.raises(NotFound):
            attempt()
    with pytest.raises(Invalid):
        people.reactivate(stan, by=COMMAND_LINE)
    with pytest.raises(Invalid, match="No scope"):
        credentials.issue_token(stan, "x", by=COMMAND_LINE, scopes=["everything"])


def test_a_token_name_that_turns_text_round_is_written_out(browser: Client, alice: User) -> None:
    credentials.issue_token(alice, "kept", by=COMMAND_LINE)
    ApiToken.objects.update(name="a\u202eb")  # as a release before this one took it
    form_url = at("apitoken_revoke", alice.pk) + "?name=a%E2%80%AEb"
    for page in (at("apitoken_changelist"), form_url):
        page_text = browser.get(page).content.decode()
        assert "\u202e" not in page_text
        assert "a⟨U+202E⟩b" in page_text
    assert browser.post(form_url).status_code == 302


def test_an_operator_issues_a_token_of_their_own(browser: Client, oscar: User) -> None:
    typed = {"person": oscar.email, "name": "mine", "scopes": []}
    assert browser.post(at("apitoken_new"), typed).status_code == 200
    assert ApiToken.objects.get().user == oscar


@pytest.mark.django_db(transaction=True)
def test_of_two_who_make_the_same_user_at_once_one_is_told() -> None:
    def make() -> User:
        return people.create("twin@example.com", by=COMMAND_LINE)

    _one_of_two(make)
    assert User.objects.filter(email="twin@example.com").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_queues_that_ask_for_one_senders_name_at_once_one_gets_it() -> None:
    for slug in ("left", "right"):
        factories.queue(slug)
    outcomes = races.at_once(
        [
            lambda: credentials.issue_secret("erp", "left", by=COMMAND_LINE),
            lambda: credentials.issue_secret("erp", "right", by=COMMAND_LINE),
        ]
    )
    assert len([outcome for outcome in outcomes if isinstance(outcome, Invalid)]) == 1, outcomes
    assert WebhookSecret.objects.count() == 1


def _one_of_two(make: Callable[[], object]) -> None:
    outcomes = races.at_once([make, make])
    assert len([outcome for outcome in outcomes if isinstance(outcome, Invalid)]) == 1, outcomes
