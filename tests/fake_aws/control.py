"""The verbs of a campaign: make the world, break it, look at it. The same in process and over HTTP.

Every argument and every result is plain JSON; tokens are given as they are or by their fingerprint.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from tests.fake_aws.account import Account
from tests.fake_aws.faults import OF_THE_TASK, Fault
from tests.fake_aws.journal import fingerprint
from tests.fake_aws.queues import QueueFaults, check_body
from tests.fake_aws.records import Execution, Machine, Task
from tests.fake_aws.world import ACCOUNT, World


class Control:
    """Each verb holds the lock while it works; what it changed is on the disk when it returns."""

    def __init__(self, world: World, account: Account) -> None:
        self.world, self.account = world, account
        self._verbs = {
            name: method
            for name, method in inspect.getmembers(self, inspect.ismethod)
            if getattr(method, "is_verb", False)
        }

    def do(self, verb: str, positional: list[Any], arguments: dict[str, Any]) -> Any:
        """Run a verb by its name. Raises LookupError for an unknown one."""
        if verb not in self._verbs:
            raise LookupError(f"{verb!r} is none of {sorted(self._verbs)}")
        return self._verbs[verb](*positional, **arguments)

    def _execution(self, arn: str) -> Execution:
        return self.account.executions.by_arn[arn]

    def _task(self, token: str) -> Task:
        return self.account.executions.by_fingerprint[fingerprint(token)]


P = ParamSpec("P")
R = TypeVar("R")


def _verb(method: Callable[P, R]) -> Callable[P, R]:
    """A method that is reached from outside: under the lock, and durable when it returns."""

    @wraps(method)
    def held(*arguments: P.args, **named: P.kwargs) -> R:
        world: World = arguments[0].world  # type: ignore[attr-defined]
        with world.lock:
            world.tick()
            result = method(*arguments, **named)
        world.journal.sync()
        return result

    held.is_verb = True  # type: ignore[attr-defined]
    return held


class QueueVerbs(Control):
    """Queues and what is wrong with them."""

    @_verb
    def create_queue(self, name: str, region: str = "", **attributes: str) -> str:
        """Make a queue with SQS's own attributes (VisibilityTimeout="5" …); returns its URL."""
        return self.account.queues.create(name, region or self.world.region, attributes).url

    @_verb
    def dead_letters(self, url: str, to: str, max_receive_count: int) -> None:
        """Let a queue move what was received too often to another one."""
        target = self.account.queues.at(to).arn
        policy = {"deadLetterTargetArn": target, "maxReceiveCount": max_receive_count}
        self.account.queues.set(self.account.queues.at(url), {"RedrivePolicy": json.dumps(policy)})

    @_verb
    def send(self, url: str, bodies: list[str], checked: bool = True) -> list[str]:
        """Put messages on a queue; returns their ids. Unchecked, even what SQS itself would refuse."""
        queue = self.account.queues.at(url)
        for body in bodies if checked else ():
            check_body(body)
        return [queue.send(body).message_id for body in bodies]

    @_verb
    def queue_faults(self, url: str, **options: Any) -> None:
        """Replace a queue's faults: the fields of `queues.QueueFaults`; `copies` may be a number.

        They hold for messages sent from now on (copies, returns) and for calls from now on (the rest).
        """
        copies = options.get("copies", 1)
        options["copies"] = (copies, copies) if isinstance(copies, int) else tuple(copies)
        queue = self.account.queues.at(url)
        queue.faults = QueueFaults(**options)
        queue.fired.clear()

    @_verb
    def queue_state(self, url: str) -> dict[str, Any]:
        """What is on a queue: `messages` in all, `in_flight`, and the bare facts of each `copy`.

        `long_polls` is how many ReceiveMessage calls wait on it.
        """
        queue = self.account.queues.at(url)
        copies = queue.copies()
        shown = [
            {
                "message_id": copy.message_id,
                "copy": copy.number,
                "token": copy.token,
                "in_flight": not copy.waiting,
                "receives": copy.receives,
            }
            for copy in copies
        ]
        in_flight = sum(not copy.waiting for copy in copies)
        return {
            "messages": len(copies),
            "in_flight": in_flight,
            "copies": shown,
            "long_polls": queue.long_polls,
        }

    @_verb
    def bodies(self, url: str) -> list[str]:
        """The bodies on a queue, as they are, tokens included."""
        return [copy.body for copy in self.account.queues.at(url).copies()]


