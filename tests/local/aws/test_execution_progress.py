"""A redrive runs only the branches, iterations and states that did not succeed."""

from __future__ import annotations

import json
from typing import Any

from tests.local.aws.resources import Table
from tests.local.aws.workflows import (
    DONE,
    MakeWorkflow,
    review,
)


def branches(*states: dict[str, Any]) -> list[dict[str, Any]]:
    """Branches of a Parallel, each with these states."""
    return [{"StartAt": next(iter(each)), "States": each} for each in states]


def test_of_a_parallel_only_what_did_not_succeed_runs_again(
    workflow: MakeWorkflow, table: Table
) -> None:
    """One branch is done, one failed behind its first state, one waits and is aborted."""
    flow = workflow(
        {
            "Both": {
                "Type": "Parallel",
                "Branches": branches(
                    {"Done": DONE},
                    {
                        "Ready": review(Next="Write"),
                        "Write": table.write(Next="Over"),
                        "Over": DONE,
                    },
                    {"Slow": review()},
                ),
                "End": True,
            }
        }
    )
    arn = flow.start()
    messages = {message["stateName"]: message for message in (flow.message(), flow.message())}
    flow.succeed(messages["Ready"]["taskToken"])
    assert flow.end(arn)["status"] == "FAILED"
    table.create()

    flow.redrive(arn)
    again = flow.message()
    flow.succeed(again["taskToken"], '"seen"')

    assert again["stateName"] == "Slow"
    assert json.loads(flow.end(arn)["output"]) == ["done", "done", "seen"]
    seen = flow.entered(arn)
    assert (seen.count("Done"), seen.count("Ready"), seen.count("Write")) == (1, 1, 2)


def test_of_an_inline_map_only_the_failed_iterations_run_again(
    workflow: MakeWorkflow, table: Table
) -> None:
    which = {
        "Type": "Choice",
        "Choices": [{"Variable": "$", "NumericEquals": 2, "Next": "Write"}],
        "Default": "Fine",
    }
    each = {"Which": which, "Write": table.write(), "Fine": {"Type": "Pass", "End": True}}
    processor = {"StartAt": "Which", "States": each}
    one_by_one = {"MaxConcurrency": 1, "ItemProcessor": processor}
    flow = workflow({"Each": {"Type": "Map", "End": True, **one_by_one}})
    arn = flow.start(input="[1, 2, 3]")
    flow.end(arn)
    table.create()

    flow.redrive(arn)

    assert json.loads(flow.end(arn)["output"]) == [1, 2, 3]
    seen = flow.entered(arn)
    assert (seen.count("Which"), seen.count("Write"), seen.count("Fine")) == (3, 2, 2)


def test_a_state_entered_again_in_a_loop_starts_afresh(
    workflow: MakeWorkflow, table: Table
) -> None:
    """What a Parallel had in an earlier round is not taken for the round that failed."""
    flow = workflow(
        {
            "Round": {
                "Type": "Parallel",
                "Branches": branches({"Ask": review()}),
                "ResultPath": "$.asked",
                "Next": "Again",
            },
            "Again": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.asked[0]", "StringEquals": "more", "Next": "Round"}],
                "Default": "Write",
            },
            "Write": table.write(),
        }
    )
    arn = flow.start()
    flow.succeed(flow.token(), '"more"')
    flow.succeed(flow.token(), '"enough"')
    flow.end(arn)
    table.create()

    flow.redrive(arn)

    assert json.loads(flow.end(arn)["output"]) == {"asked": ["enough"]}
    assert flow.entered(arn).count("Ask") == 2
