"""The state that each part of an execution is in, and the outputs of those that ended, for a redrive.

A part is the whole execution, a branch of a Parallel or an iteration of an inline Map. Each is in
one state at a time, so its inner parts belong to that state.
"""

# ruff: noqa: SLF001 - this module replaces parts of moto
from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from moto.stepfunctions.parser.asl.component.common.flow.start_at import StartAt
from moto.stepfunctions.parser.asl.component.common.retry.retry_outcome import RetryOutcome
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.iteration_worker import (
    IterationWorker,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel.branch_worker import (
    BranchWorker,
)
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.program_state import ProgramEnded

_frame_of = Environment.as_inner_frame_of.__func__
_evaluate_program = Program.eval
_evaluate_state = CommonStateField._eval_body
_evaluate_iteration = IterationWorker._eval_job
_retry = ExecutionState._handle_retry
_branch = BranchWorker.__init__


def install() -> None:
    """Give every environment its part, and make the executor record its progress there."""
    Environment.part = None
    Environment.as_inner_frame_of = classmethod(_frame_with_part)
    Program.eval = _evaluate_or_resume
    CommonStateField._eval_body = _enter_and_evaluate
    IterationWorker._eval_job = _evaluate_iteration_as_part
    BranchWorker.__init__ = _branch_as_part
    ExecutionState._handle_retry = _retry_from_start


@dataclass
class Part:
    """The progress of one part. `resuming` is True from a redrive until the part has continued."""

    state: str | None = None
    input: Any = None
    ended: bool = False
    output: Any = None
    parts: dict[int, Part] = field(default_factory=dict)
    map_run: Any = None
    resuming: bool = False

    def inner(self, index: int) -> Part:
        """Return the branch or iteration `index` of the state that this part is in."""
        return self.parts.setdefault(index, Part())

    def reset(self) -> None:
        """Forget the inner parts, because the state is entered or retried."""
        self.parts, self.map_run = {}, None

    def resume(self) -> None:
        """Make the next evaluation continue from here instead of from the start."""
        self.resuming = True
        for part in self.parts.values():
            part.resume()


def _frame_with_part(cls: Any, env: Any, *rest: Any, **named: Any) -> Any:
    frame = _frame_of(cls, env, *rest, **named)
    frame.part = env.part
    return frame


def _evaluate_or_resume(self: Any, env: Any) -> None:
    part = env.part
    program = self
    if part.resuming and part.ended:
        env.next_state_name = self.start_at.start_at_name  # how moto marks that it runs
        env.states.reset(input_value=part.output)
        env.set_ended()
        return
    if part.resuming and part.state is not None:
        program = copy.copy(self)
        program.start_at = StartAt(part.state)
        env.states.reset(input_value=part.input)
    _evaluate_program(program, env)
    if isinstance(env.program_state(), ProgramEnded):
        part.ended, part.output = True, env.states.get_input()


def _enter_and_evaluate(self: Any, env: Any) -> None:
    part = env.part
    if part.resuming:
        part.resuming = False
    else:
        part.reset()
    part.state, part.input, part.ended = self.name, env.states.get_input(), False
    _evaluate_state(self, env)


def _evaluate_iteration_as_part(self: Any, env: Any, job: Any) -> None:
    env.part = env.part.inner(job.job_index)
    if env.part.resuming and env.part.ended:  # only what failed runs again, with new events
        job.job_output = env.part.output
    else:
        _evaluate_iteration(self, env, job)


def _branch_as_part(self: Any, branch_worker_comm: Any, program: Any, env: Any) -> None:
    index = getattr(branch_worker_comm, "branches", 0)
    branch_worker_comm.branches = index + 1
    env.part = env.part.inner(index)
    _branch(self, branch_worker_comm=branch_worker_comm, program=program, env=env)


def _retry_from_start(self: Any, env: Any, failure_event: Any) -> Any:
    outcome = _retry(self, env=env, failure_event=failure_event)
    if outcome == RetryOutcome.CanRetry:
        env.part.reset()
    return outcome
