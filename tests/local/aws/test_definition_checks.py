"""Definitions that AWS refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.local.aws.maps import (
    distributed,
)
from tests.local.aws.workflows import (
    PASS,
    ROLE,
    Clients,
    MakeWorkflow,
    refusal,
    review,
)


@pytest.mark.parametrize(
    "machine",
    [
        {"StartAt": "Nowhere", "States": {"Pass": PASS}},
        {"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "Next": "Nowhere"}}},
        {"StartAt": "Pass", "States": {"Pass": PASS, "Lonely": PASS}},
        {"StartAt": "Pass", "States": {"Pass": {"Type": "Pass"}}},
        {"StartAt": "Pass"},
        {"StartAt": "Pass", "States": {"Pass": {"Type": "Nonsense", "End": True}}},
        {
            "StartAt": "Both",
            "States": {
                "Both": {
                    "Type": "Parallel",
                    "Branches": [{"StartAt": "Nowhere", "States": {"Pass": PASS}}],
                    "End": True,
                }
            },
        },
        "StartAt",
    ],
)
def test_a_broken_definition_is_refused(clients: Clients, machine: dict[str, Any] | str) -> None:
    definition = machine if isinstance(machine, str) else json.dumps(machine)
    given = {"name": "broken", "roleArn": ROLE}
    create = clients("stepfunctions").create_state_machine

    assert refusal(create, definition=definition, **given) == "InvalidDefinition"


def test_an_express_workflow_may_not_wait_for_a_token(workflow: MakeWorkflow) -> None:
    assert refusal(workflow, states={"Review": review()}, kind="EXPRESS") == "InvalidDefinition"


@pytest.mark.parametrize(
    "states",
    [
        distributed({"Review": review()}, kind="EXPRESS"),
        distributed(kind="SOMETHING"),
    ],
)
def test_a_map_whose_children_cannot_be_is_refused(
    workflow: MakeWorkflow, states: dict[str, Any]
) -> None:
    """ "Standard vs Express": no callback in EXPRESS; "Distributed mode": ExecutionType is needed."""
    assert refusal(workflow, states=states) == "InvalidDefinition"


def test_an_express_workflow_has_no_distributed_map(workflow: MakeWorkflow) -> None:
    assert refusal(workflow, states=distributed(), kind="EXPRESS") == "InvalidDefinition"
