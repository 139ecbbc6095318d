"""Starting orders: one order, one execution, however often it is asked for and whatever AWS answers."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from approvals.actions import people
from approvals.actors import COMMAND_LINE
from approvals.delivery import lanes
from approvals.exceptions import NotAllowed, OrderConflict, Unavailable
from approvals.models import OrderExecution, OutboxEntry, User
from tests.races import at_once
from tests.starts import MACHINE, Starts, start

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("starts")]


@pytest.mark.django_db(transaction=True)
def test_an_order_asked_for_by_sixteen_at_once_is_stored_and_started_once(
    starts: Starts,
) -> None:
    rows = at_once([lambda: start({"order_id": "7"})] * 16)
    at_once([lambda: lanes.drain(OutboxEntry.Lane.EXECUTIONS)] * 4)

    assert {row.pk for row in rows} == {OrderExecution.objects.get().pk}
    assert starts.started == [(MACHINE, "order-7", '{"order_id":"7"}')]


def test_who_has_no_right_to_orders_starts_none_and_without_a_workflow_nobody(
    carol: User, settings: Settings
) -> None:
    with pytest.raises(NotAllowed):
        start({"order_id": "7"}, by=carol)
    people.grant_site(carol, "orders", by=COMMAND_LINE)
    assert start({"order_id": "7"}, by=carol).created_by == carol

    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = ""
    with pytest.raises(Unavailable):
        start({"order_id": "8"}, by=carol)


def test_a_new_version_of_the_workflow_is_no_new_machine_for_an_order(
    settings: Settings,
) -> None:
    rows = []
    for arn in (MACHINE, f"{MACHINE}:3", f"{MACHINE}:live"):
        settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = arn
        rows.append(start({"order_id": "7"}))
        with pytest.raises(OrderConflict):
            start({"order_id": "7", "total": 1})

    assert rows[0] == rows[1] == rows[2]
    assert OutboxEntry.objects.count() == 1
