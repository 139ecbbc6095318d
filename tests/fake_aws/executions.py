"""Executions that wait at ManualReview: scripted, no interpreter of the states language.

What is true to AWS is what the service depends on: tokens that end once, events whose chains hang
together by previousEventId, a new token with each attempt, and endings that kill what was open.
"""

from __future__ import annotations

import base64
import hashlib
import heapq
import itertools
import json
import math
from collections.abc import Iterator
from typing import Any

from tests.fake_aws.journal import decision_in, fingerprint
from tests.fake_aws.queues import Queues
from tests.fake_aws.records import Execution, Machine, Task
from tests.fake_aws.status import status_event
from tests.fake_aws.world import ACCOUNT, World, iso

_WHOLE = {"truncated": False}
_RESOURCE = {"resourceType": "sqs", "resource": "sendMessage.waitForTaskToken"}
DECLINED = {"Error": "PaymentDeclined", "Cause": '{"errorMessage": "Your card was declined."}'}


class Executions:
    """All machines, executions and tokens. The caller holds the world's lock."""

    def __init__(self, world: World, queues: Queues) -> None:
        self.world, self.queues = world, queues
        self.machines: dict[str, Machine] = {}
        self.by_arn: dict[str, Execution] = {}
        self.tokens: dict[str, Task] = {}
        self.by_fingerprint: dict[str, Task] = {}
        self.lag = (0, 0.0)
        self._due: list[tuple[float, int, Task]] = []
        self._numbers = itertools.count()
        world.tick = self.tick

    def tick(self) -> None:
        """Let every deadline that has passed close its token."""
        now = self.world.now()
        while self._due and self._due[0][0] <= now:
            _, _, task = heapq.heappop(self._due)
            if task.outcome:
                continue
            if task.deadline() > now:  # a heartbeat moved it
                self._watch(task)
            else:
                late = bool(task.timeout_seconds) and task.started_at + task.timeout_seconds <= now
                self.time_out(task, by="timeout" if late else "heartbeat")

    def start(self, machine: Machine, name: str, text: str) -> Execution:
        """A new execution, waiting at its task where the machine has a review queue."""
        arn = f"{machine.arn.replace(':stateMachine:', ':execution:')}:{name}"
        execution = Execution(arn, name, machine, text, self.world.now())
        self.by_arn[arn] = execution
        role = f"arn:aws:iam::{ACCOUNT}:role/fake"
        self.add(execution, "ExecutionStarted", 0, input=text, inputDetails=_WHOLE, roleArn=role)
        self._note("ExecutionStarted", execution)
        self._announce(execution)
        if machine.padding:
            self.pad(execution, machine.padding)
        if machine.review_queue_url:
            self.open(execution, [{}])
        return execution

    def open(
        self, execution: Execution, branches: list[dict[str, Any]], padding: int = 0
    ) -> list[Task]:
        """Open a task, or several whose events interleave, with padding between; returns the attempts.

        A branch may set state_name, queue_url, input, error, item_index, timeout_seconds,
        heartbeat_seconds, retries and catch; the rest is the machine's.
        """
        if len(branches) > 1:
            entered = self._enter(execution, "Parallel", "Reviews", execution.last)
            execution.parallel = self.add(execution, "ParallelStateStarted", entered)
            execution.last = execution.parallel
        tasks = [self._new_task(execution, branch) for branch in branches]
        rows = [self._attempt(task, enters=True) for task in tasks]
        while rows:
            rows = [row for row in rows if next(row, False)]
            if rows and padding:
                self.pad(execution, padding // 3)
        return tasks

    def answer(self, task: Task, by: str, digest: str, **given: str | None) -> None:
        """Close an open token with an `output`, or with an `error` and a `cause`, and go on from there."""
        execution, succeeds = task.execution, given.get("output") is not None
        decision = decision_in(given["output"] if succeeds else given.get("cause"))
        op = "SendTaskSuccess" if succeeds else "SendTaskFailure"
        outcome = "succeeded" if succeeds else "failed"
        self._close(task, outcome, op, by, digest=digest, decision_id=decision or None)
        if succeeds:
            output = given["output"]
            details = {**_RESOURCE, "output": output, "outputDetails": _WHOLE}
            task.last = self.add(execution, "TaskSucceeded", task.last, **details)
            self._go_on(task, str(output))
            return
        reason = {key: given[key] for key in ("error", "cause") if given.get(key) is not None}
        task.last = self.add(execution, "TaskFailed", task.last, **_RESOURCE, **reason)
        if task.catch:
            caught = {"Error": given.get("error"), "Cause": given.get("cause")}
            self._go_on(task, json.dumps(caught))
        else:
            self._fail(task, given.get("error"), given.get("cause"))

    def time_out(self, task: Task, by: str = "timeout", caught: bool | None = None) -> Task | None:
        """Expire an open token: retried (returns the new attempt), caught, or the execution fails."""
        self._close(task, "timed_out", "TaskTimedOut", by)
        details = {**_RESOURCE, "error": "States.Timeout"}
        task.last = self.add(task.execution, "TaskTimedOut", task.last, **details)
        if task.retry_count < task.retries:
            return self.again(task)
        if task.catch if caught is None else caught:
            self._go_on(task, '{"Error": "States.Timeout", "Cause": null}', may_end=False)
        else:
            self._fail(task, "States.Timeout", None)
        return None

    def again(self, task: Task, after: int = 0, redriven: bool = False) -> Task:
        """Schedule the task of a closed token again: a new token and a new message."""
        same = {
            **vars(task),
            "outcome": "",
            "message_id": "",
            "token": self._new_token(task.execution),
        }
        attempt = Task(**same)
        attempt.retry_count = 0 if redriven else task.retry_count + 1
        attempt.last = after or task.last
        self._register(attempt)
        for _ in self._attempt(attempt, enters=False):
            pass
        return attempt

    def beat(self, task: Task) -> None:
        """Restart the heartbeat clock; where there is none, accepted and without effect."""
        task.beaten_at = self.world.now()

    def abort(self, execution: Execution, error: str | None, cause: str | None) -> None:
        """Stop a running execution; its open tokens are closed without an event of their own."""
        for task in execution.open_tasks():
            self._close(task, "aborted", "TaskAborted", "abort")
        self.finish(execution, "ABORTED", 0, error=error, cause=cause)

    def finish(self, execution: Execution, status: str, after: int, **details: str | None) -> None:
        """End an execution. Whatever is still open is aborted, each on its own chain."""
        for task in execution.open_tasks():
            self._close(task, "aborted", "TaskAborted", "execution_end")
            task.last = self.add(execution, "TaskStateAborted", task.last)
        known = {key: value for key, value in details.items() if value is not None}
        kind = {"TIMED_OUT": "ExecutionTimedOut"}.get(status, f"Execution{status.capitalize()}")
        extra = {"outputDetails": _WHOLE} if "output" in known else {}
        self.add(execution, kind, after, **known, **extra)
        execution.status, execution.stopped_at = status, self.world.now()
        execution.output, execution.parallel = known.get("output"), 0
        execution.error, execution.cause = known.get("error"), known.get("cause")
        self._note("ExecutionEnded", execution, status=status)
        self._announce(execution)

    def redrive(self, execution: Execution) -> float:
        """Run the branches that did not succeed again, with new tokens; returns the date."""
        now = self.world.now()
        execution.status, execution.stopped_at = "RUNNING", None
        execution.error = execution.cause = None
        execution.redrive_count, execution.redriven_at = execution.redrive_count + 1, now
        count = execution.redrive_count
        redriven = self.add(
            execution, "ExecutionRedriven", len(execution.events), redriveCount=count
        )
        self._note("ExecutionRedriven", execution)
        self._announce(execution)
        latest = {task.branch: task for task in execution.tasks}
        for task in latest.values():
            if task.outcome != "succeeded":
                self.again(task, after=redriven, redriven=True)
        return now

    def forget(self, execution: Execution) -> None:
        """Delete an execution: AWS knows neither it nor its history any more, its tokens are closed."""
        for task in execution.open_tasks():
            self._close(task, "deleted", "ExecutionDeleted", "deleted")
        self.by_arn.pop(execution.arn, None)

    def pad(self, execution: Execution, events: int) -> None:
        """Add so many events of Pass and Choice states, beside what is open or in its way."""
        beside = bool(execution.open_tasks())
        last = (execution.side or execution.last) if beside else execution.last
        for number in range(events // 2):
            kind, name = ("Pass", "Choice")[number % 2], f"Step{number}"
            last = self._enter(execution, kind, name, last)
            details = {"name": name, "output": "{}", "outputDetails": _WHOLE}
            last = self.add(execution, f"{kind}StateExited", last, **details)
        execution.side, execution.last = (last, execution.last) if beside else (0, last)

    def add(self, execution: Execution, kind: str, previous: int, **details: Any) -> int:
        """Append an event that follows `previous`; returns its id."""
        number = len(execution.events) + 1
        event = {
            "timestamp": self.world.now(),
            "type": kind,
            "id": number,
            "previousEventId": previous,
        }
        if details:
            event[_details_key(kind)] = details
        reads, seconds = self.lag if execution.lag is None else execution.lag
        execution.events.append(event)
        execution.shown.append((execution.reads + reads, self.world.now() + seconds))
        return number

    def _new_task(self, execution: Execution, branch: dict[str, Any]) -> Task:
        machine, options = execution.machine, dict(branch)
        queue = self.queues.at(options.pop("queue_url", machine.review_queue_url))
        task = Task(
            token=self._new_token(execution),
            execution=execution,
            branch=len(execution.tasks),
            queue=queue,
            state_name=options.pop("state_name", machine.state_name),
            input=options.pop("input", json.loads(execution.input)),
            error=options.pop("error", DECLINED),
            item_index=options.pop("item_index", None),
            timeout_seconds=options.pop("timeout_seconds", machine.timeout_seconds),
            heartbeat_seconds=options.pop("heartbeat_seconds", machine.heartbeat_seconds),
            retries=options.pop("retries", machine.retries),
            catch=options.pop("catch", machine.catch),
            entered_at=self.world.now(),
            last=execution.last,
        )
        if options:
            raise ValueError(f"a branch knows nothing of {sorted(options)}")
        self._register(task)
        return task

    def _new_token(self, execution: Execution) -> str:
        # As long and as full of +, / and = as the real ones: what stores or shows them meets that.
        secret = self.world.bytes_for(382, "token", execution.arn, len(execution.tasks))
        return "AQCEAAAAKgAAAAMAAAAA" + base64.b64encode(secret).decode()

    def _register(self, task: Task) -> None:
        task.execution.tasks.append(task)
        self.tokens[task.token] = self.by_fingerprint[fingerprint(task.token)] = task

    def _watch(self, task: Task) -> None:
        if task.deadline() < math.inf:
            heapq.heappush(self._due, (task.deadline(), next(self._numbers), task))

    def _attempt(self, task: Task, *, enters: bool) -> Iterator[bool]:
        """The events of one attempt, one at a time, so that those of several may interleave."""
        execution = task.execution
        if enters:
            task.last = self._enter(execution, "Task", task.state_name, task.last, task.input)
            yield True
        body = self._message(task)
        limits = {
            "timeoutInSeconds": task.timeout_seconds,
            "heartbeatInSeconds": task.heartbeat_seconds,
        }
        scheduled = {
            **_RESOURCE,
            "region": execution.machine.region,
            "parameters": json.dumps({"MessageBody": body, "QueueUrl": task.queue.url}),
            **{key: value for key, value in limits.items() if value},
        }
        task.last = self.add(execution, "TaskScheduled", task.last, **scheduled)
        yield True
        task.last = self.add(execution, "TaskStarted", task.last, **_RESOURCE)
        task.started_at = task.beaten_at = self.world.now()
        self._watch(task)
        yield True
        sent = task.queue.send(json.dumps(body))
        task.message_id = sent.message_id
        request = self.world.uuid_for("submitted", task.token)
        output = {
            "MD5OfMessageBody": sent.md5(),
            "MessageId": sent.message_id,
            "SdkHttpMetadata": {"HttpStatusCode": 200},
            "SdkResponseMetadata": {"RequestId": request},
        }
        submitted = {**_RESOURCE, "output": json.dumps(output), "outputDetails": _WHOLE}
        task.last = self.add(execution, "TaskSubmitted", task.last, **submitted)

    def _message(self, task: Task) -> dict[str, Any]:
        execution, given = task.execution, task.input if isinstance(task.input, dict) else {}
        body = {
            "schemaVersion": "1",
            "taskToken": task.token,
            "orderId": given.get("order_id", given.get("orderId", execution.name)),
            "executionArn": execution.arn,
            "stateMachineArn": execution.machine.arn,
            "stateName": task.state_name,
            "enteredTime": iso(task.entered_at),
            "retryCount": task.retry_count,
            "redriveCount": execution.redrive_count,
            "timeoutSeconds": task.timeout_seconds,
            "error": task.error,
            "input": task.input,
        }
        return body if task.item_index is None else {**body, "itemIndex": task.item_index}

    def _enter(
        self, execution: Execution, kind: str, name: str, previous: int, given: Any = None
    ) -> int:
        details = {"name": name, "input": json.dumps(given or {}), "inputDetails": _WHOLE}
        return self.add(execution, f"{kind}StateEntered", previous, **details)

    def _go_on(self, task: Task, output: str, *, may_end: bool = True) -> None:
        """Leave the task's state; the execution ends with its last open task, if it may."""
        execution = task.execution
        details = {"name": task.state_name, "output": output, "outputDetails": _WHOLE}
        task.last = self.add(execution, "TaskStateExited", task.last, **details)
        if execution.open_tasks():
            return
        execution.last = task.last
        if execution.parallel:
            execution.parallel = 0
            succeeded = self.add(execution, "ParallelStateSucceeded", execution.last)
            left = {"name": "Reviews", "output": "[]", "outputDetails": _WHOLE}
            execution.last = self.add(execution, "ParallelStateExited", succeeded, **left)
        if may_end and execution.machine.ends:
            self.finish(execution, "SUCCEEDED", execution.last, output=output)

    def _fail(self, task: Task, error: str | None, cause: str | None) -> None:
        self.finish(task.execution, "FAILED", task.last, error=error, cause=cause)

    def _close(self, task: Task, outcome: str, op: str, by: str, **fields: Any) -> None:
        assert not task.outcome, "a token ends once"
        task.outcome = outcome
        about = {"token": fingerprint(task.token), "execution": task.execution.arn}
        self.world.journal.write(
            "effect", op, **about, by=by, closes=True, outcome=outcome, applied=True, **fields
        )

    def _note(self, op: str, execution: Execution, **fields: Any) -> None:
        digest = hashlib.sha256(execution.input.encode("utf-8", "surrogatepass")).hexdigest()
        about = {"execution": execution.arn, "input_sha256": digest, "applied": True}
        self.world.journal.write("effect", op, **about, **fields)

    def _announce(self, execution: Execution) -> None:
        """Tell EventBridge of a status: one event, delivered as often as the machine's rule does."""
        machine = execution.machine
        if machine.status_queue_url:
            queue = self.queues.at(machine.status_queue_url)
            number = len(execution.events)
            body = json.dumps(status_event(execution, self.world, number))
            for _ in range(machine.status_copies):
                queue.send(body)


def _details_key(kind: str) -> str:
    for suffix in ("StateEntered", "StateExited"):
        if kind.endswith(suffix):
            kind = suffix
    return f"{kind[0].lower()}{kind[1:]}EventDetails"
