"""ARNs as values: their parts, the ARNs of executions, and the place (region, role) a call is made in.

`arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE` (IAM User Guide, Amazon Resource Names). Plain text: no
function here calls AWS, so an ARN may name something that does not exist.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

STATE_MACHINE = r"^arn:aws[a-z-]*:states:[a-z0-9-]+:\d{12}:stateMachine:[^:]+(:[^:]+)?$"
ROLE = r"^arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+$"
_REGION = re.compile(r"[a-z]{2,}(-[a-z0-9]+)+")
_SQS_QUEUE = re.compile(r"arn:aws[a-z-]*:sqs:([a-z0-9-]+):(\d{12}):([\w.-]+)")
_SQS_HOST = re.compile(r"(?:sqs\.([a-z0-9-]+)|([a-z0-9-]+)\.queue)\.amazonaws\.com(?:\.cn)?")
_ACCOUNT = re.compile(r"[0-9]{12}")


@dataclass(frozen=True)
class Place:
    """Where a call is made and as whom: a region, and the role to assume (none: our own credentials)."""

    region: str
    role_arn: str = ""


@dataclass(frozen=True)
class SqsQueue:
    """The queue that an SQS ARN names."""

    region: str
    account: str
    name: str


def region_of(arn: str) -> str:
    """The region an ARN lies in: a task token or an execution is only known there.

    Raises ValueError for what cannot be a region: the ARN of a review comes from its message.
    """
    parts = arn.split(":")
    if len(parts) < 6 or not _REGION.fullmatch(parts[3]):
        raise ValueError(f"not an ARN with a region: {arn!r}")
    return parts[3]


def region_of_sqs_url(url: str) -> str:
    """The region that the host of a queue's URL names; empty if it names none."""
    found = _SQS_HOST.fullmatch(urlsplit(url).hostname or "")
    return (found[1] or found[2] or "") if found else ""


def account_of(arn: str) -> str | None:
    """The account an ARN names; None for what is not an ARN."""
    parts = arn.split(":")
    return parts[4] if len(parts) > 5 else None


def place_of(arn: str, role_arn: str = "") -> Place:
    """The place in which an execution or a state machine is asked about. Raises ValueError, as `region_of`."""
    return Place(region_of(arn), role_arn)


def split_qualifier(state_machine_arn: str) -> tuple[str, str]:
    """The state machine an ARN names, and the version or alias behind it; empty if there is none.

    `...:stateMachine:NAME:3` and `...:stateMachine:NAME:live` are one machine: execution names are
    unique in it, whichever version runs (API reference, StartExecution: name).
    """
    parts = state_machine_arn.split(":")
    return ":".join(parts[:7]), ":".join(parts[7:])


def machine_of(state_machine_arn: str) -> str:
    """The state machine without its version or alias, and without the label of a distributed map.

    The children of a distributed map run as `...:stateMachine:NAME/LABEL`.
    """
    return split_qualifier(state_machine_arn)[0].partition("/")[0]


def machine_of_execution(arn: str) -> str:
    """The state machine of an execution, as `machine_of` names it. Raises ValueError for any other ARN.

    `arn:aws:states:REGION:ACCOUNT:execution:NAME:EXECUTION` runs `...:stateMachine:NAME`. Express
    executions (`...:express:...`) have no task tokens, so theirs count as another ARN.
    """
    parts = arn.split(":")
    if len(parts) != 8 or parts[2] != "states" or parts[5] != "execution" or "" in parts:
        raise ValueError(f"not the ARN of an execution: {arn!r}")
    if not _REGION.fullmatch(parts[3]) or not _ACCOUNT.fullmatch(parts[4]):
        raise ValueError(f"not the ARN of an execution: {arn!r}")
    return machine_of(":".join([*parts[:5], "stateMachine", parts[6]]))


def is_execution(text: str) -> bool:
    """Whether a text is the ARN of an execution that can have task tokens, as `machine_of_execution` reads it."""
    try:
        machine_of_execution(text)
    except ValueError:
        return False
    return True


def execution_arn(state_machine_arn: str, name: str) -> str:
    """The ARN of an execution of this name; no other function puts an ARN together.

    `arn:aws:states:REGION:ACCOUNT:stateMachine:NAME[:VERSION]` becomes
    `arn:aws:states:REGION:ACCOUNT:execution:NAME:EXECUTION`. A guess until DescribeExecution agrees.
    Raises ValueError for what is not the ARN of a state machine.
    """
    parts = state_machine_arn.split(":")
    if len(parts) < 7 or parts[5] != "stateMachine":
        raise ValueError(f"not the ARN of a state machine: {state_machine_arn!r}")
    return ":".join([*parts[:5], "execution", parts[6], name])


def sqs_queue(arn: str) -> SqsQueue | None:
    """The queue of an SQS ARN; None for what is not one."""
    found = _SQS_QUEUE.fullmatch(arn)
    return SqsQueue(*found.groups()) if found else None


@lru_cache(maxsize=256)
def sqs_region_and_account(url: str) -> tuple[str, str]:
    """The region and the account that a queue's URL names; each is empty if it names none.

    `https://sqs.REGION.amazonaws.com/ACCOUNT/NAME` (SQS Developer Guide, queue URLs), or the older
    `https://REGION.queue.amazonaws.com/ACCOUNT/NAME`. The host of a local account names no region.
    """
    parts = urlsplit(url)
    host = _SQS_HOST.fullmatch(parts.hostname or "")
    account = parts.path.lstrip("/").partition("/")[0]
    region = (host[1] or host[2]) if host else ""
    return region, account if _ACCOUNT.fullmatch(account) else ""
