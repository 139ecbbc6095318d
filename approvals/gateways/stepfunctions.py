"""Step Functions: answer a task token or keep it alive; start, describe, redrive or stop an execution.

Each call is one request. What AWS or the network does is returned as an `Answer`, never raised.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from approvals import arns
from approvals.arns import Place
from approvals.exceptions import Unavailable
from approvals.gateways import aws
from approvals.gateways.errors import Answer, Proof, accepted, classify

EXECUTIONS_A_PAGE = 1_000  # API reference, ListExecutions: maxResults


@dataclass(frozen=True)
class Execution:
    """An execution as DescribeExecution shows it; `input_sha256` is empty if the input is not shown.

    `error` and `cause` are those of its end, and empty for an execution that timed out.
    `version_arn` is the version of the state machine that it runs, empty if it was started without
    a version or an alias (API reference, DescribeExecution: stateMachineVersionArn).
    """

    arn: str
    status: str
    input_sha256: bytes
    version_arn: str = ""
    stopped_at: datetime | None = None
    error: str = ""
    cause: str = ""
    redrives: int = 0
    output: str = ""


@dataclass(frozen=True)
class Definition:
    """The definition an execution runs; the first revision of a state machine has no id."""

    state_machine_arn: str
    revision: str
    text: str


@dataclass(frozen=True)
class Listed:
    """A row of ListExecutions; `stopped_at` is None while it runs."""

    arn: str
    started_at: datetime
    stopped_at: datetime | None


@dataclass(frozen=True)
class Executions:
    """A page of ListExecutions, and the cursor of the older ones."""

    executions: list[Listed]
    older: str | None


def send_task_success(place: Place, token: str, output: str) -> Answer:
    """SendTaskSuccess: ends the task of a token with an output."""
    try:
        return accepted(aws.stepfunctions(place).send_task_success(taskToken=token, output=output))
    except (BotoCoreError, ClientError) as error:
        return classify(error)


def send_task_failure(place: Place, token: str, error: str, cause: str) -> Answer:
    """SendTaskFailure: ends the task of a token with an error and its cause."""
    try:
        client = aws.stepfunctions(place)
        return accepted(client.send_task_failure(taskToken=token, error=error, cause=cause))
    except (BotoCoreError, ClientError) as failure:
        return classify(failure)


def send_task_heartbeat(place: Place, token: str) -> Answer:
    """SendTaskHeartbeat: restarts the HeartbeatSeconds clock, never that of TimeoutSeconds.

    For a state without HeartbeatSeconds it is accepted, too, and has no effect.
    """
    try:
        return accepted(aws.stepfunctions(place).send_task_heartbeat(taskToken=token))
    except (BotoCoreError, ClientError) as error:
        return classify(error)


def start_execution(state_machine_arn: str, name: str, text: str) -> tuple[Answer, str]:
    """StartExecution with an input in `text`; beside the answer the execution's ARN, "" without one."""
    try:
        place = arns.place_of(state_machine_arn)
    except ValueError:
        return Answer(
            Proof.REFUSED, "InvalidArn"
        ), ""  # as AWS would answer; there is no region to call
    try:
        client = aws.stepfunctions(place)
        response = client.start_execution(stateMachineArn=state_machine_arn, name=name, input=text)
    except (BotoCoreError, ClientError) as error:
        return classify(error), ""
    return accepted(response), response["executionArn"]


def describe_execution(place: Place, arn: str) -> tuple[Answer, Execution | None]:
    """DescribeExecution (eventually consistent, best effort); None beside an answer why it failed."""
    try:
        response = aws.stepfunctions(place).describe_execution(executionArn=arn)
    except (BotoCoreError, ClientError) as error:
        return classify(error), None
    shown: dict[str, Any] = dict(response)  # without a right to read it, AWS leaves the input out
    digest = hashlib.sha256(shown["input"].encode()).digest() if "input" in shown else b""
    execution = Execution(
        response["executionArn"],
        response["status"].lower(),
        digest,
        shown.get("stateMachineVersionArn") or "",
        stopped_at=shown.get("stopDate"),
        error=shown.get("error") or "",
        cause=shown.get("cause") or "",
        redrives=shown.get("redriveCount") or 0,
        output=str(shown.get("output") or ""),
    )
    return accepted(response), execution


