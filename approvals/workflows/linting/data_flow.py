"""Finds the state that reads what an earlier state has replaced: follows the data from state to state.

In JSONPath a result without a ResultPath replaces the whole input (developer guide, Specifying state
output using ResultPath). That is wrong only where a state after it reads a field that is gone.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from approvals.workflows.asl.model import Machine, State, Transition, objects, texts

_ROOT = re.compile(
    r"(?<![$\w])\$(?:\.([A-Za-z_][\w-]*)|\[\s*(?:'([^']+)'|\"([^\"]+)\")\s*\])"  # $.a, $['a']
)
_JSONATA_ROOT = re.compile(r"\$states\.input(?:\.([A-Za-z_]\w*)|\.`([^`]+)`)")
# The input as a whole, as a path of its own or as an argument of an intrinsic function.
_WHOLE = re.compile(r"(?<![$\w])\$(?![\w.\[$])")
_JSONATA_WHOLE = re.compile(r"\$states\.input(?![\w.\[])")
_INNER = frozenset(("Branches", "ItemProcessor", "Iterator"))
_AFTER = frozenset(("OutputPath", "Output"))  # see the state's result too
# Fields of a JSONPath state that see its result and not its input, or that hold no data.
_NOT_INPUT = frozenset(
    ("ResultSelector", "ResultPath", "Result", "Retry", "Catch", "Comment", "Resource", "Assign")
)


@dataclass(frozen=True)
class Reads:
    """The top-level fields of its input that a state reads, and whether it takes the whole."""

    fields: frozenset[str]
    whole: bool


def first_reader(
    targets: Iterable[tuple[State, frozenset[str]]],
    takes_whole: Callable[[State], bool],
) -> State | None:
    """The first state that reads a field which is not there, followed from `targets`; None without one.

    Each target comes with the fields that its input has. `takes_whole` says whether a state that takes
    its whole input counts as one that reads what is lost.
    """
    waiting = deque(targets)
    seen: set[State] = set()
    while waiting:
        state, there = waiting.popleft()
        if state in seen:
            continue
        seen.add(state)
        found = reads(state)
        if found.fields - there or (found.whole and takes_whole(state)):
            return state
        waiting.extend(_followers(state, there))
    return None


def reader_of_lost(
    state: State, result: frozenset[str], takes_whole: Callable[[State], bool]
) -> State | None:
    """The state that reads what this state's result has replaced; None where the input is kept or unread.

    `result` are the top-level fields of the result; a ResultSelector names others.
    """
    if state.jsonata or state.is_terminal or state.body.get("ResultPath", "$") != "$":
        return None
    if state.body.get("OutputPath", "$") != "$":  # a part of the result, whose fields nobody knows
        return None
    selected = state.body.get("ResultSelector")
    if isinstance(selected, dict):
        result = frozenset(name.removesuffix(".$") for name in selected)
    targets = [
        (target, result)
        for transition in state.transitions
        if transition.kind != "catch" and (target := _target(state.machine, transition))
    ]
    return first_reader(targets, takes_whole)


def reads(state: State) -> Reads:
    """What a state reads of its input; of a Parallel also what the first state of each branch reads."""
    root, whole = (_JSONATA_ROOT, _JSONATA_WHOLE) if state.jsonata else (_ROOT, _WHOLE)
    narrowed = state.body.get("InputPath", "$")
    if not state.jsonata and narrowed != "$":
        return Reads(frozenset(_names(_ROOT, [str(narrowed)])), whole=False)
    found = list(_evaluated(state))
    fields = set(_names(root, found)) - _tested(state)
    takes_all = any(whole.search(text) for text in found) or _is_given_all(state)
    if state.type == "Parallel" and state.payload is None:
        starts = [reads(machine.start) for machine in state.inner_machines if machine.start]
        fields |= {name for one in starts for name in one.fields}
        takes_all = any(one.whole for one in starts)
    return Reads(frozenset(fields), takes_all)


def _is_given_all(state: State) -> bool:
    """Whether a Task is given its whole input, or a Map takes it for its items."""
    if state.type == "Map":
        return not {"ItemsPath", "Items", "ItemReader"} & set(state.body)
    return state.type == "Task" and state.payload is None


def _evaluated(state: State) -> Iterator[str]:
    """The texts in a state that AWS evaluates on its input."""
    for key, value in state.body.items():
        if key in _NOT_INPUT | _INNER | _AFTER:
            continue
        if state.jsonata or key == "Choices" or key.endswith("Path"):
            yield from texts(value)
        else:
            yield from _template_texts(value)


def _template_texts(value: Any) -> Iterator[str]:
    """The paths and functions in a payload template: the values of keys that end with `.$`."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name.endswith(".$") and isinstance(inner, str):
                yield inner
            else:
                yield from _template_texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _template_texts(inner)


def _names(pattern: re.Pattern[str], found: Iterable[str]) -> Iterator[str]:
    for text in found:
        for match in pattern.finditer(text):
            yield next(group for group in match.groups() if group)


def _tested(state: State) -> set[str]:
    """The fields of which a Choice asks whether they are there: it can do without them."""
    rules, tested = objects(state.body.get("Choices")), set()
    while rules:
        rule = rules.pop()
        if "IsPresent" in rule:
            tested |= set(_names(_ROOT, texts(rule.get("Variable"))))
        rules += objects(rule.get("And")) + objects(rule.get("Or")) + objects([rule.get("Not")])
    return tested


def _followers(state: State, there: frozenset[str]) -> Iterator[tuple[State, frozenset[str]]]:
    """The states after this one that are given its input, with what it adds to the fields that are there."""
    for transition in state.transitions:
        by_error = transition.kind == "catch"
        kept = _kept(transition.rule if by_error else state.body, state, by_error=by_error)
        if kept is not None and (target := _target(state.machine, transition)):
            yield target, there | kept


def _kept(rule: dict[str, Any], state: State, *, by_error: bool) -> frozenset[str] | None:
    """The field that a transition adds to the input; None where it replaces the input."""
    if state.jsonata:
        through = state.type in ("Choice", "Wait", "Pass") and "Output" not in rule
        return frozenset() if through else None
    if not by_error and rule.get("OutputPath", "$") != "$":
        return None
    produces = by_error or state.type in ("Task", "Parallel", "Map")
    produces = produces or (state.type == "Pass" and bool({"Result", "Parameters"} & set(rule)))
    if not produces and rule.get("InputPath", "$") == "$":
        return frozenset()
    path = rule.get("ResultPath", "$")
    if path is None:
        return frozenset()
    written = frozenset(_names(_ROOT, [path])) if isinstance(path, str) else frozenset()
    return written or None


def _target(machine: Machine, transition: Transition) -> State | None:
    return machine.states.get(transition.target)
