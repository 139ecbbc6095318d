"""Map Runs: the children of a distributed Map, each an execution of its own.

A child has its own ARN, history, tokens and end, as on AWS, and is found by DescribeExecution,
GetExecutionHistory and StopExecution like any execution.
"""

from __future__ import annotations

import threading
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from moto.stepfunctions.models import StateMachineInstance
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.backend.execution import SyncExecution

from local.aws import executions, redrive

_UNLIMITED = 1_000  # AWS runs 10,000 children at once where a Map sets no MaxConcurrency
_FIRST_HANDS = 8  # of quick children more at once are only slower: they share this process
_LOOK_SECONDS = 0.02

runs: dict[str, MapRun] = {}
children: dict[str, Any] = {}


@dataclass
class Slot:
    """A child's place: its input, how many items are in it, and its execution once started."""

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
    """How many items may fail; None where the Map does not say. Neither: not one."""

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
    """One run of a distributed Map in one execution. `slots` is None until the items are read."""

    execution_arn: str
    machine: StateMachineInstance
    kind: str
    account: str
    region: str
    max_concurrency: int
    tolerance: Tolerance
    arn: str = ""
    slots: list[Slot] | None = None
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
        """How many items, or children, are in each status."""
        counted: Counter[str] = Counter()
        for slot in self.slots or []:
            counted[slot.status] += slot.items if of_items else 1
        return counted

    def failed_items(self) -> int:
        """How many items failed or timed out. No page says what an aborted child is: failed."""
        counted = self.counts(of_items=True)
        return sum(counted[status] for status in ("FAILED", "TIMED_OUT", "ABORTED"))

    def total_items(self) -> int:
        """How many items there are, started or not."""
        return sum(slot.items for slot in self.slots or [])

    def end(self, status: str) -> None:
        """Note how the run ended."""
        self.status, self.stopped = status, datetime.now(UTC)

    def redrive(self) -> None:
        """Open the run again for the children that did not succeed."""
        self.redrives, self.redriven = self.redrives + 1, datetime.now(UTC)
        self.status, self.stopped = "RUNNING", None
        for slot in self.slots or []:
            slot.to_redrive = slot.status not in {"PENDING", "SUCCEEDED"}

    def prepare(self, slot: Slot) -> Callable[[], None]:
        """Return what runs the child of `slot` to its end in the caller's thread.

        A child to redrive keeps its ARN; an EXPRESS one is started anew, as StartExecution does.
        """
        again, slot.to_redrive = slot.to_redrive, False
        if again and self.kind == "STANDARD":
            redrive.prepare(slot.execution)
            go_on: Callable[[], None] = slot.execution.exec_worker.start
            return go_on
        slot.execution = child = self._child(slot)
        begin: Callable[[], None] = child.start
        return begin

    def _child(self, slot: Slot) -> Any:
        name = str(uuid.uuid4())
        express = self.kind == "EXPRESS"
        prefix = self.machine.arn.replace("stateMachine", "express" if express else "execution")
        child = SyncExecution(
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
            input_data=slot.input,
        )
        child.map_run_arn, child.exec_status = self.arn, ExecutionStatus.RUNNING
        children[child.exec_arn] = child
        return child


class Crew:
    """The threads that work off the slots of a run, never more at once than MaxConcurrency."""

    def __init__(self, run: MapRun) -> None:
        self._run = run
        self._changed = threading.Condition()
        self._at_work: list[Slot] = []
        self._done = 0
        self._failed, self._total = run.failed_items(), run.total_items()

    def work_off(self, slots: Iterable[Slot], env: Any) -> None:
        """Start the children of `slots`; return when all ended, too many failed or `env` ended.

        A child that still runs then is aborted. The crew starts small and grows while its children
        wait: for people, for instance.
        """
        todo, hands = deque(slots), _FIRST_HANDS
        with self._changed:
            while (todo or self._at_work) and env.is_running() and not self.failed:
                limit = self._run.max_concurrency or _UNLIMITED
                while todo and len(self._at_work) < min(hands, limit):
                    self._begin(todo.popleft())
                done = self._done
                self._changed.wait(_LOOK_SECONDS if todo else 5 * _LOOK_SECONDS)
                if done == self._done:
                    hands += _FIRST_HANDS
            left = [slot.execution for slot in self._at_work]
        executions.stop_all(left, error=None, cause=None)

    @property
    def failed(self) -> bool:
        """Whether more items failed than the Map tolerates."""
        return self._run.tolerance.is_exceeded(self._failed, self._total)

    def _begin(self, slot: Slot) -> None:
        run_child = self._run.prepare(slot)
        self._at_work.append(slot)
        threading.Thread(target=self._work, args=(slot, run_child), daemon=True).start()

    def _work(self, slot: Slot, run_child: Callable[[], None]) -> None:
        try:
            run_child()
        finally:
            with self._changed:
                self._at_work.remove(slot)
                self._done += 1
                self._failed += 0 if slot.status == "SUCCEEDED" else slot.items
                self._changed.notify_all()
