"""What operators do to users: each verb asks for the right itself, and one operator is always left."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group
from django.db import connection

from approvals.actions import credentials, people
from approvals.actors import COMMAND_LINE
from approvals.exceptions import Invalid, NotAllowed, NotFound
from approvals.models import ApiToken, AuditEvent, ReviewQueue, User
from tests import factories, races
from tests.admin.rows import operator
from tests.factories import actor

pytestmark = pytest.mark.django_db


@pytest.fixture
def stan(db: None) -> User:
    """Somebody with no right at all."""
    return factories.user("stan@example.com")


def test_every_verb_asks_for_the_right_itself(alice: User, queue: ReviewQueue, stan: User) -> None:
    group = Group.objects.get(name="auditor")
    me = actor(alice, "admin")
    attempts: list[Callable[[], object]] = [
        lambda: people.create("x@example.com", by=me),
        lambda: people.grant(stan, queue.slug, "lead", by=me),
        lambda: people.grant_site(alice, "operator", by=me),
        lambda: people.grant_group(group, queue.slug, "lead", by=me),
        lambda: people.revoke(alice, queue.slug, by=me),
        lambda: people.revoke_site(stan, "operator", by=me),
        lambda: people.deactivate(stan, by=me),
        lambda: people.reactivate(stan, by=me),
        lambda: people.invite(stan, by=me),
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
    orders = Group.objects.get(name="orders")
    attempts: tuple[Callable[[], object], ...] = (
        lambda: people.revoke(stan, queue.slug, by=COMMAND_LINE),
        lambda: people.revoke(orders, "nowhere", by=COMMAND_LINE),
        lambda: people.grant_group(orders, "nowhere", "lead", by=COMMAND_LINE),
    )
    for attempt in attempts:
        with pytest.raises(NotFound):
            attempt()
    with pytest.raises(Invalid):
        people.reactivate(stan, by=COMMAND_LINE)


def test_only_an_active_person_is_another_operator(stan: User, alice: User) -> None:
    people.grant_site(stan, "operator", by=COMMAND_LINE)
    people.grant_site(alice, "auditor", by=COMMAND_LINE)
    robot = factories.user("robot@example.com", kind=User.Kind.SERVICE)
    people.grant_site(robot, "operator", by=COMMAND_LINE)
    away = operator("away@example.com")
    User.objects.filter(pk=away.pk).update(is_active=False)

    with pytest.raises(Invalid, match="last operator"):
        people.deactivate(stan, by=COMMAND_LINE)
    with pytest.raises(Invalid, match="last operator"):
        people.revoke_site(stan, "operator", by=COMMAND_LINE)


def test_who_is_no_operator_is_deactivated_also_where_there_is_none(alice: User) -> None:
    people.grant_site(alice, "auditor", by=COMMAND_LINE)

    people.deactivate(alice, by=COMMAND_LINE)

    assert not User.objects.get(pk=alice.pk).is_active


def test_a_deactivation_does_not_wait_for_a_right_that_is_being_granted(alice: User) -> None:
    with races.second_look() as other, connection.cursor() as cursor:
        other.autocommit = False
        other.execute("SELECT FROM auth_group WHERE name = 'operator' FOR KEY SHARE")
        cursor.execute("SET LOCAL lock_timeout = '1s'")
        people.deactivate(alice, by=COMMAND_LINE)

    assert not User.objects.get(pk=alice.pk).is_active


def test_a_deactivation_ends_the_tokens_of_this_account_that_were_valid(
    stan: User, alice: User
) -> None:
    for user, name in ((alice, "old"), (alice, "live"), (stan, "another's")):
        credentials.issue_token(user, name, by=COMMAND_LINE)
    ended = credentials.revoke_token(alice, "old", by=COMMAND_LINE).revoked_at

    people.deactivate(alice, by=COMMAND_LINE)

    revoked = dict(ApiToken.objects.values_list("name", "revoked_at"))
    assert revoked["old"] == ended
    assert revoked["live"] is not None
    assert revoked["another's"] is None
    event = AuditEvent.objects.get(kind="user.deactivated")
    assert event.data["tokens_revoked"] == ["live"]


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


@pytest.mark.django_db(transaction=True)
def test_of_two_who_take_the_same_address_at_once_one_is_refused() -> None:
    factories.user("one@example.com")
    under_way = "UPDATE approvals_user SET email = 'twin@example.com'"

    refusal = races.while_another_commits(
        under_way, [], lambda: people.create("twin@example.com", by=COMMAND_LINE)
    )

    assert isinstance(refusal, Invalid)
    assert "by somebody else just now" in refusal.message
    assert User.objects.count() == 1
