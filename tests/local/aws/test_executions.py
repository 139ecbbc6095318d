"""Executions: names, inputs, outputs, how they are started and stopped."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.local.aws.workflows import (
    LONG_WAIT,
    PASS,
    ROLE,
    Clients,
    MakeWorkflow,
    refusal,
    review,
)


def test_an_execution_without_a_name_gets_one(workflow: MakeWorkflow) -> None:
    flow = workflow({"Pass": PASS})
    arn = flow.start()

    name = flow.end(arn)["name"]

    assert len(name) == 36
    assert arn.endswith(f":{name}")


def test_the_same_name_and_input_again_is_the_same_execution_while_it_runs(
    workflow: MakeWorkflow,
) -> None:
    flow = workflow({"Review": review()})

    assert flow.start(name="order-7", input="{}") == flow.start(name="order-7", input="{}")


def test_a_name_with_another_input_or_of_a_closed_execution_is_taken(
    workflow: MakeWorkflow,
) -> None:
    flow = workflow({"Review": review()})
    arn = flow.start(name="order-7", input="{}")

    assert refusal(flow.start, name="order-7", input="[]") == "ExecutionAlreadyExists"
    flow.succeed(flow.token())
    flow.end(arn)
    assert refusal(flow.start, name="order-7", input="{}") == "ExecutionAlreadyExists"


def test_simultaneous_starts_with_one_name_make_one_execution(
    workflow: MakeWorkflow, clients: Clients
) -> None:
    flow = workflow({"Review": review()})
    with ThreadPoolExecutor(8) as pool:
        arns = set(pool.map(lambda _: flow.start(name="order-7", input="{}"), range(8)))

    assert len(arns) == 1
    listed = clients("stepfunctions").list_executions(stateMachineArn=flow.arn)["executions"]
    assert len(listed) == 1


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"name": "order 7"}, "InvalidName"),
        ({"name": "n" * 81}, "ValidationException"),
        ({"input": "order"}, "InvalidExecutionInput"),
        ({"input": json.dumps("x" * 262_143)}, "ValidationException"),
    ],
)
def test_what_aws_refuses_to_start(
    workflow: MakeWorkflow, given: dict[str, str], code: str
) -> None:
    assert refusal(workflow({"Pass": PASS}).start, **given) == code


@pytest.mark.parametrize("output", ['"7"', "7", "null", '{"a":"ü"}', "[]"])
def test_the_output_is_json_text_whatever_its_type(workflow: MakeWorkflow, output: str) -> None:
    flow = workflow({"Pass": PASS})

    end = flow.end(flow.start(input=output))

    assert json.loads(end["output"]) == json.loads(output)
    assert end["outputDetails"] == {"included": True}


def test_stopping_a_waiting_execution_does_not_wait_for_it(
    workflow: MakeWorkflow, clients: Clients
) -> None:
    flow = workflow({"Wait": LONG_WAIT})
    arn = flow.start()

    clients("stepfunctions").stop_execution(executionArn=arn)

    assert flow.end(arn)["status"] == "ABORTED"


def test_an_unknown_execution_does_not_exist(workflow: MakeWorkflow, clients: Clients) -> None:
    flow = workflow({"Pass": PASS})
    arn = flow.start().rpartition(":")[0] + ":nobody"
    sfn = clients("stepfunctions")

    for call in (sfn.describe_execution, sfn.get_execution_history, sfn.stop_execution):
        assert refusal(call, executionArn=arn) == "ExecutionDoesNotExist"


def test_a_changed_definition_is_checked_and_used_by_the_next_execution(
    workflow: MakeWorkflow, clients: Clients
) -> None:
    flow = workflow({"Pass": PASS})
    update = clients("stepfunctions").update_state_machine
    changed = {"StartAt": "Pass", "States": {"Pass": {**PASS, "Result": "new"}}}

    assert refusal(update, stateMachineArn=flow.arn, definition='{"States": {}}') == (
        "InvalidDefinition"
    )
    update(stateMachineArn=flow.arn, definition=json.dumps(changed))

    assert flow.end(flow.start())["output"] == '"new"'


def test_a_second_state_machine_of_the_same_name_is_refused(
    workflow: MakeWorkflow, clients: Clients
) -> None:
    flow = workflow({"Pass": PASS})
    given = {"name": flow.arn.rpartition(":")[2], "roleArn": ROLE}
    other = json.dumps({"StartAt": "Other", "States": {"Other": PASS}})
    create = clients("stepfunctions").create_state_machine

    assert refusal(create, definition=other, **given) == "StateMachineAlreadyExists"
