"""Who may do what: roles in queues, their groups', rights of the site, and what is hidden."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group
from pytest_django.fixtures import DjangoAssertNumQueries

from approvals import policy, visibility
from approvals.actions import credentials, decisions, people, queues
from approvals.actors import COMMAND_LINE, MESSAGE_QUEUE, SYSTEM, Actor
from approvals.exceptions import NotAllowed, NotFound
from approvals.models import BulkJob, QueueMembership, ReviewQueue, ReviewTask, User
from approvals.models.choices import Outcome
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
    review: ReviewTask, victor: User, alice: User, lena: User, carol: User
) -> None:
    assert "role reviewer in" in policy.may(Action.DECIDE, review, by=actor(victor)).why
    assert "role lead in" in policy.may(Action.OVERRIDE, review, by=actor(alice)).why
    with pytest.raises(NotFound) as hidden:
        policy.may(Action.DECIDE, review, by=actor(carol)).or_raise()
    assert review.queue.name not in hidden.value.message
    with pytest.raises(NotAllowed):
        policy.may(Action.DECIDE, review, by=actor(victor)).or_raise()
    assert "needs the right operator;" in policy.may(Action.OPERATE, None, by=actor(lena)).why
    wanted = policy.may(Action.INSPECT, None, by=actor(lena)).why
    assert "needs one of the rights auditor, operator;" in wanted


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


def test_who_was_deactivated_since_their_request_came_in_may_nothing(
    review: ReviewTask, lena: User
) -> None:
    for right in policy.SITE_GROUPS:
        people.grant_site(lena, right, by=COMMAND_LINE)
    User.objects.filter(pk=lena.pk).update(is_active=False)

    for action in (*TABLE, *SITE):
        assert "deactivated" in policy.may(action, review, by=actor(lena)).why
    assert policy.site_actions(actor(lena)) == set()


@pytest.mark.parametrize("by", [SYSTEM, MESSAGE_QUEUE, COMMAND_LINE])
def test_only_people_see_queues_and_decide(
    review: ReviewTask, alice: User, lena: User, by: Actor
) -> None:
    decision = decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice)).decision
    assert decision is not None

    for action in TABLE.keys() - {Action.CLOSE_UNPROVED}:
        assert policy.may(action, review, by=by).code == "not_allowed"
    assert policy.may_undo(decision, review, by=by).code == "not_allowed"
    assert policy.site_actions(by) == set()
    assert not visibility.visible_queues(by).exists()


def test_what_operators_may_the_command_line_may_too_and_the_worker_may_not() -> None:
    for action in (*SITE, Action.CLOSE_UNPROVED):
        assert policy.may(action, None, by=COMMAND_LINE).allowed
        assert not policy.may(action, None, by=SYSTEM).allowed


def test_nobody_acts_without_a_name(review: ReviewTask) -> None:
    nobody: Any = None

    for subject in (review, review.queue, None):
        with pytest.raises(TypeError, match="must be an Actor"):
            policy.may(Action.SEE, subject, by=nobody)


def test_the_groups_of_others_give_no_right(alice: User, carol: User) -> None:
    people.grant_site(carol, "operator", by=COMMAND_LINE)

    assert policy.site_actions(actor(alice)) == set()
    assert Action.OPERATE in policy.site_actions(actor(carol))


def test_only_active_people_have_passwords_and_keep_their_own_tokens(alice: User) -> None:
    service = factories.user("robot@example.com", kind=User.Kind.SERVICE)
    assert policy.may_have_password(alice)
    assert not policy.may_have_password(service)

    alice = people.deactivate(alice, by=COMMAND_LINE)

    assert not policy.may_have_password(alice)
    with pytest.raises(NotAllowed, match="deactivated"):
        credentials.issue_token(alice, "mine", by=actor(alice))


def test_active_members_of_the_queue_decide_a_review_each_counted_once(
    review: ReviewTask, alice: User, lena: User, victor: User, carol: User
) -> None:
    assert set(policy.deciders_of(review)) == {alice, lena}
    assert set(policy.members_of(review)) == {alice, lena, victor}

    for name, member in (("night shift", carol), ("fraud", alice), ("late shift", alice)):
        group = Group.objects.create(name=name)
        people.grant_group(group, review.queue.slug, "reviewer", by=COMMAND_LINE)
        member.groups.add(group)
    assert sorted(policy.deciders_of(review), key=str) == [alice, carol, lena]
    assert sorted(policy.members_of(review), key=str) == [alice, carol, lena, victor]

    for person in (alice, carol, victor):
        people.deactivate(person, by=COMMAND_LINE)

    assert list(policy.deciders_of(review)) == list(policy.members_of(review)) == [lena]


def test_a_program_decides_and_is_not_notified(review: ReviewTask, alice: User) -> None:
    robot = factories.user("robot@example.com", "reviewer", kind=User.Kind.SERVICE)

    assert set(policy.deciders_of(review)) == {alice, robot}
    assert set(policy.members_of(review)) == {alice}


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


def test_rights_that_were_read_already_are_not_read_again(
    review: ReviewTask, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    held = rights.read(alice, review.queue_id)
    subjects = (review, review.queue)

    with django_assert_num_queries(0):
        for subject in subjects:
            assert policy.may(Action.DECIDE, subject, by=actor(alice), held=held).allowed


def test_a_queue_that_takes_no_bulk_decisions_says_so_only_to_those_who_see_it(
    queue: ReviewQueue, alice: User, victor: User, carol: User
) -> None:
    assert policy.may_decide_in_bulk(queue, by=actor(alice)).allowed
    queue, _ = queues.save(queue.slug, {"allow_bulk": False}, by=COMMAND_LINE)

    refused = policy.may_decide_in_bulk(queue, by=actor(alice))
    assert (refused.code, "no bulk decisions" in refused.why) == ("not_allowed", True)
    assert "role reviewer" in policy.may_decide_in_bulk(queue, by=actor(victor)).why
    assert policy.may_decide_in_bulk(queue, by=actor(carol)) == policy.HIDDEN


def test_a_decision_is_undone_by_whoever_made_it_and_by_leads(
    queue: ReviewQueue, alice: User, bob: User, lena: User, victor: User
) -> None:
    for mine, other in ((alice, bob), (bob, alice)):
        decided = decisions.decide(factories.review().pk, Outcome.APPROVED, by=actor(mine))
        assert decided.decision is not None
        job = BulkJob(queue=queue, created_by=mine)
        for who, code in (
            (mine, "allowed"),
            (lena, "allowed"),
            (other, "not_allowed"),
            (victor, "not_allowed"),
        ):
            assert policy.may_undo(decided.decision, queue, by=actor(who)).code == code
            assert policy.may_undo_bulk(job, by=actor(who)).code == code


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
