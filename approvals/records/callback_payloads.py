"""The payload of a callback to Step Functions: built, checked and frozen when a decision is made.

Limits: SendTaskSuccess output 262,144 bytes of JSON text; SendTaskFailure error 256 and cause 32,768
characters (AWS API reference). botocore checks none of these maxima, so they are checked here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from approvals.exceptions import Invalid
from approvals.models import Decision, ReviewQueue
from approvals.models.choices import Outcome

MAX_OUTPUT_BYTES = 262_144
MAX_ERROR = 256
MAX_CAUSE = 32_768
NO_REASON = "No reason given"


@dataclass(frozen=True)
class Success:
    """The arguments of SendTaskSuccess beside the token."""

    output: str


@dataclass(frozen=True)
class Failure:
    """The arguments of SendTaskFailure beside the token."""

    error: str
    cause: str


def freeze(queue: ReviewQueue, decision: Decision, reviewer: str) -> bytes:
    """The arguments of a decision's call to Step Functions, as bytes that are stored and never changed.

    Raises Invalid if the edits make the output larger than Step Functions accepts.
    """
    if decision.outcome == Outcome.REJECTED and queue.reject_as == ReviewQueue.RejectAs.FAILURE:
        failure = {"error": queue.error_name[:MAX_ERROR], "cause": _cause(decision, reviewer)}
        return json.dumps(failure, ensure_ascii=False).encode()
    output = json.dumps(_output(decision, reviewer), ensure_ascii=False)
    if len(output.encode()) > MAX_OUTPUT_BYTES:
        raise Invalid(
            f"With these edits the output has over {MAX_OUTPUT_BYTES} bytes; Step Functions takes"
            " no more.",
            pointer="/edits",
        )
    return json.dumps({"output": output}, ensure_ascii=False).encode()


def thaw(callback: bytes) -> Success | Failure:
    """The arguments of a frozen call, parsed."""
    call = json.loads(bytes(callback))
    if "output" in call:
        return Success(call["output"])
    return Failure(call["error"], call["cause"])


def _output(decision: Decision, reviewer: str) -> dict[str, Any]:
    """The output. It has all keys always: a JSONPath to an absent one fails with States.Runtime."""
    at = decision.decided_at.isoformat()
    approved = decision.outcome == Outcome.APPROVED
    return {
        "decision": decision.outcome,
        "approved": approved,
        "reviewer": reviewer,
        "approved_at": at if approved else None,
        "decided_at": at,
        "decision_id": str(decision.pk),
        "reason": decision.reason,
        "reason_code": decision.reason_code,
        "edits": decision.edits,
    }


def _cause(decision: Decision, reviewer: str) -> str:
    """The cause. Only the reason is shortened; reconciliation looks for the last [decision ...]."""
    code = f" [reason_code {decision.reason_code}]" if decision.reason_code else ""
    head, tail = f"Rejected by {reviewer}: ", f"{code} [decision {decision.pk}]"
    reason = decision.reason or NO_REASON
    limit = MAX_CAUSE - len(head) - len(tail)
    if len(reason) > limit:
        reason = reason[: limit - 1] + "…"
    return head + reason + tail
