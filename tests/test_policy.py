"""Who may do what: roles in queues, their groups', rights of the site, and what is hidden."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group

from approvals import policy, visibility
from approvals.actions import people
from approvals.actors import COMMAND_LINE, SYSTEM
from approvals.exceptions import NotAllowed, NotFound
from approvals.models import QueueMembership, ReviewTask, User
from approvals.policy import Action
from approvals.records import rights
from tests import factories
from tests.factories import actor

pytestmark = pytest.mark.django_db
NOBODY: Any = AnonymousUser()  # somebody who has not signed in
TABLE = {
    # action: (viewer, reviewer, lead, of no role)
    Action.SEE: ("allowed", "allowed", "allowed", "not_found"),
    Action.CLAIM: ("not_allowed", "allowed", "allowed", "not_found"),
    Action.DECIDE: ("not_allowed", "allowed", "allowed", "not_found"),
    Action.OVERRIDE: ("not_allowed", "not_allowed", "allowed", "not_found"),
    Action.CLOSE_UNPROVED: ("not_allowed", "not_allowed", "allowed", "not_found"),
    Action.COMMENT: ("not_allowed", "allowed", "allowed", "not_found"),
    Action.LEAD: ("not_allowed", "not_allowed", "allowed", "not_found"),
}
SITE = {
    Action.START_ORDER: {"orders"},
    Action.SEE_ORDERS: {"orders", "auditor", "operator"},
    Action.INTERVENE_IN_ORDERS: {"orders", "operator"},
    Action.PRICE: {"orders", "operator"},
    Action.OPERATE: {"operator"},
    Action.INSPECT: {"auditor", "operator"},
}


@pytest.mark.parametrize("action", TABLE)
def test_each_role_may_do_what_the_table_says_to_a_review_and_to_its_queue(
    action: Action, review: ReviewTask, victor: User, alice: User, lena: User, carol: User
) -> None:
    people = (victor, alice, lena, carol)

    for subject in (review, review.queue):
        verdicts = tuple(policy.may(action, subject, by=actor(person)).code for person in people)
        assert verdicts == TABLE[action]


def test_the_table_has_every_action_there_is() -> None:
    assert set(TABLE) == set(policy.ROLES_THAT)
    assert set(SITE) == set(policy.GROUPS_THAT)


def test_a_refusal_says_which_role_is_missing_and_hidden_says_nothing(
    review: ReviewTask, victor: User, alice: User, carol: User
) -> None:
    assert "role reviewer in" in policy.may(Action.DECIDE, review, by=actor(victor)).why
    assert "role lead in" in policy.may(Action.OVERRIDE, review, by=actor(alice)).why
    with pytest.raises(NotFound) as hidden:
        policy.may(Action.DECIDE, review, by=actor(carol)).or_raise()
    assert review.queue.name not in hidden.value.message
    with pytest.raises(NotAllowed):
        policy.may(Action.DECIDE, review, by=actor(victor)).or_raise()


@pytest.mark.parametrize("action", SITE)
@pytest.mark.parametrize("right", [None, "orders", "auditor", "operator"])
def test_rights_of_the_site_are_groups(action: Action, right: str | None, carol: User) -> None:
    if right:
        people.grant_site(carol, right, by=COMMAND_LINE)

    verdict = policy.may(action, None, by=actor(carol, "api"))

    assert verdict.code == ("allowed" if right in SITE[action] else "not_allowed")
    assert (action in policy.site_actions(actor(carol))) == verdict.allowed


@pytest.mark.parametrize("action", [*TABLE, *SITE])
def test_who_has_been_deactivated_may_nothing(
    action: Action, review: ReviewTask, lena: User
) -> None:
    for right in policy.SITE_GROUPS:
        people.grant_site(lena, right, by=COMMAND_LINE)
    lena.is_active = False

    assert not policy.may(action, review, by=actor(lena)).allowed
    assert policy.site_actions(actor(lena)) == policy.site_actions(actor(NOBODY)) == set()
    assert not visibility.visible_queues(actor(lena)).exists()
    assert not visibility.decidable_queues(actor(lena)).exists()


@pytest.mark.parametrize("action", [*TABLE, *SITE])
def test_a_superuser_of_the_admin_site_has_no_right_in_a_queue(
    action: Action, review: ReviewTask
) -> None:
    root = User.objects.create_superuser("root@example.com", factories.PASSWORD)

    assert not policy.may(action, review, by=actor(root, "admin")).allowed
    assert not visibility.visible_reviews(actor(root)).exists()


def test_an_unknown_action_is_never_allowed(review: ReviewTask, lena: User) -> None:
    unknown: Any = "launch"

    with pytest.raises(KeyError):
        policy.may(unknown, review, by=actor(lena))


def test_a_role_of_a_group_counts_and_ends_with_the_membership(
    review: ReviewTask, carol: User
) -> None:
    night = Group.objects.create(name="night shift")
    QueueMembership.objects.create(queue=review.queue, group=night, role="lead")
    assert policy.may(Action.SEE, review, by=actor(carol)).code == "not_found"

    carol.groups.add(night)
    assert policy.may(Action.OVERRIDE, review, by=actor(carol)).allowed
    assert review in visibility.visible_reviews(actor(carol))

    carol.groups.remove(night)
    assert policy.may(Action.SEE, review, by=actor(carol)).code == "not_found"


def test_a_role_in_one_queue_is_none_where_no_queue_is_named(
    review: ReviewTask, lena: User
) -> None:
    held = rights.read(lena, review.queue_id)
    assert held.roles

    assert policy.may(Action.LEAD, None, by=actor(lena), held=held) == policy.HIDDEN


def test_two_roles_in_a_queue_add_up(review: ReviewTask, victor: User) -> None:
    leads = Group.objects.create(name="leads")
    QueueMembership.objects.create(queue=review.queue, group=leads, role="lead")
    victor.groups.add(leads)

    assert rights.read(victor, review.queue_id).roles == {"viewer", "lead"}
    assert policy.may(Action.OVERRIDE, review, by=actor(victor)).allowed


def test_one_vote_is_enough_and_none_is_not() -> None:
    assert policy.votes_suffice(["rejected"])
    assert not policy.votes_suffice([])


def test_leads_and_operators_may_set_what_messages_look_like(
    review: ReviewTask, victor: User, alice: User, lena: User, carol: User
) -> None:
    def codes() -> list[str]:
        people_ = (victor, alice, lena, carol)
        return [policy.may_set_messages(review.queue, by=actor(one)).code for one in people_]

    assert codes() == ["not_allowed", "not_allowed", "allowed", "not_found"]
    people.grant_site(carol, "operator", by=COMMAND_LINE)
    assert codes()[3] == "allowed"
    assert policy.may_set_messages(review.queue, by=COMMAND_LINE).allowed
    assert not policy.may_set_messages(review.queue, by=SYSTEM).allowed
