"""The acceptance of order batches: who may start one, and which settings it needs."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from approvals.exceptions import Invalid, NotAllowed, Unavailable
from approvals.models import User
from approvals.orchestration.batches import acceptance, sources
from approvals.orchestration.batches.acceptance import BatchOptions
from tests.factories import actor
from tests.order_batches import accepted, order

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("starts")]


def test_a_batch_needs_the_right_to_orders_and_its_machines(
    settings: Settings, alice: User
) -> None:
    body = "[]"
    with pytest.raises(NotAllowed):
        acceptance.accept(
            sources.of_body(body), BatchOptions("executions"), body=body, by=actor(alice, "api")
        )
    settings.ORDER_BATCH_STATE_MACHINE_ARN = ""
    with pytest.raises(Unavailable, match="ORDER_BATCH_STATE_MACHINE_ARN"):
        accepted([order(1)], "batches")
    with pytest.raises(Unavailable, match="ORDER_BUCKETS"):
        accepted([order(1)], "map")
    with pytest.raises(Invalid, match="1 to 250"):
        accepted([order(1)], size=251)
