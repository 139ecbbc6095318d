"""Part of the rule `asl`: the targets of transitions, states that nothing leads to, and names used twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from approvals.workflows.asl.expressions import is_completed_later
from approvals.workflows.asl.model import (
    CATCH_ALL,
    Definition,
    Machine,
    State,
    error_names,
    json_pointer,
)
from approvals.workflows.asl.reachability import reachable


class Problem(NamedTuple):
    """What is wrong, and the JSON Pointer of its place."""

    pointer: str
    reason: str


def problems(machine: Machine) -> Iterator[Problem]:
    """Yields the targets of one machine that do not exist, its unreachable states, misplaced `States.ALL`."""
    start = machine.body.get("StartAt")
    targets = [(machine.pointer + "/StartAt", start)] if isinstance(start, str) else []
    for state in machine.states.values():
        targets += [(one.pointer, one.target) for one in state.transitions]
        yield from _misplaced_catch_all(state)
    for pointer, target in targets:
        if target not in machine.states and not is_completed_later(target):
            place = (
                pointer if pointer.endswith(("Next", "Default", "StartAt")) else f"{pointer}/Next"
            )
            yield Problem(place, f"No state is called {target!r:.90}.")
    yield from _unreachable(machine, [target for _, target in targets])


def _unreachable(machine: Machine, targets: list[str]) -> Iterator[Problem]:
    """Yields the states that no path from StartAt enters, unless a target is not known yet."""
    if machine.start is None or any(is_completed_later(text) for text in targets):
        return
    reached = reachable([machine.start])
    for state in machine.states.values():
        if state not in reached and not is_completed_later(state.name):
            yield Problem(state.pointer, "No transition leads to this state.")


def _misplaced_catch_all(state: State) -> Iterator[Problem]:
    """Yields `States.ALL` that is not alone in its ErrorEquals, or not in the last rule."""
    for key in ("Retry", "Catch"):
        found = state.body.get(key)
        rules = found if isinstance(found, list) else []
        for index, rule in enumerate(rules):
            names = error_names(rule) if isinstance(rule, dict) else []
            last = index == len(rules) - 1
            if CATCH_ALL in names and (len(names) > 1 or not last):
                place = state.pointer + json_pointer(key, index, "ErrorEquals")
                yield Problem(place, f"{CATCH_ALL} must stand alone, in the last rule of {key}.")


def repeated_names(definition: Definition) -> Iterator[Problem]:
    """Yields the states whose name another state of the definition has, in whatever machine."""
    first: dict[str, Any] = {}
    for state in definition.states:
        if first.setdefault(state.name, state) is not state:
            yield Problem(state.pointer, f"Another state is called {state.name!r:.90} too.")
