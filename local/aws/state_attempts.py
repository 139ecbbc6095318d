"""One attempt of a state, evaluated in the thread that asks for it, which an abort may end.

moto evaluates an attempt in a thread of its own and watches it from outside; whatever waits long
(a callback token, a distributed Map) has its own clock here and needs no watching.
"""

# ruff: noqa: SLF001 - replacing what is inside moto is what this room is for
from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from moto.stepfunctions.parser.api import HistoryEventType


class Aborted(BaseException):
    """The execution ended around the state. No Retry, Catch or `except Exception` may stop it."""


@contextmanager
def attempt_frame(env: Any) -> Iterator[Any]:
    """A frame that the attempt evaluates in; the end of the execution reaches it like any other."""
    frame = env.open_frame()
    frame.states.reset(input_value=env.states.get_input())
    frame.stack = copy.deepcopy(env.stack)
    try:
        yield frame
    finally:
        frame.set_ended()
        env.close_frame(frame)


def take_result(state: Any, env: Any, output: Any) -> None:
    """What moto does with the result of any attempt: ResultSelector, Assign, ResultPath."""
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
    """Wrap a state's evaluation: when it is aborted, the history says so and the state is left."""

    def evaluate_abortable(self: Any, env: Any) -> None:
        try:
            evaluate(self, env)
        except Aborted:
            env.event_manager.add_event(context=env.event_history_context, event_type=event)

    return evaluate_abortable
