"""Decisions: one live one a review, frozen once written."""

from __future__ import annotations

import pytest
from django.db.models.functions import Now

from approvals.models import Decision, ReviewTask
from tests.models.constraints import again, assert_frozen, assert_refused

pytestmark = pytest.mark.django_db


def test_a_review_has_one_live_decision(decided: ReviewTask) -> None:
    assert_refused("one_live_decision_a_review", lambda: again(Decision.objects.get()))

    again(Decision.objects.get(), undone_at=Now())


@pytest.mark.parametrize("change", ["callback = '\\x00'", "outcome = 'rejected'", "by_id = NULL"])
def test_what_was_decided_never_changes(change: str, decided: ReviewTask) -> None:
    assert_frozen(Decision, change)
