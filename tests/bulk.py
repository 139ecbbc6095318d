"""Bulk decisions for tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from approvals.actions import bulk_decisions
from approvals.actions.bulk_decisions import BulkRequest, Wanted
from approvals.models import BulkJob, ReviewTask, User
from approvals.models.choices import Outcome
from tests.factories import actor


def begun(
    reviews: Sequence[ReviewTask], by: User, outcome: str = "approved", **wish: Any
) -> BulkJob:
    """A bulk decision of these reviews, on which no worker has worked."""
    request = BulkRequest(outcome=Outcome(outcome), **wish)
    return bulk_decisions.begin([Wanted(row.pk) for row in reviews], request, by=actor(by))


def states(job: BulkJob) -> dict[str, int]:
    """How many of its reviews have each state."""
    return dict(Counter(job.items.values_list("state", flat=True)))


def results(job: BulkJob) -> list[tuple[str, str]]:
    """State and code of each review, in their order."""
    return list(job.items.order_by("number").values_list("state", "code"))
