"""Interventions in orders: one at a time, and an outcome with every end."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models.functions import Now

from approvals.actions import orders
from approvals.actors import COMMAND_LINE
from approvals.models import OrderExecution, OrderIntervention
from tests.models.constraints import assert_refused

pytestmark = pytest.mark.django_db
MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:orders"


@pytest.fixture
def order() -> OrderExecution:
    """An accepted order."""
    row, _ = orders.accept({"order_id": "A-1"}, state_machine_arn=MACHINE, by=COMMAND_LINE)
    return row


def test_an_order_has_one_open_intervention(order: OrderExecution) -> None:
    make = OrderIntervention.objects.create
    make(order=order, kind="redrive", outcome="done", ended_at=Now())
    make(order=order, kind="stop")

    assert_refused("order_one_hand_at_a_time", lambda: make(order=order, kind="redrive"))


@pytest.mark.parametrize("columns", [{"outcome": "done"}, {"ended_at": Now()}])
def test_an_end_has_an_outcome_and_an_outcome_an_end(
    columns: dict[str, Any], order: OrderExecution
) -> None:
    OrderIntervention.objects.create(order=order, kind="stop")

    assert_refused(
        "intervention_ended_has_an_outcome", lambda: OrderIntervention.objects.update(**columns)
    )
