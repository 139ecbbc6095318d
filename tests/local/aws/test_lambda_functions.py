"""Lambda functions of a template run the handlers of this repository."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.local.aws.workflows import Clients, MakeWorkflow
from tests.paths import ROOT


def invoke(clients: Clients, name: str, event: object = None) -> tuple[str | None, Any]:
    """Invoke a function; returns the kind of its error, if any, and its response as a value."""
    answer = clients("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
    return answer.get("FunctionError"), json.loads(answer["Payload"].read())


def test_a_handler_gets_the_event_and_a_context(
    functions: dict[str, str], clients: Clients
) -> None:
    error, answer = invoke(clients, "echo", {"order_id": 7})

    assert error is None
    assert answer["event"] == {"order_id": 7}
    assert (answer["function"], answer["request"]) == ("echo", True)
    assert 0 < answer["left"] <= 20_000


def test_an_exception_is_an_unhandled_error_named_after_its_class(
    functions: dict[str, str], clients: Clients
) -> None:
    error, answer = invoke(clients, "fail")

    assert error == "Unhandled"
    assert (answer["errorType"], answer["errorMessage"]) == ("ReviewError", "no such order")
    assert str(ROOT) not in json.dumps(answer)


def test_a_workflow_catches_the_name_of_an_exception(
    functions: dict[str, str], workflow: MakeWorkflow
) -> None:
    function = "arn:aws:lambda:us-east-1:123456789012:function:fail"
    catch = [{"ErrorEquals": ["ReviewError"], "Next": "Caught"}]
    flow = workflow(
        {
            "Call": {"Type": "Task", "Resource": function, "Catch": catch, "Next": "Fine"},
            "Fine": {"Type": "Succeed"},
            "Caught": {"Type": "Pass", "Result": "caught", "End": True},
        }
    )

    assert flow.end(flow.start())["output"] == '"caught"'


def test_each_function_sees_its_own_variables_even_at_the_same_time(
    functions: dict[str, str], clients: Clients
) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda name: invoke(clients, name)[1], ["red", "blue"] * 4))

    assert answers == [["red", "red", "us-east-1"], ["blue", "blue", "us-east-1"]] * 4


def test_a_handler_writes_to_dynamodb_of_the_same_account(
    functions: dict[str, str], clients: Clients
) -> None:
    invoke(clients, "remember", {"id": "order-7"})

    row = clients("dynamodb").get_item(TableName=functions["Table"], Key={"id": {"S": "order-7"}})
    assert row["Item"] == {"id": {"S": "order-7"}}


def test_a_function_without_a_handler_here_says_so(
    functions: dict[str, str], clients: Clients
) -> None:
    error, answer = invoke(clients, "lost")

    assert (error, answer["errorType"]) == ("Unhandled", "Runtime.ImportModuleError")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("absent", "Runtime.HandlerNotFound"), ("mumble", "Runtime.MarshalError")],
)
def test_a_handler_that_lambda_could_not_use_says_why(
    functions: dict[str, str], clients: Clients, name: str, kind: str
) -> None:
    error, answer = invoke(clients, name)

    assert (error, answer["errorType"]) == ("Unhandled", kind)


def test_a_function_may_use_the_environment_as_python_does(
    functions: dict[str, str], clients: Clients
) -> None:
    assert invoke(clients, "borrow") == (None, ["1", True, False])