class ExecutionVerbs(Control):
    """State machines, executions and their tasks."""

    @_verb
    def machine(self, name: str = "order-fulfillment", region: str = "", **options: Any) -> str:
        """Make or replace a state machine with the options of `records.Machine`; returns its ARN."""
        where = f"arn:aws:states:{region or self.world.region}:{ACCOUNT}:stateMachine:{name}"
        reorder = options.pop("status_reorder", False)
        machine = Machine(where, **options)
        for url in filter(None, (machine.review_queue_url, machine.status_queue_url)):
            self.account.queues.at(url)
        if reorder:
            self.account.queues.at(machine.status_queue_url).faults.reorder = True
        self.account.executions.machines[where] = machine
        return where

    @_verb
    def start(self, machine: str, name: str, given: dict[str, Any] | None = None) -> str:
        """Start an execution without any fault; returns its ARN."""
        known = self.account.executions.machines[machine]
        return self.account.executions.start(known, name, json.dumps(given or {})).arn

    @_verb
    def open_task(self, execution: str, **branch: Any) -> str:
        """Open one more task in a running execution; returns its token."""
        return self.account.executions.open(self._execution(execution), [branch])[0].token

    @_verb
    def open_tasks(
        self, execution: str, branches: list[dict[str, Any]], padding: int = 0
    ) -> list[str]:
        """Open the branches of a Parallel state, their events interleaved, `padding` events between."""
        tasks = self.account.executions.open(self._execution(execution), branches, padding)
        return [task.token for task in tasks]

    @_verb
    def tasks(self, execution: str = "") -> list[dict[str, Any]]:
        """The attempts of an execution, or of all, with `token`, `outcome` (empty: open) and ids."""
        chosen = (
            [self._execution(execution)] if execution else self.account.executions.by_arn.values()
        )
        return [
            {
                "token": task.token,
                "fingerprint": fingerprint(task.token),
                "execution": task.execution.arn,
                "outcome": task.outcome,
                "retry_count": task.retry_count,
                "item_index": task.item_index,
                "message_id": task.message_id,
                "last_event": task.last,
            }
            for one in chosen
            for task in one.tasks
        ]

    @_verb
    def execution(self, arn: str) -> dict[str, Any]:
        """An execution's `status`, `input`, `output`, `error`, `cause` and number of `events`."""
        one = self._execution(arn)
        names = ("arn", "name", "status", "input", "output", "error", "cause", "redrive_count")
        return {**{name: getattr(one, name) for name in names}, "events": len(one.events)}

    @_verb
    def retry(self, token: str) -> str:
        """Let a token time out and its task be retried; returns the new token."""
        task = self._task(token)
        task.retries = max(task.retries, task.retry_count + 1)
        return self.account.executions.time_out(task).token

    @_verb
    def expire(self, token: str, caught: bool | None = None, heartbeat: bool = False) -> None:
        """Let a token time out: caught, the execution goes on running; not caught, it is FAILED.

        With `caught` None the task's own Retry and Catch decide. The error is States.Timeout for a
        missed heartbeat too, as recorded on AWS.
        """
        by = "heartbeat" if heartbeat else "timeout"
        task = self._task(token)
        if caught is not None:
            task.retries = 0
        self.account.executions.time_out(task, by, caught)

    @_verb
    def answer(self, token: str, output: str = "", error: str = "", cause: str = "") -> None:
        """Let another party answer a token: with an output, or else with an error and a cause."""
        given = {"error": error, "cause": cause} if error or cause else {"output": output or "{}"}
        self.account.executions.answer(self._task(token), "other_party", "", **given)

    @_verb
    def abort(self, execution: str, error: str | None = None, cause: str | None = None) -> None:
        """Stop an execution, as an operator would."""
        self.account.executions.abort(self._execution(execution), error, cause)

    @_verb
    def end(self, execution: str, status: str = "SUCCEEDED", **details: str) -> None:
        """End an execution as SUCCEEDED (output), FAILED (error, cause), TIMED_OUT or ABORTED."""
        one = self._execution(execution)
        if status == "SUCCEEDED":
            details.setdefault("output", "{}")
        self.account.executions.finish(one, status, one.last, **details)

    @_verb
    def redrive(self, execution: str) -> list[str]:
        """Redrive a closed execution; returns the new tokens."""
        one = self._execution(execution)
        before = len(one.tasks)
        self.account.executions.redrive(one)
        return [task.token for task in one.tasks[before:]]

    @_verb
    def forget(self, execution: str) -> None:
        """Delete an execution: ExecutionDoesNotExist from now on, and its tokens are closed."""
        self.account.executions.forget(self._execution(execution))

    @_verb
    def hide_history(self, execution: str, hidden: bool = True) -> None:
        """Refuse to show an execution's history (AccessDeniedException), or show it again."""
        self._execution(execution).hidden = hidden

    @_verb
    def lag_history(self, reads: int = 0, seconds: float = 0.0, execution: str = "") -> None:
        """Show events that come from now on only after so many reads and so many seconds.

        A read is a GetExecutionHistory without nextToken. Without an execution it holds for all that
        have no lag of their own.
        """
        if execution:
            self._execution(execution).lag = (reads, seconds)
        else:
            self.account.executions.lag = (reads, seconds)

    @_verb
    def pad(self, execution: str, events: int) -> None:
        """Add events of Pass and Choice states to a history."""
        self.account.executions.pad(self._execution(execution), events)


