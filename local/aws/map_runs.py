"""Map Runs, and the child executions of a distributed Map.

A child has its own ARN, history, task tokens and end, as on AWS, and DescribeExecution,
GetExecutionHistory and StopExecution find it like any execution.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from moto.stepfunctions.models import StateMachineInstance
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.backend.execution import SyncExecution

from local.aws import redrive

runs: dict[str, MapRun] = {}  # by ARN
child_executions: dict[str, Any] = {}  # by ARN


@dataclass
class MapChild:
    """A child of a Map Run: its input, how many items are in it, and its execution once started."""

    input: str
    items: int
    execution: Any = None
    to_redrive: bool = False

    @property
    def status(self) -> str:
        """`PENDING` before the start, then the status of the execution."""
        if self.to_redrive:
            return "PENDING_REDRIVE"
        return "PENDING" if self.execution is None else str(self.execution.status)


@dataclass
class Tolerance:
    """How many items may fail, as a number and a percentage; with neither set, none may."""

    count: int | None
    percentage: float | None

    def is_exceeded(self, failed: int, total: int) -> bool:
        """Whether `failed` of `total` items are more than either of the two allows."""
        if self.count is None and self.percentage is None:
            return failed > 0
        too_many = self.count is not None and failed > self.count
        share = 100 * failed / total if total else 0
        return too_many or (self.percentage is not None and share > self.percentage)


@dataclass
class MapRun:
    """One run of a distributed Map in one execution. `children` is None until the items are read."""

    execution_arn: str
    machine: StateMachineInstance
    kind: str
    account: str
    region: str
    max_concurrency: int
    tolerance: Tolerance
    arn: str = ""
    children: list[MapChild] | None = None
    results_written: bool = False
    status: str = "RUNNING"
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    stopped: datetime | None = None
    redrives: int = 0
    redriven: datetime | None = None

    def __post_init__(self) -> None:
        self.arn = f"{self.machine.arn.replace(':stateMachine:', ':mapRun:')}:{uuid.uuid4()}"
        runs[self.arn] = self

    def counts(self, *, of_items: bool) -> Counter[str]:
        """Return how many items, or children, are in each status."""
        counted: Counter[str] = Counter()
        for child in self.children or []:
            counted[child.status] += child.items if of_items else 1
        return counted

    def failed_items(self) -> int:
        """Return how many items failed, timed out or were aborted (AWS documents nothing about the last)."""
        counted = self.counts(of_items=True)
        return sum(counted[status] for status in ("FAILED", "TIMED_OUT", "ABORTED"))

    def total_items(self) -> int:
        """Return how many items there are, started or not."""
        return sum(child.items for child in self.children or [])

    def end(self, status: str) -> None:
        """Set the status that the run ended with."""
        self.status, self.stopped = status, datetime.now(UTC)

    def redrive(self) -> None:
        """Open the run again for the children that did not succeed."""
        self.redrives, self.redriven = self.redrives + 1, datetime.now(UTC)
        self.status, self.stopped = "RUNNING", None
        for child in self.children or []:
            child.to_redrive = child.status not in {"PENDING", "SUCCEEDED"}

    def prepare(self, child: MapChild) -> Callable[[], None]:
        """Return a function that runs the child to its end in the thread that calls it.

        A child to redrive keeps its ARN; an EXPRESS one is started anew, as by StartExecution.
        """
        redriven, child.to_redrive = child.to_redrive, False
        run_to_end: Callable[[], None]
        if redriven and self.kind == "STANDARD":
            redrive.prepare(child.execution)
            run_to_end = child.execution.exec_worker.start
        else:
            child.execution = self._new_execution(child)
            run_to_end = child.execution.start
        return run_to_end

    def _new_execution(self, child: MapChild) -> Any:
        name = str(uuid.uuid4())
        express = self.kind == "EXPRESS"
        prefix = self.machine.arn.replace("stateMachine", "express" if express else "execution")
        execution = SyncExecution(
            name=name,
            sm_type=self.kind,
            role_arn=self.machine.roleArn,
            exec_arn=f"{prefix}:{name}:{uuid.uuid4()}" if express else f"{prefix}:{name}",
            account_id=self.account,
            region_name=self.region,
            state_machine=self.machine,
            start_date=datetime.now(UTC),
            cloud_watch_logging_session=None,
            activity_store={},
            input_data=child.input,
        )
        execution.map_run_arn, execution.exec_status = self.arn, ExecutionStatus.RUNNING
        child_executions[execution.exec_arn] = execution
        return execution
