"""The places of a queue's and of a review's calls to AWS: the region, and the role to assume there.

The execution of a review is named by its message, which anybody who may send to the queue has written.
So AWS is only asked about executions that belong to the queue: the settings of the queue bound the
regions that are called, and the executions that are asked after.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from approvals import arns
from approvals.arns import Place
from approvals.models import ReviewQueue, ReviewTask


class Mismatch(StrEnum):
    """Why an execution does not belong to a queue."""

    NOT_AN_EXECUTION = "not_an_execution"  # what the message names is not the ARN of an execution
    REGION = "region"  # neither the queue's region nor one of its list of state machines
    ACCOUNT = "account"  # none of the SQS queue, the role or the list of state machines
    STATE_MACHINE = "state_machine"  # not in the queue's list of state machines


def of_queue(queue: ReviewQueue) -> Place:
    """The region of a queue, as the queue's role."""
    return Place(queue.region, queue.role_arn)


def of_review(review: ReviewTask) -> Place:
    """The region of a review's execution, as its queue's role; other regions do not know its token.

    It is the region of the queue if the message names no execution, or one that is not the queue's.
    """
    if not is_asked_after(review):
        return of_queue(review.queue)
    return arns.place_of(review.execution_arn, review.queue.role_arn)


def is_asked_after(review: ReviewTask) -> bool:
    """Whether AWS may be asked about a review's execution: it has one, which belongs to its queue."""
    return bool(review.execution_arn) and mismatch(review.queue, review.execution_arn) is None


def is_provable(review: ReviewTask) -> bool:
    """Whether something can prove what became of a review: its execution, or a probe that its queue allows."""
    probed = review.queue.probe_with_heartbeats or review.queue.heartbeat_seconds is not None
    return probed or is_asked_after(review)


def mismatch(queue: ReviewQueue, execution_arn: str) -> Mismatch | None:
    """Why an execution does not belong to a queue; None if it does, or if the message names none.

    Its state machine has to be in the queue's list (`state_machine_arns`; an entry with a version or an
    alias counts for the whole machine, because the ARN of an execution has neither). Of a queue without a
    list, its region has to be that of the queue or of its SQS URL, its account that of the SQS URL or of
    the role; a queue whose settings name no account takes each.
    """
    if not execution_arn:
        return None
    try:
        machine = arns.machine_of_execution(execution_arn)
    except ValueError:
        return Mismatch.NOT_AN_EXECUTION
    listed = _listed_machines(queue)
    if machine in listed:
        return None
    region, account = arns.sqs_region_and_account(queue.sqs_url)
    if arns.region_of(machine) not in {queue.region, region, *map(arns.region_of, listed)}:
        return Mismatch.REGION
    accounts = {account, *map(arns.account_of, [queue.role_arn, *listed])} - {"", None}
    if accounts and arns.account_of(machine) not in accounts:
        return Mismatch.ACCOUNT
    return Mismatch.STATE_MACHINE if listed else None


def _listed_machines(queue: ReviewQueue) -> set[str]:
    """The state machines of a queue's list, without versions and aliases."""
    stored: Any = queue.state_machine_arns  # older releases did not check its shape
    named = [arn for arn in stored if isinstance(arn, str)] if isinstance(stored, list) else []
    return {arns.machine_of(arn) for arn in named if len(arn.split(":")) > 6}
