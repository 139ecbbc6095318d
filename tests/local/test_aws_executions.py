"""Executions of the local account: names, reading, definitions that are refused, status events."""

from __future__ import annotations

import json
import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.conftest import Clients, review

PASS = {"Type": "Pass", "End": True}


def code(call, **given) -> str:
    with pytest.raises(ClientError) as refused:
        call(**given)
    return str(refused.value.response["Error"]["Code"])


def test_an_execution_without_a_name_gets_one(workflow: Any, clients: Clients) -> None:
    flow = workflow({"Pass": PASS})
    arn = flow.start()

    name = flow.end(arn)["name"]

    assert len(name) == 36
    assert arn.endswith(f":{name}")


def test_the_same_name_and_input_again_is_the_same_execution_while_it_runs(workflow: Any) -> None:
    flow = workflow({"Review": review()})

    assert flow.start(name="order-7", input="{}") == flow.start(name="order-7", input="{}")


def test_a_name_with_another_input_or_of_a_closed_execution_is_taken(workflow: Any) -> None:
    flow = workflow({"Review": review()})
    arn = flow.start(name="order-7", input="{}")

    assert code(flow.start, name="order-7", input="[]") == "ExecutionAlreadyExists"
    flow.succeed(flow.token())
    flow.end(arn)
    assert code(flow.start, name="order-7", input="{}") == "ExecutionAlreadyExists"


def test_simultaneous_starts_with_one_name_make_one_execution(
    workflow: Any, clients: Clients
) -> None:
    flow = workflow({"Review": review()})
    with ThreadPoolExecutor(8) as pool:
        arns = set(pool.map(lambda _: flow.start(name="order-7", input="{}"), range(8)))

    assert len(arns) == 1
    listed = clients("stepfunctions").list_executions(stateMachineArn=flow.arn)["executions"]
    assert len(listed) == 1


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"name": "order 7"}, "InvalidName"),
        ({"name": "n" * 81}, "ValidationException"),
        ({"input": "order"}, "InvalidExecutionInput"),
        ({"input": json.dumps("x" * 262_143)}, "ValidationException"),
    ],
)
def test_what_aws_refuses_to_start(workflow: Any, given: Any, refusal: Any) -> None:
    assert code(workflow({"Pass": PASS}).start, **given) == refusal


@pytest.mark.parametrize("output", ['"7"', "7", "null", '{"a":"ü"}', "[]"])
def test_the_output_is_json_text_whatever_its_type(workflow: Any, output: Any) -> None:
    flow = workflow({"Pass": PASS})

    end = flow.end(flow.start(input=output))

    assert json.loads(end["output"]) == json.loads(output)
    assert end["outputDetails"] == {"included": True}


def test_the_list_of_executions_says_when_each_stopped(workflow: Any, clients: Clients) -> None:
    flow = workflow({"Review": review()}, TimeoutSeconds=1)
    flow.end(flow.start())

    (item,) = clients("stepfunctions").list_executions(stateMachineArn=flow.arn)["executions"]

    assert item["status"] == "TIMED_OUT"
    assert item["stopDate"] >= item["startDate"]


def test_stopping_a_waiting_execution_does_not_wait_for_it(workflow: Any, clients: Clients) -> None:
    flow = workflow({"Wait": {"Type": "Wait", "Seconds": 60, "End": True}})
    arn = flow.start()

    clients("stepfunctions").stop_execution(executionArn=arn)

    assert flow.end(arn)["status"] == "ABORTED"


def test_an_unknown_execution_does_not_exist(workflow: Any, clients: Clients) -> None:
    flow = workflow({"Pass": PASS})
    arn = flow.start().rpartition(":")[0] + ":nobody"
    sfn = clients("stepfunctions")

    for call in (sfn.describe_execution, sfn.get_execution_history, sfn.stop_execution):
        assert code(call, executionArn=arn) == "ExecutionDoesNotExist"


def test_executions_are_listed_newest_first_in_pages(workflow: Any, clients: Clients) -> None:
    """API reference, ListExecutions: a page's token stays good while newer executions start."""
    flow = workflow({"Pass": PASS})
    arns = [flow.start() for _ in range(3)]
    for arn in arns:
        flow.end(arn)
    listed = clients("stepfunctions").list_executions

    first = listed(stateMachineArn=flow.arn, maxResults=2)
    newer = flow.start()
    second = listed(stateMachineArn=flow.arn, maxResults=2, nextToken=first["nextToken"])
    flow.end(newer)

    pages = [[each["executionArn"] for each in page["executions"]] for page in (first, second)]
    assert pages == [[arns[2], arns[1]], [arns[0]]]
    assert "nextToken" not in second
    assert listed(stateMachineArn=flow.arn, statusFilter="FAILED")["executions"] == []
    assert code(listed, stateMachineArn=flow.arn, nextToken="nonsense") == "InvalidToken"


def test_the_context_tells_when_the_execution_started(workflow: Any) -> None:
    """Dev guide, "Context object": ISO 8601, in UTC with milliseconds."""
    shown = {"at.$": "$$.Execution.StartTime", "redrives.$": "$$.Execution.RedriveCount"}
    flow = workflow({"Show": {"Type": "Pass", "Parameters": shown, "End": True}})

    output = json.loads(flow.end(flow.start())["output"])

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", output["at"])
    assert output["redrives"] == 0


