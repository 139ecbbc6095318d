"""The errors of a definition's Fail states, at any depth and of any JSON value."""

from __future__ import annotations

import json
from typing import Any

import pytest

from approvals.workflows.asl.fail_states import fail_state_errors
from tests.workflows.linting.definitions import ORDERS, workflow


def fails(error: Any) -> dict[str, Any]:
    return {"StartAt": "No", "States": {"No": {"Type": "Fail", "Error": error}}}


def test_fail_states_are_found_in_branches_and_in_both_kinds_of_map() -> None:
    body = workflow(
        Both={"Type": "Parallel", "Branches": [fails("Left"), fails("Right")], "Next": "Each"},
        Each={"Type": "Map", "ItemProcessor": fails("Item"), "Next": "Old"},
        Old={"Type": "Map", "Iterator": fails("OldItem"), "Next": "Over"},
    )

    assert fail_state_errors(body) == {"Left", "Right", "Item", "OldItem", "TurnedDown"}


def test_errors_that_states_only_catch_are_no_errors_of_fail_states() -> None:
    errors = fail_state_errors(json.loads(ORDERS.read_text()))

    assert errors >= {"OrderRejected", "OrderExpired", "RollbackFailed"}
    assert not errors & {"States.ALL", "ReviewRejected"}


@pytest.mark.parametrize(
    "document",
    [
        None, 5, [], {}, {"States": []}, {"States": {"a": 1}}, fails(None), fails(["x"]),
        {"States": {"a": {"Type": "Fail", "Branches": 7, "ItemProcessor": [], "Iterator": "x"}}},
    ],
    ids=repr,
)  # fmt: skip
def test_a_malformed_definition_has_none(document: Any) -> None:
    assert fail_state_errors(document) == frozenset()


def test_a_deeply_nested_definition_is_searched_to_the_bottom() -> None:
    body = fails("Deep")
    for _ in range(400):
        body = {"States": {"p": {"Type": "Parallel", "Branches": [body]}}}

    assert fail_state_errors(body) == {"Deep"}
