"""The gateway to Step Functions: one call is one request, and every answer becomes what it proves."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.stub import Stubber

from approvals import arns
from approvals.arns import Place
from approvals.exceptions import Unavailable
from approvals.gateways import aws, stepfunctions
from approvals.gateways.errors import Answer, Proof
from tests.gateways import wire

MACHINE = "arn:aws:states:eu-west-3:123456789012:stateMachine:orders"
PLACE = Place("eu-west-3")


def test_success_and_failure_carry_exactly_what_they_are_given(stub: Stubber) -> None:
    stub.add_response("send_task_success", {}, {"taskToken": "tok", "output": "{}"})
    stub.add_response("send_task_failure", {}, {"taskToken": "tok", "error": "E", "cause": "c"})

    assert stepfunctions.send_task_success(PLACE, "tok", "{}").proof == Proof.ACCEPTED
    assert stepfunctions.send_task_failure(PLACE, "tok", "E", "c").proof == Proof.ACCEPTED


def test_parameters_that_botocore_refuses_never_leave() -> None:
    answer = stepfunctions.send_task_success(PLACE, "", "{}")

    assert answer == Answer(Proof.INVALID_OUTPUT, "ParamValidationError")


@pytest.mark.parametrize(
    ("says", "proof"),
    [
        (wire.SILENCE, "ambiguous"),
        (wire.HANG_UP, "ambiguous"),
        (wire.RESET, "ambiguous"),
        ((200, {}), "accepted"),
        ((500, {"__type": "InternalFailure"}), "ambiguous"),
        ((503, {}), "ambiguous"),
        ((400, {"__type": "ThrottlingException"}), "throttled"),
        ((400, {"__type": "com.amazonaws.swf#TaskTimedOut"}), "closed"),
    ],
)
def test_one_call_is_one_request_whatever_the_server_does(
    says: Any, proof: str, impatient: Callable[[float], None], settings: Any
) -> None:
    if says == wire.SILENCE:
        impatient(0.3)
    with wire.answering(says) as server:
        settings.AWS_ENDPOINT_URL = server.url

        answer = stepfunctions.send_task_success(PLACE, "tok", "{}")

        assert (answer.proof, len(server.requests)) == (proof, 1)


@pytest.mark.usefixtures("impatient")
def test_where_nobody_listens_nothing_was_sent(settings: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        settings.AWS_ENDPOINT_URL = f"http://127.0.0.1:{taken.getsockname()[1]}"

        answer = stepfunctions.send_task_failure(PLACE, "tok", "E", "c")

    assert answer.proof == Proof.NOT_SENT


def test_the_real_timeouts_leave_the_lease_room() -> None:
    config: Any = aws.stepfunctions(PLACE).meta.config

    assert config.connect_timeout + config.read_timeout < 30
    assert config.retries == {"total_max_attempts": 1, "mode": "standard"}


def test_starting_and_describing_an_execution(stub: Stubber) -> None:
    arn = arns.execution_arn(MACHINE, "order-1")
    stub.add_response(
        "start_execution",
        {"executionArn": arn, "startDate": 0},
        {"stateMachineArn": MACHINE, "name": "order-1", "input": "{}"},
    )
    described = {
        "executionArn": arn,
        "stateMachineArn": MACHINE,
        "status": "TIMED_OUT",
        "startDate": 0,
    }
    stub.add_response("describe_execution", described | {"input": "{}"}, {"executionArn": arn})
    stub.add_client_error("describe_execution", "ExecutionDoesNotExist", http_status_code=400)

    assert stepfunctions.start_execution(MACHINE, "order-1", "{}")[1] == arn
    answer, execution = stepfunctions.describe_execution(PLACE, arn)
    assert (answer.proof, execution.status) == (Proof.ACCEPTED, "timed_out")
    assert stepfunctions.describe_execution(PLACE, arn)[1] is None


def test_a_client_that_cannot_be_made_is_an_answer_and_no_crash(settings: Any) -> None:
    aws.forget()
    settings.AWS_ENDPOINT_URL = "nowhere"

    for answer in (
        stepfunctions.send_task_success(Place("eu-west-9"), "tok", "{}"),
        stepfunctions.send_task_failure(Place("eu-west-9"), "tok", "E", "c"),
        stepfunctions.start_execution(MACHINE, "order-1", "{}")[0],
    ):
        assert answer.proof == Proof.NOT_SENT
    aws.forget()


ARN = "arn:aws:states:eu-west-3:123456789012:execution:orders:order-7"


def test_a_redrive_and_a_stop_carry_exactly_what_they_are_given(stub: Stubber) -> None:
    moment = datetime(2026, 11, 25, tzinfo=UTC)
    redrive = {"executionArn": ARN, "clientToken": "c-1"}
    stop = {"executionArn": ARN, "error": "OrderStopped", "cause": "why"}
    stub.add_response("redrive_execution", {"redriveDate": moment}, redrive)
    stub.add_response("stop_execution", {"stopDate": moment}, stop)

    assert stepfunctions.redrive_execution(PLACE, ARN, "c-1").proof == Proof.ACCEPTED
    assert stepfunctions.stop_execution(PLACE, ARN, "OrderStopped", "why").proof == Proof.ACCEPTED


@pytest.mark.parametrize("code", ["ExecutionNotRedrivable", "ExecutionDoesNotExist", "InvalidArn"])
def test_a_redrive_that_is_refused_says_why(stub: Stubber, code: str) -> None:
    stub.add_client_error("redrive_execution", code)

    answer = stepfunctions.redrive_execution(PLACE, ARN, "c-1")

    assert (answer.proof, answer.code) == (Proof.REFUSED, code)


def test_a_definition_comes_with_its_revision_and_the_first_has_none(stub: Stubber) -> None:
    about = {
        "stateMachineArn": MACHINE,
        "name": "orders",
        "definition": "{}",
        "roleArn": "arn:aws:iam::123456789012:role/orders",
        "updateDate": datetime(2026, 11, 25, tzinfo=UTC),
    }
    stub.add_response("describe_state_machine_for_execution", about, {"executionArn": ARN})
    stub.add_response("describe_state_machine_for_execution", about | {"revisionId": "r-2"})
    stub.add_client_error("describe_state_machine_for_execution", "ExecutionDoesNotExist")

    _, first = stepfunctions.definition_of(PLACE, ARN)
    _, second = stepfunctions.definition_of(PLACE, ARN)
    answer, none = stepfunctions.definition_of(PLACE, ARN)

    assert first == stepfunctions.Definition(MACHINE, "", "{}")
    assert second is not None
    assert (second.revision, none, answer.code) == ("r-2", None, "ExecutionDoesNotExist")


def test_map_runs_are_listed_and_a_missing_right_is_an_empty_list(stub: Stubber) -> None:
    arn = f"{MACHINE.replace('stateMachine', 'execution')}:e"
    run = MACHINE.replace("stateMachine", "mapRun") + "/Orders:1"
    asked = {"executionArn": arn, "maxResults": 10}
    at = datetime(2026, 11, 1, tzinfo=UTC)
    listed = {"executionArn": arn, "mapRunArn": run, "stateMachineArn": MACHINE, "startDate": at}
    stub.add_response("list_map_runs", {"mapRuns": [listed]}, asked)
    stub.add_client_error("list_map_runs", "AccessDeniedException", expected_params=asked)
    stub.add_client_error("list_map_runs", "ThrottlingException", expected_params=asked)

    assert stepfunctions.map_runs(PLACE, arn) == [run]
    assert stepfunctions.map_runs(PLACE, arn) == []
    with pytest.raises(Unavailable, match="Throttling"):
        stepfunctions.map_runs(PLACE, arn)
