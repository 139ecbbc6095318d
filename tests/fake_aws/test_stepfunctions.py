"""The operations of Step Functions: names, limits, pages and refusals, as AWS documents them.

A docstring names the page of AWS that a rule comes from.
"""

from __future__ import annotations

import json
from typing import Any

from tests.fake_aws.clients import OUTPUT, FakeAccount, client, refusal, wrong_refusals

LONG_NAME = "n" * 81
# operation, arguments (MACHINE, ARN and TOKEN stand for live ones), code, a part of the message
REFUSALS: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "send_task_success",
        {"taskToken": "unknown", "output": "{}"},
        "InvalidToken",
        "Invalid token",
    ),
    ("send_task_heartbeat", {"taskToken": "unknown"}, "InvalidToken", "Invalid Token: 'Invalid"),
    ("send_task_success", {"taskToken": "TOKEN", "output": "{not"}, "InvalidOutput", "JSON"),
    ("send_task_success", {"taskToken": "TOKEN", "output": "NaN"}, "InvalidOutput", "JSON"),
    ("send_task_success", {"taskToken": "TOKEN", "output": ""}, "InvalidOutput", "JSON"),
    (
        "send_task_success",
        {"taskToken": "TOKEN", "output": json.dumps("é" * 131_072, ensure_ascii=False)},
        "ValidationException",
        "262144",
    ),
    ("send_task_success", {"taskToken": "t" * 2049, "output": "{}"}, "ValidationException", "2048"),
    ("send_task_failure", {"taskToken": "TOKEN", "error": "e" * 257}, "ValidationException", "256"),
    (
        "send_task_failure",
        {"taskToken": "TOKEN", "cause": "c" * 32_769},
        "ValidationException",
        "32768",
    ),
    ("start_execution", {"stateMachineArn": "MACHINE", "name": "a b"}, "InvalidName", "a b"),
    ("start_execution", {"stateMachineArn": "MACHINE", "name": "a/b"}, "InvalidName", "a/b"),
    (
        "start_execution",
        {"stateMachineArn": "MACHINE", "name": LONG_NAME},
        "ValidationException",
        "80",
    ),
    (
        "start_execution",
        {"stateMachineArn": "MACHINE", "input": "{"},
        "InvalidExecutionInput",
        "JSON",
    ),
    (
        "start_execution",
        {"stateMachineArn": "MACHINE", "input": json.dumps("x" * 262_143)},
        "ValidationException",
        "262144",
    ),
    ("start_execution", {"stateMachineArn": "MACHINE-not"}, "StateMachineDoesNotExist", "MACHINE"),
    ("start_execution", {"stateMachineArn": "nonsense"}, "InvalidArn", "nonsense"),
    ("describe_execution", {"executionArn": "ARN-not"}, "ExecutionDoesNotExist", "ARN-not"),
    ("get_execution_history", {"executionArn": "ARN", "nextToken": "x"}, "InvalidToken", "token"),
    (
        "get_execution_history",
        {"executionArn": "ARN", "maxResults": 1001},
        "ValidationException",
        "1000",
    ),
    ("redrive_execution", {"executionArn": "ARN"}, "ExecutionNotRedrivable", "RUNNING"),
]


def test_every_reply_of_step_functions_fits_the_model(fake: FakeAccount) -> None:
    arn = fake.sfn.start_execution(stateMachineArn=fake.machine, name="o-1", input="{}")[
        "executionArn"
    ]
    token = fake.aws.tasks(arn)[0]["token"]
    fake.sfn.send_task_heartbeat(taskToken=token)
    fake.sfn.send_task_failure(taskToken=token, error="ReviewRejected", cause="no")
    fake.sfn.redrive_execution(executionArn=arn)
    fake.sfn.describe_state_machine_for_execution(executionArn=arn)
    fake.sfn.send_task_success(taskToken=fake.aws.tasks(arn)[-1]["token"], output=OUTPUT)
    other, _ = fake.order("o-2")
    fake.sfn.stop_execution(executionArn=other, error="Operator", cause="stopped")
    assert fake.status(arn) == "SUCCEEDED"
    assert len(fake.sfn.list_executions(stateMachineArn=fake.machine)["executions"]) == 2
    assert fake.events(arn)
    served = {line["op"] for line in fake.aws.log.calls()}
    assert served == set(fake.aws.account.stepfunctions.operations)


def test_each_documented_refusal_has_its_code_and_its_message(fake: FakeAccount) -> None:
    arn, token = fake.order()
    live = {"MACHINE": fake.machine, "ARN": arn, "TOKEN": token}
    assert wrong_refusals(fake.sfn, REFUSALS, live) == []
    assert fake.aws.log.effect_of(token) is None  # none of these closed it


