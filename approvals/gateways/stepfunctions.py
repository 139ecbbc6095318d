"""Step Functions: answer a task token or keep it alive; start, describe, redrive or stop an execution.

One call, one request.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from approvals import arns
from approvals.arns import Place
from approvals.gateways import aws
from approvals.gateways.errors import Answer, Proof, accepted, classify

EXECUTIONS_A_PAGE = 1_000  # API reference, ListExecutions: maxResults


@dataclass(frozen=True)
class Execution:
    """What DescribeExecution says of an execution; `input_sha256` is empty where it shows no input.

    `error` and `cause` are those of its end, and absent for an execution that timed out.
    `version_arn` is the version of the state machine that it runs, empty where it was started
    without a version or an alias (API reference, DescribeExecution: stateMachineVersionArn).
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
    """A line of ListExecutions; `stopped_at` is None while it runs."""

    arn: str
    started_at: datetime
    stopped_at: datetime | None


@dataclass(frozen=True)
class Executions:
    """A page of ListExecutions, and the cursor of the older ones."""

    executions: list[Listed]
    older: str | None


def send_task_success(place: Place, token: str, output: str) -> Answer:
    """SendTaskSuccess; never raises for what AWS or the network does."""
    try:
        return accepted(aws.stepfunctions(place).send_task_success(taskToken=token, output=output))
    except (BotoCoreError, ClientError) as error:
        return classify(error)


def send_task_failure(place: Place, token: str, error: str, cause: str) -> Answer:
    """SendTaskFailure; never raises for what AWS or the network does."""
    try:
        client = aws.stepfunctions(place)
        return accepted(client.send_task_failure(taskToken=token, error=error, cause=cause))
    except (BotoCoreError, ClientError) as failure:
        return classify(failure)


def send_task_heartbeat(place: Place, token: str) -> Answer:
    """SendTaskHeartbeat: restarts the HeartbeatSeconds clock, never that of TimeoutSeconds.

    Accepted too, without effect, for a state without HeartbeatSeconds. Never raises for what AWS or
    the network does.
    """
    try:
        return accepted(aws.stepfunctions(place).send_task_heartbeat(taskToken=token))
    except (BotoCoreError, ClientError) as error:
        return classify(error)


def start_execution(state_machine_arn: str, name: str, text: str) -> tuple[Answer, str]:
    """StartExecution; the execution's ARN stands beside the answer where AWS gave one."""
    try:
        place = arns.place_of(state_machine_arn)
    except ValueError:
        return Answer(Proof.REFUSED, "InvalidArn"), ""  # as AWS would say, if we knew where to ask
    try:
        client = aws.stepfunctions(place)
        response = client.start_execution(stateMachineArn=state_machine_arn, name=name, input=text)
    except (BotoCoreError, ClientError) as error:
        return classify(error), ""
    return accepted(response), response["executionArn"]


def describe_execution(place: Place, arn: str) -> tuple[Answer, Execution | None]:
    """DescribeExecution (eventually consistent, best effort); None beside the reason it failed."""
    try:
        response = aws.stepfunctions(place).describe_execution(executionArn=arn)
    except (BotoCoreError, ClientError) as error:
        return classify(error), None
    shown: dict[str, Any] = dict(response)  # AWS leaves the input out where it may not be read
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


def map_run_progress(place: Place, arn: str) -> int | None:
    """How many items the Map Runs of an execution have done (ListMapRuns, DescribeMapRun).

    None where AWS does not say: it is for pages alone.
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
    reference). Never raises for what AWS or the network does.
    """
    try:
        client = aws.stepfunctions(place)
        return accepted(client.redrive_execution(executionArn=arn, clientToken=client_token))
    except (BotoCoreError, ClientError) as error:
        return classify(error)


def stop_execution(place: Place, arn: str, error: str, cause: str) -> Answer:
    """StopExecution; accepted, too, and without effect, where the execution has ended already.

    Never raises for what AWS or the network does.
    """
    try:
        client = aws.stepfunctions(place)
        return accepted(client.stop_execution(executionArn=arn, error=error, cause=cause))
    except (BotoCoreError, ClientError) as failure:
        return classify(failure)


def definition_of(place: Place, arn: str) -> tuple[Answer, Definition | None]:
    """DescribeStateMachineForExecution: the definition this very execution runs, whatever came later."""
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
    """A page of ListExecutions, the newest first (eventually consistent); None beside the reason it failed.

    With a `status` (RUNNING ...) of those alone. The children of a distributed map are not among them.
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

    There a token of it is no token: AWS answers InvalidToken, although nothing is wrong with it.
    """
    account = aws.account_of(place)
    return bool(account) and arns.account_of(arn) not in (None, account)
