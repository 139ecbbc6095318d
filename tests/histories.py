"""Execution histories as they are stored, built state by state along a path, and their workflow."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from approvals.models import ExecutionHistory, OrderExecution, Workflow
from approvals.workflows.graphs import stored_drawing
from tests.paths import ROOT

DEFINITION = json.loads(
    (ROOT / "approvals/orchestration/definitions/order_fulfillment.asl.json").read_text()
)
TO_THE_REVIEW = (
    "CheckOrderId", "OpenOrder", "SeedOrder", "RecordProcessing", "ValidateOrder",
    "ProcessPayment", "CountReview", "CheckReviewRounds", "ManualReview",
)  # fmt: skip
BRANCHES = ("ReserveInventory", "SendConfirmationEmail", "UpdateAnalytics")
AFTER_PAYMENT = ("ScheduleShipment", "RecordCompleted", "OrderCompleted")
TO_THE_REJECTION = (
    "ReadVerdict", "ReviewRejected", "RecordRollback", "RollbackPayment", "RecordOutcome",
    "RouteOutcome", "OrderRejected",
)  # fmt: skip


class History:
    """Events in their order; each method continues after the last event."""

    def __init__(self, began: datetime | None = None, pace: float = 1.5) -> None:
        self.at = began or datetime.now(UTC) - timedelta(minutes=9)
        self.pace = timedelta(seconds=pace)
        self.events: list[dict[str, Any]] = []
        self.add("ExecutionStarted", previous=0)

    def add(self, kind: str, *, previous: int | None = None, **shown: str) -> int:
        """One event after the last, or after another."""
        number = len(self.events) + 1
        self.at += self.pace
        event = {"id": number, "kind": kind, "at": self.at.isoformat(), **shown}
        self.events.append(event | {"previous": number - 1 if previous is None else previous})
        return number

    def go(self, states: Iterable[str], *, stay: bool = False, **error: Any) -> History:
        """Pass through these states; with `stay` the last is not left, with an error it fails."""
        names = list(states)
        for name in names:
            kind = _kind(name)
            self.add(f"{kind}StateEntered", state=name)
            if kind == "Task":
                self.add("TaskScheduled")
                self.add("TaskStarted")
            last = name == names[-1]
            if last and error:
                self.add("TaskFailed", **error)
            if last and stay:
                break
            if kind == "Task" and not (last and error):
                self.add("TaskSucceeded")
            if kind != "Fail":
                self.add(f"{kind}StateExited", state=name)
        return self

    def fork(self, name: str, branches: Iterable[str]) -> History:
        """Pass through a Parallel state whose branches interleave."""
        self.add("ParallelStateEntered", state=name)
        begun = self.add("ParallelStateStarted")
        heads = [
            (branch, self.add("TaskStateEntered", previous=begun, state=branch))
            for branch in branches
        ]
        ends = []
        for branch, head in heads:
            scheduled = self.add("TaskScheduled", previous=head)
            done = self.add("TaskSucceeded", previous=scheduled)
            ends.append(self.add("TaskStateExited", previous=done, state=branch))
        self.add("ParallelStateSucceeded", previous=ends[-1])
        self.add("ParallelStateExited", state=name)
        return self

    def end(self, status: str, **error: Any) -> History:
        """The end of the execution."""
        self.add(f"Execution{status}", **error)
        return self


def read(order: OrderExecution, history: History, **fields: Any) -> ExecutionHistory:
    """Store this as the history of an order's execution, read just now."""
    flow, _ = Workflow.objects.get_or_create(
        state_machine_arn=order.state_machine_arn,
        revision="",
        digest=hashlib.sha256(b"ours").digest(),
        defaults={
            "definition": json.dumps(DEFINITION),
            "drawing": stored_drawing.made(DEFINITION),
        },
    )
    values = {"events": history.events, "workflow": flow, "read_at": datetime.now(UTC)} | fields
    row, _ = ExecutionHistory.objects.update_or_create(
        execution_arn=order.execution_arn, defaults=values
    )
    return row


def _kind(name: str) -> str:
    branches = DEFINITION["States"]["ParallelFulfillment"]["Branches"]
    inner = {n: s for branch in branches for n, s in branch["States"].items()}
    return str((DEFINITION["States"] | inner)[name]["Type"])
