"""The body of a batch: orders or a source, never both or none."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.api.serializers.order_batches import BatchBody

ORDERS, SOURCE = {"orders": [{"order_id": "A-1"}]}, {"source": "s3://daily-orders/25.json"}


@pytest.mark.parametrize(("body", "taken"), [(ORDERS, True), (SOURCE, True), ({}, False)])
def test_one_of_orders_and_source_is_given(body: dict[str, Any], taken: bool) -> None:
    assert BatchBody(data=body).is_valid() == taken
    assert not BatchBody(data=ORDERS | SOURCE).is_valid()


def test_what_is_left_out_has_its_default() -> None:
    asked = BatchBody(data=ORDERS)

    assert asked.is_valid()
    assert (asked.validated_data["mode"], asked.validated_data["on_bad_row"]) == (
        "executions", "skip",
    )  # fmt: skip
    assert asked.validated_data["batch_size"] == 100
