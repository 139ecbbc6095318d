"""Definitions with the fields of a distributed Map that moto does not parse."""

from __future__ import annotations

import json

from tests.local.aws.maps import (
    FAIL_TWO,
    distributed,
    run,
)
from tests.local.aws.workflows import (
    PASS,
    Clients,
    MakeWorkflow,
)


def test_an_inner_inline_map_catches_what_one_order_does(workflow: MakeWorkflow) -> None:
    """One bad order in a batch need not fail it: an INLINE Map with a Catch for each."""
    each = {"Which": {**FAIL_TWO["Which"]}, "Broken": FAIL_TWO["Broken"], "Pass": PASS}
    caught = {
        "Each": {
            "Type": "Parallel",
            "Branches": [{"StartAt": "Which", "States": each}],
            "Catch": [{"ErrorEquals": ["BadOrder"], "Next": "Noted"}],
            "End": True,
        },
        "Noted": {"Type": "Pass", "Result": "noted", "End": True},
    }
    inner = {
        "Orders of the batch": {
            "Type": "Map",
            "ItemsPath": "$.Items",
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "INLINE"},
                "StartAt": "Each",
                "States": caught,
            },
            "End": True,
        }
    }
    flow = workflow(distributed(inner, ItemBatcher={"MaxItemsPerBatch": 10}))

    assert json.loads(run(flow)["output"]) == [[[1], "noted", [3]]]


def test_a_map_below_a_parallel_keeps_the_fields_that_moto_does_not_know(
    workflow: MakeWorkflow,
) -> None:
    orders = {"StartAt": "Orders", "States": distributed(ItemBatcher={"MaxItemsPerBatch": 2})}
    flow = workflow({"Both": {"Type": "Parallel", "Branches": [orders], "End": True}})

    assert json.loads(run(flow)["output"]) == [[{"Items": [1, 2]}, {"Items": [3]}]]


def test_the_definition_is_shown_as_it_was_given(workflow: MakeWorkflow, clients: Clients) -> None:
    given = distributed(ItemBatcher={"MaxItemsPerBatch": 2}, ToleratedFailurePercentage=20)
    flow = workflow(given)

    shown = clients("stepfunctions").describe_state_machine(stateMachineArn=flow.arn)["definition"]

    assert json.loads(shown)["States"] == given
