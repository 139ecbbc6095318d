"""What AWS's errors prove: that a call was accepted, that it was not, or neither.

The table follows the AWS API references and `botocore.exceptions`. An error that is not in it counts
as ambiguous, because a wrong `not sent` would lose or repeat a decision. What follows from a proof
(final, retried or parked) is decided by the lane's module in `delivery`, such as `delivery.callbacks`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    MetadataRetrievalError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProxyConnectionError,
    TokenRetrievalError,
)

from approvals.gateways.aws import NoClientError, RoleNotAssumedError


class Proof(StrEnum):
    """What an answer, or its absence, proves about one call."""

    ACCEPTED = "accepted"  # AWS answered 200
    NOT_SENT = "not_sent"  # the request never left
    AMBIGUOUS = "ambiguous"  # AWS may have acted on it
    THROTTLED = "throttled"  # refused for its rate
    CLOSED = "closed"  # the token's task is over
    INVALID_TOKEN = "invalid_token"  # noqa: S105  (AWS does not know the token)
    INVALID_OUTPUT = "invalid_output"  # AWS does not take the content
    ACCESS_DENIED = "access_denied"  # a right or credentials are missing
    MISCONFIGURED = "misconfigured"  # the state machine is missing or being deleted
    CONFLICT = "conflict"  # an execution of this name exists
    REFUSED = "refused"  # AWS will never do it


@dataclass(frozen=True)
class Answer:
    """What one call proved, with AWS's error code and request id for the journal; never a body."""

    proof: Proof
    code: str = ""
    request_id: str = ""


NEVER_LEFT = (
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    MetadataRetrievalError,
    NoCredentialsError,
    NoClientError,
    NoRegionError,
    PartialCredentialsError,
    ProxyConnectionError,
    TokenRetrievalError,
)
PROOF_OF_CODE = {
    "TaskTimedOut": Proof.CLOSED,
    "TaskDoesNotExist": Proof.CLOSED,
    "InvalidToken": Proof.INVALID_TOKEN,
    "InvalidOutput": Proof.INVALID_OUTPUT,
    "ValidationException": Proof.INVALID_OUTPUT,
    "ThrottlingException": Proof.THROTTLED,
    "Throttling": Proof.THROTTLED,
    "TooManyRequestsException": Proof.THROTTLED,
    "RequestLimitExceeded": Proof.THROTTLED,
    "KmsThrottlingException": Proof.THROTTLED,  # not in botocore's own list of throttles
    "ExecutionLimitExceeded": Proof.THROTTLED,
    "AccessDeniedException": Proof.ACCESS_DENIED,
    "AccessDenied": Proof.ACCESS_DENIED,
    "ExpiredTokenException": Proof.ACCESS_DENIED,
    "UnrecognizedClientException": Proof.ACCESS_DENIED,
    "InvalidSignatureException": Proof.ACCESS_DENIED,
    "InvalidClientTokenId": Proof.ACCESS_DENIED,
    "KmsAccessDeniedException": Proof.ACCESS_DENIED,
    "KmsInvalidStateException": Proof.ACCESS_DENIED,
    "ExecutionAlreadyExists": Proof.CONFLICT,
    "ExecutionNotRedrivable": Proof.REFUSED,
    "ExecutionDoesNotExist": Proof.REFUSED,
    "InvalidName": Proof.REFUSED,
    "InvalidArn": Proof.REFUSED,
    "InvalidExecutionInput": Proof.REFUSED,
    "StateMachineDoesNotExist": Proof.MISCONFIGURED,
    "StateMachineDeleting": Proof.MISCONFIGURED,
}


def accepted(response: Any) -> Answer:
    """The answer of a call that returned."""
    return Answer(Proof.ACCEPTED, request_id=_request_id(response))


def classify(error: BotoCoreError | ClientError) -> Answer:
    """What an error of one request proves. Only meaningful if the SDK's retries are off."""
    if isinstance(error, RoleNotAssumedError):
        return _not_assumed(error)
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) or 0)
        proof = PROOF_OF_CODE.get(code, Proof.AMBIGUOUS)
        if code not in PROOF_OF_CODE and status == 429:
            proof = Proof.THROTTLED
        return Answer(proof, code or f"HTTP {status}", _request_id(error.response))
    if isinstance(error, ParamValidationError):
        return Answer(Proof.INVALID_OUTPUT, "ParamValidationError")
    proof = Proof.NOT_SENT if isinstance(error, NEVER_LEFT) else Proof.AMBIGUOUS
    return Answer(proof, type(error).__name__)


def _not_assumed(error: RoleNotAssumedError) -> Answer:
    """What a role that was not assumed proves: without credentials nothing was signed or sent.

    A refusal by STS (no trust, no such role) means a missing right; its throttling, its own failures
    and the network's pass by themselves.
    """
    refusal = error.__cause__
    if not isinstance(refusal, ClientError):
        return Answer(Proof.NOT_SENT, f"AssumeRole {type(refusal).__name__}")
    answer = classify(refusal)
    status = int(refusal.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) or 0)
    proof = Proof.NOT_SENT if status >= 500 else Proof.ACCESS_DENIED
    if answer.proof == Proof.THROTTLED:
        proof = Proof.THROTTLED
    return Answer(proof, f"AssumeRole {answer.code}", answer.request_id)


def _request_id(response: Any) -> str:
    return str(response.get("ResponseMetadata", {}).get("RequestId", ""))
