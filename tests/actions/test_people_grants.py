"""Roles: a grant replaces the one before, and what is no role, queue or right is refused."""

from __future__ import annotations

import pytest

from approvals.actions import people
from approvals.actors import COMMAND_LINE
from approvals.exceptions import Invalid, NotFound
from approvals.models import ReviewTask, User
from approvals.records import rights

pytestmark = pytest.mark.django_db


def test_a_grant_replaces_the_role_and_an_unknown_one_is_refused(
    review: ReviewTask, alice: User
) -> None:
    people.grant(alice, "manual-review", "viewer", by=COMMAND_LINE)
    assert rights.read(alice, review.queue_id).roles == {"viewer"}

    for wrong, refusal in ((("manual-review", "king"), Invalid), (("nowhere", "lead"), NotFound)):
        with pytest.raises(refusal):
            people.grant(alice, *wrong, by=COMMAND_LINE)
    with pytest.raises(Invalid):
        people.grant_site(alice, "superuser", by=COMMAND_LINE)