def test_a_forbidden_character_is_no_name(fake: FakeAccount) -> None:
    """API reference, StartExecution: `name`."""
    accepted = []
    for character in [*'<>{}[]?*"#%\\^|~`$&,;:/ \t\n', "\x7f", "\u0085", "\u00a0"]:
        start = {"stateMachineArn": fake.machine, "name": f"order{character}1"}
        if refusal(fake.sfn.start_execution, **start) != "InvalidName":
            accepted.append(character)
    assert accepted == []
    fake.sfn.start_execution(stateMachineArn=fake.machine, name="o" * 79 + "é")


def test_the_limits_themselves_are_accepted(fake: FakeAccount) -> None:
    """262,144 bytes of output, 256 and 32,768 characters of error and cause."""
    _, first = fake.order("o-1")
    _, second = fake.order("o-2")
    fake.sfn.send_task_success(taskToken=first, output=json.dumps("x" * 262_142))
    fake.sfn.send_task_failure(taskToken=second, error="é" * 256, cause="é" * 32_768)


def test_a_token_is_good_in_its_own_region_only(fake: FakeAccount) -> None:
    """API reference, SendTaskSuccess: only at the endpoint of the token's region."""
    _, token = fake.order()
    elsewhere = client("stepfunctions", fake.aws.endpoint, "us-east-1")
    assert refusal(elsewhere.send_task_success, taskToken=token, output="{}") == "InvalidToken"
    elsewhere.close()
    fake.sfn.send_task_success(taskToken=token, output="{}")


def test_a_start_is_idempotent_only_while_it_runs_with_the_same_input(fake: FakeAccount) -> None:
    """API reference, StartExecution; the name is free again 90 days after the end."""
    start = {"stateMachineArn": fake.machine, "name": "order-1", "input": '{"order_id":"1"}'}
    first = fake.sfn.start_execution(**start)
    assert fake.sfn.start_execution(**start)["startDate"] == first["startDate"]
    assert len(fake.aws.log.effects("ExecutionStarted")) == 1
    other = {**start, "input": '{"order_id": "1"}'}
    assert refusal(fake.sfn.start_execution, **other) == "ExecutionAlreadyExists"
    fake.aws.abort(first["executionArn"])
    assert refusal(fake.sfn.start_execution, **start) == "ExecutionAlreadyExists"
    fake.aws.advance(91 * 86_400)
    assert (
        refusal(fake.sfn.describe_execution, executionArn=first["executionArn"])
        == "ExecutionDoesNotExist"
    )
    fake.sfn.start_execution(**start)
    assert fake.status(first["executionArn"]) == "RUNNING"


def test_an_execution_keeps_the_definition_it_was_started_with(fake: FakeAccount) -> None:
    """API reference, DescribeStateMachineForExecution; the first revision has no id."""
    arn, _ = fake.order()
    ask = fake.sfn.describe_state_machine_for_execution
    first = ask(executionArn=arn)
    assert "revisionId" not in first
    fake.aws.machine(review_queue_url="", revision="r-2", definition={"StartAt": "Else"})
    assert ask(executionArn=arn)["definition"] == first["definition"]


def test_executions_are_listed_newest_first_by_status_and_page(fake: FakeAccount) -> None:
    """API reference, ListExecutions."""
    arns = [fake.order(f"o-{number}")[0] for number in range(5)]
    fake.aws.abort(arns[0])
    listed = fake.sfn.get_paginator("list_executions")
    asked = {"stateMachineArn": fake.machine, "PaginationConfig": {"PageSize": 2}}
    running = listed.paginate(statusFilter="RUNNING", **asked).search("executions[].name")
    assert list(running) == ["o-4", "o-3", "o-2", "o-1"]
    assert len(list(listed.paginate(**asked))) == 3


def test_a_client_token_is_forgotten_after_a_quarter_of_an_hour(fake: FakeAccount) -> None:
    """API reference, RedriveExecution: clientToken, 15 minutes."""
    arn, _ = fake.order()

    def redrive() -> dict[str, Any]:
        return dict(fake.sfn.redrive_execution(executionArn=arn, clientToken="c"))

    fake.aws.abort(arn)
    first = redrive()["redriveDate"]
    fake.aws.abort(arn)
    fake.aws.advance(899)
    assert redrive()["redriveDate"] == first
    assert fake.aws.execution(arn)["redrive_count"] == 1
    fake.aws.advance(2)
    redrive()
    assert fake.aws.execution(arn)["redrive_count"] == 2
