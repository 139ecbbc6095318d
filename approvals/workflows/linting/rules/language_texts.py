"""Part of the rule `asl`: paths, payload templates, JSONata expressions and comparisons inside one state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from approvals.workflows.asl.expressions import (
    jsonata_problem,
    path_problem,
    reference_problem,
    template_problem,
)
from approvals.workflows.asl.model import State, json_pointer
from approvals.workflows.linting.rules.language_transitions import Problem

_INNER = frozenset(("Branches", "ItemProcessor", "Iterator"))  # machines with states of their own
_LITERAL = frozenset(("Comment", "Result", "Type", "Resource"))  # AWS evaluates nothing in them
# Developer guide, Fail state: these two take an intrinsic function as well.
_PATH_OR_FUNCTION = frozenset(("ErrorPath", "CausePath"))
_STATE_PATHS = frozenset(
    (
        *("InputPath", "OutputPath", "ItemsPath", "SecondsPath", "TimestampPath"),
        *("TimeoutSecondsPath", "HeartbeatSecondsPath", "MaxConcurrencyPath"),
        *("ToleratedFailureCountPath", "ToleratedFailurePercentagePath"),
    )
)
_COMBINING = ("And", "Or", "Not")
_NO_COMPARISON = frozenset(("Variable", "Next", "Assign", "Comment"))

Found = tuple[str, Any]  # a JSON Pointer and the value that stands there


def problems(state: State) -> Iterator[Problem]:
    """Yields what is wrong with the texts of a state, its inner machines left out."""
    if state.jsonata:
        yield from _jsonata(state)
        return
    yield from _paths(state)
    for key, value in _evaluated(state):
        yield from _template(value, state.pointer + json_pointer(key))
    choices = state.body.get("Choices")
    if state.type == "Choice" and isinstance(choices, list):
        for index, rule in enumerate(choices):
            yield from _comparison(rule, state.pointer + json_pointer("Choices", index))


def _evaluated(state: State) -> Iterator[tuple[str, Any]]:
    """The fields of a state in which AWS evaluates texts."""
    return (item for item in state.body.items() if item[0] not in _INNER | _LITERAL)


def _jsonata(state: State) -> Iterator[Problem]:
    for key, value in _evaluated(state):
        for place, one in _walk(value, state.pointer + json_pointer(key)):
            if isinstance(one, str):
                yield from _judged(jsonata_problem, one, place)
            for name in one if isinstance(one, dict) else ():
                if name.endswith(".$"):
                    reason = f"{name!r:.80}: `.$` belongs to JSONPath, and the state uses JSONata."
                    yield Problem(place + json_pointer(name), reason)


def _paths(state: State) -> Iterator[Problem]:
    """Yields the fields of a JSONPath state that hold no path."""
    for key in _STATE_PATHS & state.body.keys():
        yield from _judged(path_problem, state.body[key], state.pointer + json_pointer(key))
    for key in _PATH_OR_FUNCTION & state.body.keys():
        yield from _judged(template_problem, state.body[key], state.pointer + json_pointer(key))
    places: list[Found] = [(state.pointer, state.body)]
    places += [(one.pointer, one.rule) for one in state.catches]
    for pointer, rule in places:
        yield from _judged(reference_problem, rule.get("ResultPath"), pointer + "/ResultPath")


def _template(value: Any, pointer: str) -> Iterator[Problem]:
    """Yields the `.$` keys of a payload template that hold neither path nor function, or are named twice."""
    for place, one in _walk(value, pointer):
        for name in one if isinstance(one, dict) else ():
            if not name.endswith(".$"):
                continue
            at, bare = place + json_pointer(name), name.removesuffix(".$")
            if bare in one:
                yield Problem(at, f"{bare!r:.80} stands beside {name!r:.80}: one key twice.")
            if isinstance(one[name], str):
                yield from _judged(template_problem, one[name], at)
            else:
                yield Problem(at, f"{name!r:.80} must hold a text: a path or a function.")


def _comparison(rule: Any, pointer: str) -> Iterator[Problem]:
    """Yields what is wrong with a rule of a Choice, at any depth of And, Or and Not."""
    for place, one in _walk(rule, pointer):
        if isinstance(one, dict) and "/Assign" not in place.removeprefix(pointer):
            yield from _test(one, place)


def _test(rule: dict[str, Any], pointer: str) -> Iterator[Problem]:
    """Yields what is wrong with one rule, the rules inside it left out."""
    operators = [name for name in rule if name not in _NO_COMPARISON]
    if len(operators) != 1:
        yield Problem(pointer, "A rule has exactly one comparison, or And, Or or Not.")
    elif operators[0] not in _COMBINING and "Variable" not in rule:
        yield Problem(pointer, f"{operators[0]!r:.80} needs a Variable to compare.")
    for name, value in rule.items():
        if name == "Variable" or name.endswith("Path"):
            yield from _judged(path_problem, value, pointer + json_pointer(name))


def _judged(judge: Callable[[str], str], value: Any, pointer: str) -> Iterator[Problem]:
    """Yields the problem of a text; a value of another type is for the schema to report."""
    if isinstance(value, str) and (reason := judge(value)):
        yield Problem(pointer, reason)


def _walk(value: Any, pointer: str) -> Iterator[Found]:
    """Every value inside this one with its JSON Pointer, itself first."""
    waiting: list[Found] = [(pointer, value)]
    while waiting:
        place, one = waiting.pop()
        yield place, one
        if isinstance(one, dict):
            waiting += [(place + json_pointer(key), inner) for key, inner in one.items()]
        elif isinstance(one, list):
            waiting += [(place + json_pointer(i), inner) for i, inner in enumerate(one)]
