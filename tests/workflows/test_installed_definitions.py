"""The workflow definitions that are installed."""

from __future__ import annotations

import json

from approvals.workflows.installed_definitions import installed_definitions


def test_definitions_are_known_by_their_names_in_order_and_are_files_of_json() -> None:
    found = installed_definitions()

    assert list(found) == ["daily_orders", "order_batch", "order_fulfillment"]
    for path in found.values():
        assert json.loads(path.read_text())["StartAt"]