def map_runs(place: Place, arn: str) -> list[str]:
    """The ARNs of the Map Runs of an execution (ListMapRuns); none if we may not list them.

    Raises Unavailable if the call failed otherwise.
    """
    try:
        runs = aws.stepfunctions(place).list_map_runs(executionArn=arn, maxResults=10)["mapRuns"]
    except (BotoCoreError, ClientError) as error:
        answer = classify(error)
        if answer.proof in (Proof.ACCESS_DENIED, Proof.REFUSED):
            return []
        raise Unavailable(f"Step Functions does not list Map Runs: {answer.code}.") from error
    return [run["mapRunArn"] for run in runs]


def map_run_progress(place: Place, arn: str) -> int | None:
    """How many items the Map Runs of an execution have done (ListMapRuns, DescribeMapRun).

    None if a call fails: the number is only shown on pages.
    """
    try:
        client = aws.stepfunctions(place)
        runs = client.list_map_runs(executionArn=arn, maxResults=10)["mapRuns"]
        counts = [client.describe_map_run(mapRunArn=run["mapRunArn"])["itemCounts"] for run in runs]
    except (BotoCoreError, ClientError):
        return None
    ended = ("succeeded", "failed", "timedOut", "aborted")
    return sum(dict(count).get(name, 0) for count in counts for name in ended)  # type: ignore[misc]


def redrive_execution(place: Place, arn: str, client_token: str) -> Answer:
    """RedriveExecution: run what failed of an ended execution again, under the same ARN.

    The same client token again, within 15 minutes and among the last ten, is the same redrive (API
    reference).
    """
    try:
        client = aws.stepfunctions(place)
        return accepted(client.redrive_execution(executionArn=arn, clientToken=client_token))
    except (BotoCoreError, ClientError) as error:
        return classify(error)


def stop_execution(place: Place, arn: str, error: str, cause: str) -> Answer:
    """StopExecution; if the execution has ended already, it is accepted, too, and has no effect."""
    try:
        client = aws.stepfunctions(place)
        return accepted(client.stop_execution(executionArn=arn, error=error, cause=cause))
    except (BotoCoreError, ClientError) as failure:
        return classify(failure)


def definition_of(place: Place, arn: str) -> tuple[Answer, Definition | None]:
    """DescribeStateMachineForExecution: the definition an execution runs, also after an update of the machine."""
    try:
        response = aws.stepfunctions(place).describe_state_machine_for_execution(executionArn=arn)
    except (BotoCoreError, ClientError) as error:
        return classify(error), None
    revision = response.get("revisionId") or ""
    return accepted(response), Definition(
        response["stateMachineArn"], revision, response["definition"]
    )


def list_executions(
    place: Place, state_machine_arn: str, cursor: str | None = None, *, status: str = ""
) -> tuple[Answer, Executions | None]:
    """A page of ListExecutions, the newest first (eventually consistent); None beside an answer why it failed.

    `status` (RUNNING ...) keeps those alone. The children of a distributed map are never listed.
    """
    more: Any = {"nextToken": cursor} if cursor else {}
    more |= {"statusFilter": status} if status else {}
    try:
        response = aws.stepfunctions(place).list_executions(
            stateMachineArn=state_machine_arn, maxResults=EXECUTIONS_A_PAGE, **more
        )
    except (BotoCoreError, ClientError) as error:
        return classify(error), None
    rows = [
        Listed(row["executionArn"], row["startDate"], row.get("stopDate"))
        for row in response["executions"]
    ]
    return accepted(response), Executions(rows, response.get("nextToken"))


def is_in_another_account(place: Place, arn: str) -> bool:
    """Whether an ARN is known to lie in another account than the one we act in at `place`.

    For a token of another account AWS answers InvalidToken, although nothing is wrong with it.
    """
    account = aws.account_of(place)
    return bool(account) and arns.account_of(arn) not in (None, account)
