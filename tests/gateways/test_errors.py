"""What AWS's errors prove: the table, the network's errors, and that each proof can be journalled."""

from __future__ import annotations

import pytest
from botocore.exceptions import SSLError
from botocore.stub import Stubber

from approvals.arns import Place
from approvals.gateways import stepfunctions
from approvals.gateways.errors import Answer, Proof, classify
from approvals.models import OutboxAttempt

PLACE = Place("eu-west-3")


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


def test_a_tls_error_may_come_after_the_request_and_so_proves_nothing() -> None:
    error = SSLError(
        endpoint_url="https://x", error=OSError("EOF occurred in violation of protocol")
    )

    assert classify(error).proof == Proof.AMBIGUOUS


def test_every_proof_of_a_gateway_can_be_journalled() -> None:
    assert {str(proof) for proof in Proof} <= set(OutboxAttempt.Result.values)
