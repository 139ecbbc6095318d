"""Starts an execution of a name and input once, and ends the attempt: for orders and batch executions.

StartExecution of a STANDARD machine is idempotent for the same name and input while the execution
runs; once it has ended AWS answers ExecutionAlreadyExists (API reference, StartExecution), and
DescribeExecution shows whether that execution had our input.
"""

from __future__ import annotations

from dataclasses import dataclass

from approvals import arns
from approvals.gateways import stepfunctions
from approvals.gateways.errors import Answer, Proof
from approvals.models.outbox import Detail
from approvals.records import outbox
from approvals.records.outbox import AttemptResult, Conclusion, Lease
from approvals.records.unit_of_work import UnitOfWork

REFUSALS = {Proof.REFUSED, Proof.INVALID_OUTPUT, Proof.INVALID_TOKEN}


@dataclass(frozen=True)
class Start:
    """The result of a start: the execution's ARN and status (lower case), or why there will be none."""

    answer: Answer
    arn: str = ""
    status: str = ""
    refusal: str = ""


def start(state_machine_arn: str, name: str, text: str, input_sha256: bytes) -> Start:
    """StartExecution; if one of this name has ended, the digest of its input shows whether it is ours."""
    answer, arn = stepfunctions.start_execution(state_machine_arn, name, text)
    if answer.proof == Proof.CONFLICT:
        return _existing(state_machine_arn, name, input_sha256)
    if answer.proof in REFUSALS:
        return Start(answer, refusal=f"Step Functions refused to start it: {answer.code}")
    return Start(answer, arn, "running")


def _existing(state_machine_arn: str, name: str, input_sha256: bytes) -> Start:
    """An execution of this name exists: ours if its input is, and a conflict if it is not."""
    arn = arns.execution_arn(state_machine_arn, name)
    answer, found = stepfunctions.describe_execution(arns.place_of(arn), arn)
    if found is None or not found.input_sha256:
        return Start(Answer(Proof.AMBIGUOUS, answer.code or "InputNotShown"))
    if found.input_sha256 != input_sha256:
        refusal = f"An execution named {name} was started with other input."
        return Start(Answer(Proof.REFUSED, "ExecutionAlreadyExists"), refusal=refusal)
    return Start(answer, found.arn, found.status)


def conclude(work: UnitOfWork, lease: Lease, start: Start) -> Conclusion:
    """Add the end of the attempt: acknowledged with an ARN, parked with a refusal, else another try."""
    answer = start.answer
    verdict = outbox.parked(Detail.REFUSED) if start.refusal else outbox.retrying()
    result = AttemptResult(answer.proof, answer.code, answer.request_id)
    return outbox.conclude(work, lease, result, lambda _: verdict)