class FaultVerbs(Control):
    """What goes wrong with calls, the clock, and what never went wrong."""

    @_verb
    def plan(
        self,
        operation: str,
        faults: Iterable[str],
        token: str = "",
        stall_seconds: float = 30.0,
    ) -> None:
        """Let the next calls meet these faults, one each; `operation` may be a pattern (`SendTask*`).

        With a token the plan is that token's alone, and comes before the operation's.
        """
        planned = list(faults)
        _check_pattern(operation, planned)
        self.world.faults.plan(operation, planned, token, stall_seconds)

    @_verb
    def rates(self, operation: str, stall_seconds: float = 30.0, **rates: float) -> None:
        """Draw faults for matching calls: `lost_after=0.2, throttled=0.1` …; none takes them away.

        What the n-th call about one token (or execution, or queue) meets depends on the seed alone,
        however the calls of several workers interleave.
        """
        _check_pattern(operation, rates)
        self.world.faults.rates(operation, rates, stall_seconds)

    @_verb
    def switch(self, operation: str, fault: str | None, stall_seconds: float = 30.0) -> None:
        """Let every matching call meet a fault (access_denied, expired_credentials …); None ends it."""
        _check_pattern(operation, [fault] if fault else [])
        self.world.faults.switch(operation, fault, stall_seconds)

    @_verb
    def bucket(self, operation: str, capacity: float, per_second: float = 0.0) -> None:
        """Throttle like AWS: so many calls at once, then so many a second; capacity 0 ends it."""
        self.world.faults.bucket(operation, capacity, per_second)

    @_verb
    def unfired(self) -> list[dict[str, Any]]:
        """Everything that was planned, switched on or set as a fault of a queue, and has not happened."""
        queues = self.account.queues.by_name.values()
        quiet = [
            {"kind": "queue", "operation": queue.name, "token": "", "fault": option}
            for queue in queues
            for option in queue.faults.planned()
            if option != "return_after" and not queue.fired[option]
        ]
        return self.world.faults.unfired() + quiet

    @_verb
    def fired(self) -> dict[str, dict[str, int]]:
        """How often each fault happened, by operation; faults under the queue's name."""
        counts: dict[str, dict[str, int]] = {}
        for (operation, fault), count in self.world.faults.fired.items():
            if count:
                counts.setdefault(operation, {})[str(fault)] = count
        for queue in self.account.queues.by_name.values():
            if any(queue.fired.values()):
                counts[queue.name] = dict(queue.fired)
        return counts

    @_verb
    def advance(self, seconds: float) -> None:
        """Move the fake's clock on: timeouts, visibility, retention and lag follow it."""
        self.world.offset += seconds
        self.world.tick()
        for queue in self.account.queues.by_name.values():
            queue.arrived.notify_all()


class Verbs(QueueVerbs, ExecutionVerbs, FaultVerbs):
    """All of them."""


def _check_pattern(operation: str, faults: Iterable[str]) -> None:
    if OF_THE_TASK & set(map(Fault, faults)) and not operation.startswith("SendTask"):
        raise ValueError(f"no token comes with {operation}: only SendTask* can meet these faults")
