"""Rights as they stand in the database: of the account, of its groups, in one queue."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group

from approvals.actions import people
from approvals.actors import COMMAND_LINE
from approvals.models import ReviewQueue, User
from approvals.records import rights
from approvals.records.rights import Rights

pytestmark = pytest.mark.django_db


def test_a_role_counts_in_its_own_queue_alone(alice: User, queue: ReviewQueue, carol: User) -> None:
    assert rights.read(alice, queue.pk) == Rights(True, frozenset(), frozenset({"reviewer"}))
    assert rights.read(carol, queue.pk) == Rights(True, frozenset(), frozenset())
    assert rights.read(alice, None).roles == frozenset()


def test_roles_of_groups_and_own_ones_add_up(alice: User, queue: ReviewQueue) -> None:
    people.grant_site(alice, "operator", by=COMMAND_LINE)
    people.grant_group(Group.objects.get(name="operator"), queue.slug, "lead", by=COMMAND_LINE)

    held = rights.read(alice, queue.pk)

    assert held == Rights(True, frozenset({"operator"}), frozenset({"reviewer", "lead"}))


def test_a_deactivated_or_unknown_account_is_not_active(alice: User, queue: ReviewQueue) -> None:
    people.deactivate(alice, by=COMMAND_LINE)

    assert not rights.read(alice, queue.pk).active
    assert not rights.read(User(email="nobody@example.com"), queue.pk).active
