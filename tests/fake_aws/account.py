"""One request from arrival to answer: its fault, its effect, its line in the journal, its bytes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.fake_aws.errors import AwsError
from tests.fake_aws.executions import Executions
from tests.fake_aws.faults import APPLIED_FIRST, LOST, OF_THE_TASK, RESET, Fault, error_of
from tests.fake_aws.journal import decision_in, fingerprint
from tests.fake_aws.queues import Queues
from tests.fake_aws.records import Task
from tests.fake_aws.sqs import Sqs
from tests.fake_aws.stepfunctions import StepFunctions
from tests.fake_aws.world import Call, World

_MALFORMED = (AttributeError, KeyError, TypeError, ValueError)  # what a strange request leads to


@dataclass(frozen=True)
class Reply:
    """What goes back over the wire; `lost` is a connection closed without an answer, `reset` by RST."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    lost: bool = False
    reset: bool = False


@dataclass
class _Outcome:
    """What became of a call so far."""

    applied: bool = False
    answer: dict[str, Any] = field(default_factory=dict)
    error: AwsError | None = None


class Account:
    """The two services of the fake, and the path of a call through one of them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.queues = Queues(world)
        self.executions = Executions(world, self.queues)
        self.sqs, self.stepfunctions = Sqs(self.queues), StepFunctions(self.executions)

    def handle(self, call: Call) -> Reply:
        """Serve a call; its lines are on the disk when this returns."""
        about = self._about(call)
        with self.world.lock:
            self.world.tick()
            key = about.get("token") or about.get("execution") or about.get("queue") or ""
            fault, stall = self.world.faults.choose(call.op, about.get("token", ""), key)
            if fault not in OF_THE_TASK | {Fault.NONE}:
                self.world.journal.write("fault", call.op, **about, fault=str(fault))
        if fault == Fault.STALLED:
            self.world.closing.wait(stall)
        outcome = self._outcome(call, fault)
        if fault == Fault.STALLED_AFTER_APPLY:
            self.world.journal.sync()
            self.world.closing.wait(stall)
        reply = self._reply(call, fault, outcome)
        self.world.journal.write(
            "call",
            call.op,
            **about,
            received=call.received,
            digest=call.digest,
            request_id=call.request_id,
            region=call.region,
            decision_id=_decision_of(call),
            applied=outcome.applied,
            error=outcome.error.code if outcome.error else None,
            fault=None if fault == Fault.NONE else str(fault),
            answered=None if reply.lost else reply.status,
            message_ids=_message_ids(outcome.answer),
        )
        self.world.journal.sync()
        return reply

    def _outcome(self, call: Call, fault: Fault) -> _Outcome:
        error = error_of(fault, call.service, call.op)
        early = fault not in APPLIED_FIRST
        if early and (error or fault in LOST):
            return _Outcome(error=error)
        outcome = _Outcome()
        with self.world.lock:
            self.world.tick()  # a stall may have taken a while
            if fault in OF_THE_TASK:
                self._apply_to_task(call, fault)
            try:
                outcome.answer = self._operation(call)(call)
                outcome.applied = True
            except AwsError as refusal:
                outcome.error = refusal
            except _MALFORMED as wrong:
                message = f"{type(wrong).__name__}: {wrong}"
                outcome.error = AwsError("SerializationException", message)
        outcome.error = error or outcome.error  # whatever came of it, the caller hears of a 500
        return outcome

    def _operation(self, call: Call) -> Any:
        service: Any = self.sqs if call.service == "sqs" else self.stepfunctions
        if call.op not in service.operations:
            raise AwsError("UnknownOperationException", f"The fake does not know {call.op}")
        return service.operations[call.op]

    def _apply_to_task(self, call: Call, fault: Fault) -> None:
        """What happens to the task just before the call is handled, if it is still open."""
        task = self.executions.tokens.get(str(call.arguments.get("taskToken")))
        if task is None or task.outcome:
            self.world.faults.take_back(call.op, fault, self._about(call).get("token", ""))
            return
        self.world.journal.write("fault", call.op, **self._about(call), fault=str(fault))
        if fault == Fault.TOKEN_EXPIRES:
            self.executions.time_out(task)
        elif fault == Fault.EXECUTION_ABORTS:
            self.executions.abort(task.execution, "Fault", "aborted as planned")
        else:
            self.executions.answer(task, "other_party", "", output='{"by": "another party"}')

    def _reply(self, call: Call, fault: Fault, outcome: _Outcome) -> Reply:
        if fault in LOST or self.world.closing.is_set():
            return Reply(lost=True, reset=fault in RESET)
        headers = {"x-amzn-RequestId": call.request_id}
        if outcome.error:
            extra, body = outcome.error.wire(call.service)
            return Reply(outcome.error.status, {**headers, **extra}, body)
        return Reply(200, headers, json.dumps(outcome.answer).encode())

    def _about(self, call: Call) -> dict[str, str]:
        """What a call is about, for the journal: never a token, only its fingerprint."""
        asked = call.arguments
        about: dict[str, str] = {}
        if isinstance(token := asked.get("taskToken"), str):
            about["token"] = fingerprint(token)
            task: Task | None = self.executions.tokens.get(token)
            if task:
                about["execution"] = task.execution.arn
        if isinstance(asked.get("executionArn"), str):
            about["execution"] = asked["executionArn"]
        if call.op == "StartExecution":
            machine = str(asked.get("stateMachineArn", ""))
            about["execution"] = (
                f"{machine.replace(':stateMachine:', ':execution:')}:{asked.get('name')}"
            )
        if isinstance(asked.get("QueueUrl"), str):
            about["queue"] = urlsplit(asked["QueueUrl"]).path.rpartition("/")[2]
        return about


def _decision_of(call: Call) -> str | None:
    text = call.arguments.get("output") or call.arguments.get("cause")
    return decision_in(text) or None if isinstance(text, str) else None


def _message_ids(answer: dict[str, Any]) -> list[str] | None:
    messages = answer.get("Messages") or answer.get("Successful") or ([answer] if answer else [])
    return [message["MessageId"] for message in messages if "MessageId" in message] or None
