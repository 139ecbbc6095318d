"""Whether somebody may still undo: by the rights they have now, not by those they decided with."""

from __future__ import annotations

import pytest

from approvals.actions import decisions, people
from approvals.actors import COMMAND_LINE
from approvals.exceptions import NotAllowed, NotFound
from approvals.models import Decision, QueueMembership, ReviewTask, User
from approvals.models.choices import Outcome
from tests import factories
from tests.factories import actor

pytestmark = pytest.mark.django_db


def decided(by: User) -> Decision:
    review = decisions.decide(factories.review().pk, Outcome.APPROVED, by=actor(by))
    assert review.decision is not None
    return review.decision


def test_a_reviewer_who_has_become_a_viewer_no_longer_undoes_their_own_decision(
    alice: User,
) -> None:
    decision = decided(alice)
    people.grant(alice, "manual-review", "viewer", by=COMMAND_LINE)

    with pytest.raises(NotAllowed):
        decisions.undo(decision.pk, by=actor(alice))

    assert ReviewTask.objects.get().status == "approved"


def test_a_reviewer_without_any_role_left_does_not_find_their_own_decision(alice: User) -> None:
    decision = decided(alice)
    QueueMembership.objects.filter(user=alice).delete()

    with pytest.raises(NotFound):
        decisions.undo(decision.pk, by=actor(alice))

    assert ReviewTask.objects.get().status == "approved"
