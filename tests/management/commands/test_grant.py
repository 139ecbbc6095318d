"""`grant`: a role for every user, a password link for people only."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.models import QueueMembership, ReviewQueue, User
from tests import factories
from tests.management.commands.test_commands import run

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("kind", "linked"), [("service", False), ("person", True)])
def test_only_a_person_gets_a_link_that_sets_a_password(
    queue: ReviewQueue, kind: Any, linked: Any
) -> None:
    user = factories.user("svc@example.com", kind=kind)
    user.set_unusable_password()
    user.save()

    output = run("grant", user.email, queue.slug, "reviewer")

    assert QueueMembership.objects.get(user=user).role == "reviewer"
    assert ("Set a password" in output) is linked
    assert not User.objects.get(pk=user.pk).has_usable_password()
