"""The gateway to Step Functions: one call is one request, and every answer becomes what it proves."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import SSLError
from botocore.stub import Stubber

from approvals import arns
from approvals.arns import Place
from approvals.gateways import aws, stepfunctions
from approvals.gateways.errors import Answer, Proof, classify
from tests.gateways import wire

MACHINE = "arn:aws:states:eu-west-3:123456789012:stateMachine:orders"
PLACE = Place("eu-west-3")


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Clients are made anew, and wait for an answer for 0.3 s instead of 10."""
    made = Config

    def hasty(**options: Any) -> Config:
        return made(**options | {"read_timeout": 0.3, "connect_timeout": 0.3})

    monkeypatch.setattr(aws, "Config", hasty)
    aws.forget()
    yield monkeypatch
    aws.forget()


@pytest.fixture
def stub() -> Iterator[Stubber]:
    """botocore's Stubber: parameters are validated, errors are the modelled ones."""
    with Stubber(aws.stepfunctions(PLACE)) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def test_success_and_failure_carry_exactly_what_they_are_given(stub: Stubber) -> None:
    stub.add_response("send_task_success", {}, {"taskToken": "tok", "output": "{}"})
    stub.add_response("send_task_failure", {}, {"taskToken": "tok", "error": "E", "cause": "c"})

    assert stepfunctions.send_task_success(PLACE, "tok", "{}").proof == Proof.ACCEPTED
    assert stepfunctions.send_task_failure(PLACE, "tok", "E", "c").proof == Proof.ACCEPTED


@pytest.mark.parametrize(
    ("code", "status", "proof"),
    [
        ("TaskTimedOut", 400, "closed"), ("TaskDoesNotExist", 400, "closed"),
        ("InvalidToken", 400, "invalid_token"), ("InvalidOutput", 400, "invalid_output"),
        ("ValidationException", 400, "invalid_output"),
        ("ThrottlingException", 400, "throttled"), ("KmsThrottlingException", 400, "throttled"),
        ("SomethingNew", 429, "throttled"), ("", 429, "throttled"),
        ("AccessDeniedException", 400, "access_denied"), ("ExpiredTokenException", 400, "access_denied"),
        ("UnrecognizedClientException", 400, "access_denied"),
        ("InvalidSignatureException", 400, "access_denied"),
        ("KmsAccessDeniedException", 400, "access_denied"),
        ("KmsInvalidStateException", 400, "access_denied"),
        ("InternalFailure", 500, "ambiguous"), ("ServiceUnavailable", 503, "ambiguous"),
        ("", 502, "ambiguous"), ("SomethingNew", 400, "ambiguous"),
    ],
)  # fmt: skip
def test_each_error_of_aws_proves_what_the_table_says(
    code: str, status: int, proof: str, stub: Stubber
) -> None:
    for call in ("send_task_success", "send_task_failure"):
        stub.add_client_error(
            call, code, "the secret token", status, response_meta={"RequestId": "r"}
        )

    answers = {
        stepfunctions.send_task_success(PLACE, "tok", "{}"),
        stepfunctions.send_task_failure(PLACE, "tok", "E", "c"),
    }

    assert answers == {Answer(Proof(proof), code or f"HTTP {status}", "r")}


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
    says: Any, proof: str, fresh: pytest.MonkeyPatch, settings: Any
) -> None:
    with wire.answering(says) as server:
        settings.AWS_ENDPOINT_URL = server.url

        answer = stepfunctions.send_task_success(PLACE, "tok", "{}")

        assert (answer.proof, len(server.requests)) == (proof, 1)


def test_where_nobody_listens_nothing_was_sent(fresh: pytest.MonkeyPatch, settings: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        settings.AWS_ENDPOINT_URL = f"http://127.0.0.1:{taken.getsockname()[1]}"

        answer = stepfunctions.send_task_failure(PLACE, "tok", "E", "c")

    assert answer.proof == Proof.NOT_SENT


def test_a_tls_error_may_come_after_the_request_and_so_proves_nothing() -> None:
    error = SSLError(endpoint_url="https://x", error="EOF occurred in violation of protocol")

    assert classify(error).proof == Proof.AMBIGUOUS


def test_the_real_timeouts_leave_the_lease_room() -> None:
    config = aws.stepfunctions(PLACE).meta.config

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
