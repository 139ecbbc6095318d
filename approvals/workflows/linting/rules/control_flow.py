"""Rules on control flow: loops through a review, errors that a Catch routes to people, inputs that are lost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from approvals.workflows.asl.model import CATCH_ALL, Definition, State, texts
from approvals.workflows.asl.reachability import loop_of, reachable, successors
from approvals.workflows.linting.data_flow import first_reader, reader_of_lost
from approvals.workflows.linting.rule import QueueSettings, Rule, Violation
from approvals.workflows.linting.rules.reviews import TASK_FAILED, reviews
from approvals.workflows.linting.state_purpose import (
    is_compensation,
    is_notice,
    only_reads,
    takes_order,
    takes_order_with_error,
)

ERROR_OUTPUT = frozenset(("Error", "Cause"))  # what a Catch gives on (developer guide)
NO_FIELDS: frozenset[str] = frozenset()  # of a list


def loop_unbounded(definition: Definition, _: QueueSettings) -> Iterator[Violation]:
    """Yields the reviews that can be entered again and again, in a loop that counts no rounds."""
    for state in reviews(definition):
        loop = loop_of(state)
        exits = {member for member in loop if _leaves_by_count(member, loop)}
        if loop and state in reachable(successors(state), avoiding=exits):
            names = ", ".join(sorted(member.name for member in loop if member is not state))
            yield Violation(
                state.pointer,
                f"The review comes back to itself through {names}, as often as it likes: an order"
                " that fails after each approval is reviewed for ever.",
                "Count the rounds in a state of the loop (States.MathAdd, or Assign), and leave the"
                " loop by a Choice that compares the count.",
            )


def outage_to_people(definition: Definition, _: QueueSettings) -> Iterator[Violation]:
    """Yields the Catch rules that send an outage, a throttle or a missing permission to a review."""
    for state in definition.states:
        for catch in state.catches:
            outages = sorted(name for name in catch.errors if _is_outage(name))
            target = state.machine.states.get(catch.target)
            if outages and target is not None and not state.is_review and _leads_to_review(target):
                yield Violation(
                    catch.pointer,
                    f"{', '.join(outages)} leads to a review: outages, throttles and missing"
                    " permissions land on people's desks.",
                    "Name the errors that a person can judge; retry outages, and leave what is"
                    " unknown uncaught: it can be redriven.",
                )


def catch_loses_input(definition: Definition, _: QueueSettings) -> Iterator[Violation]:
    """Yields the Catch rules whose error replaces an input that a state after them reads."""
    for state in definition.states:
        for catch in () if state.jsonata else state.catches:
            target = state.machine.states.get(catch.target)
            if target is None or catch.rule.get("ResultPath", "$") != "$":
                continue
            reader = first_reader([(target, ERROR_OUTPUT)], takes_order_with_error)
            if reader is not None:
                yield Violation(
                    catch.pointer,
                    f"The error replaces the whole input: {reader.name} reads it, and gets Error and"
                    " Cause and nothing of the order.",
                    'Set "ResultPath": "$.error" in this Catch.',
                )


def parallel_overwrites(definition: Definition, _: QueueSettings) -> Iterator[Violation]:
    """Yields the Parallel states whose list of results replaces an input that a later state reads."""
    for state in definition.states:
        if state.type != "Parallel":
            continue
        reader = reader_of_lost(state, NO_FIELDS, takes_order)
        if reader is not None:
            yield Violation(
                state.pointer,
                f"The list of the branches' results replaces the whole input: {reader.name} reads it,"
                " and finds no order in it.",
                'Set "ResultPath": "$.fulfillment", with a ResultSelector that names the branches.',
            )


def notice_decides(definition: Definition, _: QueueSettings) -> Iterator[Violation]:
    """Yields the notices whose failure, not caught, would fail the order; not where all else only reads."""
    notices = [state for state in definition.states if is_notice(state)]
    tasks = (state for state in definition.states if state.type == "Task")
    if len(notices) == sum(not only_reads(state) for state in tasks):
        return
    for state in notices:
        if not state.caught_errors & {CATCH_ALL, TASK_FAILED}:
            yield Violation(
                state.pointer,
                "When this notice cannot be sent, the execution fails with the notice's error, whatever"
                " became of the order.",
                f'Catch "{CATCH_ALL}" with a ResultPath, and go on as if it had been sent.',
            )


def compensation_unretried(definition: Definition, _: QueueSettings) -> Iterator[Violation]:
    """Yields the compensating steps, such as a refund, that are not retried."""
    for state in definition.states:
        if is_compensation(state) and not state.retriers:
            yield Violation(
                state.pointer,
                "What takes a step back is tried once: a throttle leaves the order half undone.",
                "Retry it as any Lambda is retried, and leave what remains to an operator: uncaught"
                " (it can be redriven), or caught into a state that calls for one.",
            )


def _is_outage(name: str) -> bool:
    return name in (CATCH_ALL, TASK_FAILED, "States.Permissions") or name.startswith("Lambda.")


def _leads_to_review(state: State) -> bool:
    """Whether this state is a review, or leads to one through Pass and Choice states only."""
    working = {
        other for other in state.machine.states.values() if other.type not in {"Pass", "Choice"}
    }
    passed = reachable([state], avoiding=working)
    after = (target for source in passed for target in successors(source))
    return state.is_review or any(target.is_review for target in after)


def _leaves_by_count(state: State, loop: set[State]) -> bool:
    """Whether this is a Choice that leaves the loop by a number which a state of the loop writes."""
    if state.type != "Choice" or not set(successors(state)) - loop:
        return False
    if state.jsonata:
        compared = {
            name
            for text in texts(state.body)
            if re.search(r"[<>]", text)
            for name in re.findall(r"\$(\w+)", text)
        }
    else:
        compared = set(_numeric_variables(state.body.get("Choices")))
    return any(_writes(member, variable) for member in loop for variable in compared)


def _numeric_variables(value: Any) -> Iterator[str]:
    """The variables that Numeric comparisons of a Choice read, without their `$.` or `$`."""
    if isinstance(value, list):
        for inner in value:
            yield from _numeric_variables(inner)
    elif isinstance(value, dict):
        if any(key.startswith("Numeric") for key in value):
            yield str(value.get("Variable", "")).lstrip("$.")
        for inner in value.values():
            yield from _numeric_variables(inner)


def _writes(state: State, variable: str) -> bool:
    """Whether this state writes the variable, by Assign or by a ResultPath that contains it."""
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
