"""An attempt of a state that waits long: it runs in the calling thread, and an abort can end it.

moto evaluates an attempt in a thread of its own and watches it from outside. A state that waits for
a task token, and a distributed Map, have their own timers here and need no such thread.
"""

# ruff: noqa: SLF001 - this module replaces parts of moto
from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from moto.stepfunctions.parser.api import HistoryEventType


class Aborted(BaseException):
    """The execution ended while the state was waiting. Retry, Catch and `except Exception` ignore it."""


@contextmanager
def attempt_frame(env: Any) -> Iterator[Any]:
    """Open a frame for the attempt to evaluate in; it ends when the execution ends."""
    frame = env.open_frame()
    frame.states.reset(input_value=env.states.get_input())
    frame.stack = copy.deepcopy(env.stack)
    try:
        yield frame
    finally:
        frame.set_ended()
        env.close_frame(frame)


def take_result(state: Any, env: Any, output: Any) -> None:
    """Apply Assign, ResultSelector and ResultPath to the result, as moto does after any attempt."""
    env.stack.append(output)
    if not state._is_language_query_jsonpath():
        env.states.set_result(output)
    for step in (state.assign_decl, state.result_selector):
        if step:
            step.eval(env=env)
    if state.result_path:
        state.result_path.eval(env)
    else:
        env.states.reset(input_value=env.stack.pop())


def abortable(evaluate: Callable[[Any, Any], None], event: HistoryEventType) -> Any:
    """Wrap a state's evaluation so that an abort adds `event` to the history and ends the state."""

    def evaluate_abortable(self: Any, env: Any) -> None:
        try:
            evaluate(self, env)
        except Aborted:
            env.event_manager.add_event(context=env.event_history_context, event_type=event)

    return evaluate_abortable
