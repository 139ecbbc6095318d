"""A workflow's definition as states and roads between them, and which of them an execution has taken.

Definitions are whatever AWS gives back; what is not as the States Language has it is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MOST_STATES = 300
FARTHEST = 60  # events that are followed back from a state to the one before it


@dataclass(frozen=True)
class Road:
    """A way from one state to another: next, choice, default or catch."""

    source: str
    target: str
    kind: str
    says: str = ""


@dataclass
class State:
    """A state, with the scopes inside it where it is a Parallel or a Map."""

    name: str
    kind: str
    roads: list[Road] = field(default_factory=list)
    scopes: list[Scope] = field(default_factory=list)

    @property
    def is_an_end(self) -> bool:
        """Whether the execution, or the branch, may end here."""
        return not self.roads


@dataclass
class Scope:
    """States that know each other: the workflow itself, a branch of a Parallel, the inside of a Map."""

    start: str
    states: dict[str, State]


@dataclass
class Path:
    """What an execution has taken: how often each state, and which roads."""

    entered: Counter[str] = field(default_factory=Counter)
    roads: set[tuple[str, str]] = field(default_factory=set)


def scope_of(definition: Any, *, room: int = MOST_STATES) -> Scope | None:
    """The states of a definition; None where it holds none."""
    states = definition.get("States") if isinstance(definition, dict) else None
    if not isinstance(states, dict) or not states:
        return None
    named = {
        str(name): _state(str(name), told, room - len(states))
        for name, told in list(states.items())[: max(room, 0)]
        if isinstance(told, dict)
    }
    for state in named.values():
        state.roads = [road for road in state.roads if road.target in named]
    start = str(definition.get("StartAt", ""))
    return Scope(start if start in named else next(iter(named)), named) if named else None


def names(scope: Scope) -> Iterator[str]:
    """Every state's name, in the order of the definition, those of branches after their Parallel."""
    for state in scope.states.values():
        yield state.name
        for inner in state.scopes:
            yield from names(inner)


def path_of(events: Sequence[Mapping[str, Any]]) -> Path:
    """The path through a history; events follow each other by `previous`, because branches interleave."""
    path, by_id = Path(), {event["id"]: event for event in events}
    for event in events:
        state = event.get("state", "")
        if state and event["kind"].endswith("StateEntered"):
            path.entered[state] += 1
            before = _before(event, by_id)
            if before:
                path.roads.add((before, state))
    return path


def _before(event: Mapping[str, Any], by_id: Mapping[int, Mapping[str, Any]]) -> str:
    """The state that was left for this one; none for the first of a workflow or of a branch."""
    for _ in range(FARTHEST):
        found = by_id.get(event["previous"])
        if found is None:
            return ""
        event = found
        if event["kind"].endswith("StateExited"):
            return str(event.get("state", ""))
        if event["kind"].endswith(("StateEntered", "Started", "Redriven")):
            return ""
    return ""


def _state(name: str, told: Mapping[str, Any], room: int) -> State:
    inside = [told.get("ItemProcessor") or told.get("Iterator")]
    branches = told.get("Branches")
    inside += branches if isinstance(branches, list) else []
    scopes = [scope for one in inside if (scope := scope_of(one, room=room)) is not None]
    return State(name, str(told.get("Type", "")), list(_roads(name, told)), scopes)


def _roads(name: str, told: Mapping[str, Any]) -> Iterator[Road]:
    seen: set[str] = set()
    for target, kind, says in _ways(told):
        if isinstance(target, str) and target not in seen:
            seen.add(target)
            yield Road(name, target, kind, says)


def _ways(told: Mapping[str, Any]) -> Iterator[tuple[Any, str, str]]:
    yield told.get("Next"), "next", ""
    choices = told.get("Choices")
    for choice in choices if isinstance(choices, list) else []:
        if isinstance(choice, dict):
            yield choice.get("Next"), "choice", ""
    yield told.get("Default"), "default", "otherwise"
    catches = told.get("Catch")
    for catch in catches if isinstance(catches, list) else []:
        if isinstance(catch, dict):
            errors = catch.get("ErrorEquals")
            says = ", ".join(map(str, errors)) if isinstance(errors, list) else ""
            yield catch.get("Next"), "catch", says[:120]
