"""The context object of an execution: times, and the item of an inline Map."""

from __future__ import annotations

import json
import re

from tests.local.aws.workflows import (
    MakeWorkflow,
    review,
)

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def test_the_context_tells_when_the_execution_started(workflow: MakeWorkflow) -> None:
    """Developer guide, "Context object": ISO 8601, in UTC with milliseconds."""
    shown = {"at.$": "$$.Execution.StartTime", "redrives.$": "$$.Execution.RedriveCount"}
    flow = workflow({"Show": {"Type": "Pass", "Parameters": shown, "End": True}})

    output = json.loads(flow.end(flow.start())["output"])

    assert re.fullmatch(TIME, output["at"])
    assert output["redrives"] == 0


def test_each_item_of_a_map_waits_for_a_token_of_its_own(workflow: MakeWorkflow) -> None:
    item = review(
        Parameters={
            "QueueUrl": "QUEUE_URL",
            "MessageBody": {"taskToken.$": "$$.Task.Token", "itemIndex.$": "$$.Map.Item.Index"},
        }
    )
    each = {
        "Type": "Map",
        "ItemsPath": "$.orders",
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "INLINE"},
            "StartAt": "Review",
            "States": {"Review": item},
        },
        "End": True,
    }
    flow = workflow({"Each": each})
    arn = flow.start(input='{"orders": [5, 6, 7]}')
    for _ in range(3):
        message = flow.message()
        assert flow.succeed(message["taskToken"], str(message["itemIndex"])) == "ok"

    assert flow.end(arn)["output"] == "[0,1,2]"


def test_the_time_a_state_was_entered_has_the_same_format(workflow: MakeWorkflow) -> None:
    flow = workflow({"Review": review()})
    flow.start()

    assert re.fullmatch(TIME, flow.message()["enteredTime"])
