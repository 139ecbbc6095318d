"""What is known of a state machine, an execution, and one attempt of a task."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from tests.fake_aws.queues import Queue

_WAITS = {
    "StartAt": "ManualReview",
    "States": {
        "ManualReview": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Next": "Done",
        },
        "Done": {"Type": "Succeed"},
    },
}


@dataclass
class Machine:
    """A state machine: what its executions do at ManualReview, and after it."""

    arn: str
    review_queue_url: str = ""  # empty: StartExecution opens no task by itself
    status_queue_url: str = ""  # empty: no EventBridge rule
    status_copies: int = 1
    state_name: str = "ManualReview"
    timeout_seconds: int | None = 86_400
    heartbeat_seconds: int | None = None
    retries: int = 0  # attempts that States.Timeout is retried
    catch: bool = False  # a failure or a timeout of the task does not end the execution
    ends: bool = True  # the execution ends with its last task; otherwise by `end` only
    padding: int = 0  # Pass and Choice events before the task
    revision: str = ""  # as AWS: the first one has no id
    definition: dict[str, Any] = field(default_factory=lambda: dict(_WAITS))

    @property
    def region(self) -> str:
        """The region in the ARN."""
        return self.arn.split(":")[3]


@dataclass(eq=False)
class Task:
    """One attempt of a task that waits for its token."""

    token: str
    execution: Execution
    branch: int  # attempts of the same branch follow each other
    state_name: str
    queue: Queue
    input: Any
    error: Any
    item_index: int | None
    timeout_seconds: int | None
    heartbeat_seconds: int | None
    retries: int
    catch: bool
    entered_at: float
    retry_count: int = 0
    last: int = 0  # the id of the newest event of this chain
    started_at: float = math.inf
    beaten_at: float = math.inf
    outcome: str = ""  # empty while open
    message_id: str = ""

    def deadline(self) -> float:
        """When the first of its clocks runs out, on the fake's clock."""
        times = [math.inf]
        if self.timeout_seconds:
            times.append(self.started_at + self.timeout_seconds)
        if self.heartbeat_seconds:
            times.append(self.beaten_at + self.heartbeat_seconds)
        return min(times)


@dataclass(eq=False)
class Execution:
    """One execution with its history; `shown` says for each event when a reader may see it."""

    arn: str
    name: str
    machine: Machine
    input: str
    started_at: float
    status: str = "RUNNING"
    stopped_at: float | None = None
    output: str | None = None
    error: str | None = None
    cause: str | None = None
    events: list[dict[str, Any]] = field(default_factory=list)
    shown: list[tuple[int, float]] = field(default_factory=list)
    lag: tuple[int, float] | None = None  # reads and seconds; None: what holds for all
    reads: int = 0
    hidden: bool = False
    last: int = 0  # what the next state follows; as recorded, the first one follows nothing
    side: int = 0  # the newest event of a branch that only pads
    parallel: int = 0  # the id of ParallelStateStarted while branches are open
    tasks: list[Task] = field(default_factory=list)
    redrive_count: int = 0
    redriven_at: float | None = None
    redrive_tokens: dict[str, float] = field(default_factory=dict)

    def open_tasks(self) -> list[Task]:
        """The attempts whose token is still good."""
        return [task for task in self.tasks if not task.outcome]
