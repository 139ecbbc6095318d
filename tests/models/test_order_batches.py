"""Batches of orders: the database counts every row, bounds the size, and knows when one has finished."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models.functions import Now

from approvals.models import OrderBatch
from tests.models.constraints import assert_refused

pytestmark = pytest.mark.django_db
MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:orders"


@pytest.mark.parametrize(
    ("constraint", "columns"),
    [
        ("batch_size_in_range", {"size": 0}),
        ("batch_size_in_range", {"size": 251}),
        ("batch_counts_every_row", {"position": 3, "accepted": 1, "known": 1}),
        ("batch_finished_has_a_time", {"status": "finished"}),
        ("batch_finished_has_a_time", {"status": "read", "ended_at": Now()}),
    ],
)
def test_a_batch_is_whole(constraint: str, columns: dict[str, Any]) -> None:
    OrderBatch(state_machine_arn=MACHINE, mode="executions", source="api").save(force_insert=True)

    assert_refused(constraint, lambda: OrderBatch.objects.update(**columns))
