"""A decided review, for the tests of the rows that a decision writes."""

from __future__ import annotations

import pytest

from approvals.actions import decisions
from approvals.models import ReviewTask, User
from approvals.models.choices import Outcome
from tests import factories
from tests.factories import actor


@pytest.fixture
def decided(alice: User) -> ReviewTask:
    """A review that Alice approved."""
    return decisions.decide(factories.review().pk, Outcome.APPROVED, by=actor(alice))