def test_the_history_comes_in_pages_from_either_end(workflow: Any, clients: Clients) -> None:
    flow = workflow({"One": {"Type": "Pass", "Next": "Two"}, "Two": PASS})
    arn = flow.start()
    flow.end(arn)

    forwards = [event["id"] for event in flow.events(arn, maxResults=4)]
    backwards = [event["id"] for event in flow.events(arn, maxResults=4, reverseOrder=True)]

    assert forwards == [1, 2, 3, 4, 5, 6]
    assert backwards == [6, 5, 4, 3, 2, 1]
    without = flow.events(arn, includeExecutionData=False)
    assert "input" not in without[0]["executionStartedEventDetails"]


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
def test_a_broken_definition_is_refused(clients: Clients, machine: str) -> None:
    definition = machine if isinstance(machine, str) else json.dumps(machine)
    given = {"name": "broken", "roleArn": "arn:aws:iam::123456789012:role/local"}
    create = clients("stepfunctions").create_state_machine

    assert code(create, definition=definition, **given) == "InvalidDefinition"


def test_an_express_workflow_may_not_wait_for_a_token(workflow: Any) -> None:
    assert code(workflow, states={"Review": review()}, kind="EXPRESS") == "InvalidDefinition"


def test_a_changed_definition_is_checked_and_used_by_the_next_execution(
    workflow: Any, clients: Clients
) -> None:
    flow = workflow({"Pass": PASS})
    update = clients("stepfunctions").update_state_machine
    changed = {"StartAt": "Pass", "States": {"Pass": {**PASS, "Result": "new"}}}

    assert code(update, stateMachineArn=flow.arn, definition='{"States": {}}') == (
        "InvalidDefinition"
    )
    update(stateMachineArn=flow.arn, definition=json.dumps(changed))

    assert flow.end(flow.start())["output"] == '"new"'


def test_a_second_state_machine_of_the_same_name_is_refused(
    workflow: Any, clients: Clients
) -> None:
    flow = workflow({"Pass": PASS})
    given = {"name": flow.arn.rpartition(":")[2], "roleArn": "arn:aws:iam::123456789012:role/local"}
    other = json.dumps({"StartAt": "Other", "States": {"Other": PASS}})
    create = clients("stepfunctions").create_state_machine

    assert code(create, definition=other, **given) == "StateMachineAlreadyExists"


@pytest.fixture
def status_events(clients: Clients):
    """Let the status events of these machines arrive in a queue; return what receives `count`."""

    def subscribe(*machines: str):
        name = f"status-{uuid.uuid4()}"
        queue_url = clients("sqs").create_queue(QueueName=name)["QueueUrl"]
        queue_arn = clients("sqs").get_queue_attributes(
            QueueUrl=queue_url, AttributeNames=["QueueArn"]
        )["Attributes"]["QueueArn"]
        pattern = {"source": ["aws.states"], "detail": {"stateMachineArn": machines}}
        clients("events").put_rule(Name=name, EventPattern=json.dumps(pattern))
        clients("events").put_targets(Rule=name, Targets=[{"Id": "q", "Arn": queue_arn}])

        def receive(count: int) -> list[dict[str, Any]]:
            seen: list[dict[str, Any]] = []
            while len(seen) < count:
                got = clients("sqs").receive_message(QueueUrl=queue_url, WaitTimeSeconds=5)
                seen += [json.loads(message["Body"]) for message in got["Messages"]]
            return seen

        return receive

    return subscribe


def test_a_redrive_is_announced_with_its_count_and_version(
    workflow: Any, clients: Clients, status_events: Any
) -> None:
    """EventBridge, "Step Functions Execution Status Change": redriveCount, redriveDate, version."""
    flow = workflow({"Review": review()})
    receive = status_events(flow.arn)
    sfn = clients("stepfunctions")
    version = sfn.publish_state_machine_version(stateMachineArn=flow.arn)["stateMachineVersionArn"]
    arn = sfn.start_execution(stateMachineArn=version)["executionArn"]
    flow.fail(flow.token(), error="ReviewRejected", cause="no")
    flow.end(arn)
    receive(2)

    sfn.redrive_execution(executionArn=arn)
    flow.succeed(flow.token())

    details = {event["detail"]["status"]: event["detail"] for event in receive(2)}
    assert details.keys() == {"RUNNING", "SUCCEEDED"}
    assert {each["redriveCount"] for each in details.values()} == {1}
    assert {each["stateMachineVersionArn"] for each in details.values()} == {version}
    assert details["RUNNING"]["redriveDate"] > details["RUNNING"]["startDate"]


def test_an_express_workflow_announces_nothing(workflow: Any, status_events: Any) -> None:
    """Dev guide, "Automating event delivery": status events are of Standard workflows."""
    express, standard = workflow({"Pass": PASS}, kind="EXPRESS"), workflow({"Pass": PASS})
    receive = status_events(express.arn, standard.arn)

    express.end(express.start())
    standard.end(standard.start())

    assert {event["detail"]["stateMachineArn"] for event in receive(2)} == {standard.arn}


def test_the_default_bus_carries_each_change_of_status(workflow: Any, status_events: Any) -> None:
    flow = workflow({"Review": review()})
    receive = status_events(flow.arn)

    arn = flow.start(input='{"order_id": 7}')
    flow.fail(flow.token(), error="ReviewRejected", cause="no")
    flow.end(arn)

    seen = receive(2)
    details = {event["detail"]["status"]: event["detail"] for event in seen}
    assert seen[0]["detail-type"] == "Step Functions Execution Status Change"
    assert details.keys() == {"RUNNING", "FAILED"}
    assert details["FAILED"]["executionArn"] == arn
    assert (details["FAILED"]["error"], details["FAILED"]["cause"]) == ("ReviewRejected", "no")
    assert details["FAILED"]["input"] == '{"order_id": 7}'
    assert details["RUNNING"]["stopDate"] is None
    assert details["FAILED"]["stopDate"] > 1_600_000_000_000
