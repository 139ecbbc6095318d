"""Roles in queues: a user's or a group's, and one in each queue."""

from __future__ import annotations

import pytest

from approvals.models import QueueMembership, ReviewQueue, User
from tests.models.constraints import assert_refused

pytestmark = pytest.mark.django_db


def test_a_role_is_a_users_or_a_groups_and_one_a_queue(alice: User, queue: ReviewQueue) -> None:
    make = QueueMembership.objects.create

    assert_refused("of_a_user_or_a_group", lambda: make(queue=queue, role="lead"))
    assert_refused("one_role_a_user", lambda: make(queue=queue, user=alice, role="lead"))
