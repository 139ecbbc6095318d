"""The workflow of a batch execution: it does with its orders what a child of the Distributed Map does."""

from __future__ import annotations

from tests.orchestration.definitions.definition_files import states_of


def test_both_workflows_do_the_same_with_the_orders_of_one_execution() -> None:
    batch = states_of("order_batch")
    child = states_of("daily_orders")["SettleAllOrders"]["ItemProcessor"]["States"]

    assert batch["SettleOrders"]["Parameters"].pop("orders.$") == "$.orders"
    assert child["SettleOrders"]["Parameters"].pop("orders.$") == "$.Items"
    for states in (batch, child):  # an Express child has less time for another try
        states["SettleOrders"]["Retry"][0].pop("MaxAttempts")
    assert batch == child
