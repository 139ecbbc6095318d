"""Rules of the way an order takes: loops, errors that reach people, and data that is lost on the way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from approvals.workflows.asl.paths import following, loop_of, reachable
from approvals.workflows.asl.states import CATCH_ALL, Definition, State, texts
from approvals.workflows.linting.reviews import TASK_FAILED, reviews
from approvals.workflows.linting.rules import Found, Limits, Rule
from approvals.workflows.linting.wording import is_compensation, is_notice


def loop_unbounded(definition: Definition, _: Limits) -> Iterator[Found]:
    """Approve, fail, review again: without a counter it never ends."""
    for state in reviews(definition):
        loop = loop_of(state)
        counters = {one for one in loop if _counts(one, loop)}
        if loop and state in reachable(following(state), avoiding=counters):
            names = ", ".join(sorted(one.name for one in loop if one is not state))
            yield Found(
                state.pointer,
                f"The review comes back to itself through {names}, as often as it likes: an order"
                " that fails after each approval is reviewed for ever.",
                "Count the rounds in a state of the loop (States.MathAdd, or Assign), and leave the"
                " loop by a Choice that compares the count.",
            )


def outage_to_people(definition: Definition, _: Limits) -> Iterator[Found]:
    """A person cannot decide away a throttle or a missing permission."""
    for state in definition.states:
        for edge in state.catches:
            outages = sorted(name for name in edge.errors if _is_outage(name))
            target = state.machine.states.get(edge.target)
            if outages and target is not None and not state.is_review and _asks_person(target):
                yield Found(
                    edge.pointer,
                    f"{', '.join(outages)} leads to a review: outages, throttles and missing"
                    " permissions land on people's desks.",
                    "Name the errors that a person can judge; retry outages, and leave what is"
                    " unknown uncaught: it can be redriven.",
                )


def catch_loses_input(definition: Definition, _: Limits) -> Iterator[Found]:
    """Without ResultPath the error replaces the order."""
    for state in definition.states:
        for edge in () if state.jsonata else state.catches:
            target = state.machine.states.get(edge.target)
            lost = edge.rule.get("ResultPath", "$") == "$"
            if lost and target is not None and not _asks_nothing(target):
                yield Found(
                    edge.pointer,
                    f"The error replaces the whole input: {edge.target} gets Error and Cause and"
                    " nothing of the order.",
                    'Set "ResultPath": "$.error" in this Catch.',
                )


def parallel_overwrites(definition: Definition, _: Limits) -> Iterator[Found]:
    """The result of a Parallel is a list."""
    for state in definition.states:
        if state.type != "Parallel" or state.jsonata or state.ends:
            continue
        if state.body.get("ResultPath", "$") == "$":
            yield Found(
                state.pointer,
                "The list of the branches' results replaces the whole input: the next state finds"
                " no order in it.",
                'Set "ResultPath": "$.fulfillment", with a ResultSelector that names the branches.',
            )


def notice_decides(definition: Definition, _: Limits) -> Iterator[Found]:
    """A notice that fails must not change what became of the order."""
    for state in definition.states:
        if is_notice(state) and not state.caught & {CATCH_ALL, TASK_FAILED}:
            yield Found(
                state.pointer,
                "When this notice cannot be sent, its error takes the place of what became of the"
                " order.",
                f'Catch "{CATCH_ALL}" with a ResultPath, and go on as if it had been sent.',
            )


def compensation_unretried(definition: Definition, _: Limits) -> Iterator[Found]:
    """Who takes back must not give up at the first throttle."""
    for state in definition.states:
        if is_compensation(state) and not state.retriers:
            yield Found(
                state.pointer,
                "What takes a step back is tried once: a throttle leaves the order half undone.",
                "Retry it as any Lambda is retried, and leave what remains to an operator: uncaught"
                " (it can be redriven), or caught into a state that calls for one.",
            )


def _asks_nothing(state: State) -> bool:
    """Whether a state has no use for its input: an end, or a Pass that puts its own in its place."""
    replaces = "Result" in state.body and state.body.get("ResultPath", "$") == "$"
    return state.type in ("Fail", "Succeed") or (state.type == "Pass" and replaces)


def _is_outage(name: str) -> bool:
    return name in (CATCH_ALL, TASK_FAILED, "States.Permissions") or name.startswith("Lambda.")


def _asks_person(state: State) -> bool:
    """Whether this state is a review, or only Pass and Choice lie between."""
    quiet = {"Pass", "Choice"}
    loud = {one for one in state.machine.states.values() if one.type not in quiet}
    passed = reachable([state], avoiding=loud)
    return any(one.is_review for one in (state, *(x for each in passed for x in following(each))))


def _counts(state: State, loop: set[State]) -> bool:
    """Whether this is a Choice by a number that a state of the loop writes, with a way out."""
    if state.type != "Choice" or not set(following(state)) - loop:
        return False
    if state.jsonata:
        compared = {
            name
            for text in texts(state.body)
            if re.search(r"[<>]", text)
            for name in re.findall(r"\$(\w+)", text)
        }
    else:
        compared = set(_numbers(state.body.get("Choices")))
    return any(_writes(one, variable) for one in loop for variable in compared)


def _numbers(value: Any) -> Iterator[str]:
    """The variables that Numeric operators compare, without their `$.` or `$`."""
    if isinstance(value, list):
        for inner in value:
            yield from _numbers(inner)
    elif isinstance(value, dict):
        if any(key.startswith("Numeric") for key in value):
            yield str(value.get("Variable", "")).lstrip("$.")
        for inner in value.values():
            yield from _numbers(inner)


def _writes(state: State, variable: str) -> bool:
    """Whether this state puts a value there: by Assign, or by a ResultPath that holds it."""
    assigned = state.body.get("Assign")
    if isinstance(assigned, dict):
        names = {name.removesuffix(".$") for name in assigned}
        if re.split(r"\W", variable, maxsplit=1)[0] in names:
            return True
    path = str(state.body.get("ResultPath") or "").lstrip("$.")
    return bool(path) and f"{variable}.".startswith(f"{path}.")


RULES = (
    Rule("review-loop-unbounded", "Review rounds are counted", loop_unbounded, (5,)),
    Rule("outage-goes-to-people", "People judge orders, not outages", outage_to_people, (6,)),
    Rule("notice-decides-outcome", "A failed notice changes nothing", notice_decides, (11,)),
    Rule("parallel-overwrites-input", "A Parallel keeps its input", parallel_overwrites, (12,)),
    Rule("catch-loses-input", "A Catch keeps the order", catch_loses_input, (13,)),
    Rule("compensation-unretried", "A rollback is retried", compensation_unretried, (13,)),
)
