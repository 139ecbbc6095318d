"""Votes: one live one a reviewer and review."""

from __future__ import annotations

import pytest
from django.db.models.functions import Now

from approvals.models import ReviewTask, Vote
from tests.models.constraints import again, assert_refused

pytestmark = pytest.mark.django_db


def test_a_reviewer_has_one_live_vote(decided: ReviewTask) -> None:
    assert_refused("one_live_vote_a_reviewer", lambda: again(Vote.objects.get()))

    again(Vote.objects.get(), withdrawn_at=Now())
