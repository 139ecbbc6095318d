"""`price_workflow`: what a definition costs a month, and exit code 3 where it cannot be EXPRESS."""

from __future__ import annotations

import json

from tests.management.command_line import ended
from tests.workflows.linting.definitions import ORDERS


def test_each_way_to_run_a_definition_has_its_price() -> None:
    code, output = ended("price_workflow", str(ORDERS), "--per-month", "1000000", "--json")

    ways = json.loads(output)["ways"]
    assert code == 0
    assert {way["possible"] for way in ways} == {True, False}
    assert all(way["total"] > 0 for way in ways if way["possible"])


def test_a_definition_that_waits_for_people_cannot_be_express() -> None:
    code, _ = ended("price_workflow", str(ORDERS), "--per-month", "9", "--express")

    assert code == 3
