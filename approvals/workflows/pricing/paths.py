"""Finds the paths that orders take through a definition, and counts what is billed on each.

AWS bills STANDARD by transitions: one for each step that runs, so for each state entered, and one more
for each retry (pricing page) and redrive. Starting an execution and its end are no steps: ten states
in a row are ten. Of an inline Map the states of each iteration count, the iteration itself does not;
a distributed Map adds one for each child that it starts (developer guide, Transitions). The states
of an EXPRESS child are not billed as transitions.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from math import ceil
from typing import NamedTuple

from approvals.workflows.asl.model import Definition, Machine, State
from approvals.workflows.asl.reachability import error_free, reachable


class Choice(NamedTuple):
    """The branch taken at a Choice, or the number of items of a Map, and why."""

    state: str
    taken: str
    why: str


@dataclass(frozen=True)
class Children:
    """A distributed Map's child executions: how many items each is given, and the path of one of them."""

    name: str
    express: bool
    items: int
    path: Path


@dataclass
class Path:
    """One path through a machine: the states entered, those of branches too, and what they start."""

    name: str
    states: list[str] = field(default_factory=list)
    transitions: int = 0
    functions: int = 0  # Lambdas called
    reviews: int = 0
    wait_seconds: float = 0  # of its Wait states
    starts: int = 0  # executions of other workflows
    children: list[Children] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)
    loops_at: str = ""  # the state at which the path met itself and was left


@dataclass(frozen=True)
class PathFinder:
    """Finds paths, with what a definition leaves open given as assumptions.

    `branches` names the next state for a Choice; `map_items` is how many items an inline Map has, of
    which only `held_percent` count where each starts an execution of its own, as held orders do;
    `batch` is how many items a child is given where no batcher states it.
    """

    branches: Mapping[str, str]
    map_items: int
    batch: int
    held_percent: Decimal

    def for_orders(self, count: int) -> PathFinder:
        """The same assumptions for an execution that carries `count` orders."""
        return replace(self, map_items=self.map_items * count)

    def error_free_path(self, definition: Definition) -> Path:
        """The path without an error, which most orders take."""
        return self.path_through(definition.root, "without an error")

    def reviewed_paths(self, definition: Definition) -> list[Path]:
        """For each review of the root machine, the shortest path to it, then on as if approved."""
        found = []
        for review in definition.root.states.values():
            if not review.is_review:
                continue
            before = _shortest(definition.root, review)
            if before is None:
                continue
            path = Path(f"through {review.name}")
            for state in before:
                self._enter(path, state)
            self._walk(path, definition.root, review)
            found.append(path)
        return found

    def path_through(self, machine: Machine, name: str) -> Path:
        """The path without an error through one machine."""
        path = Path(name)
        if machine.start is not None:
            self._walk(path, machine, machine.start)
        return path

    def _walk(self, path: Path, machine: Machine, start: State) -> None:
        """Enter `start` and the states after it, to the end or to a state that was entered before."""
        seen: set[State] = set()
        state: State | None = start
        while state is not None:
            if state in seen:
                path.loops_at = state.name
                return
            seen.add(state)
            self._enter(path, state)
            state = machine.states.get(self._next(path, state, seen))

    def _next(self, path: Path, state: State, seen: set[State]) -> str:
        """The name of the state after this one; empty at an end."""
        if state.is_terminal:
            return ""
        targets = [
            transition.target for transition in state.transitions if transition.kind != "catch"
        ]
        if state.type != "Choice":
            return targets[0] if targets else ""
        target, why = self._choose(state, targets, seen)
        path.choices.append(Choice(state.name, target, why))
        return target

    def _choose(self, state: State, targets: list[str], seen: set[State]) -> tuple[str, str]:
        """The branch to take at a Choice, and why."""
        if state.name in self.branches:
            return self.branches[state.name], "as asked for"
        reviews = {other for other in state.machine.states.values() if other.is_review}
        for avoiding, why in (
            (seen | reviews, "the first that ends well without a person"),
            (seen, "the first that ends well"),
        ):
            for target in targets:
                if _ends_well(state.machine.states.get(target), avoiding):
                    return target, why
        return targets[0] if targets else "", "the first rule: no way ends well"

    def _enter(self, path: Path, state: State) -> None:
        """Count one entry of a state, and the paths of its inner machines."""
        path.states.append(state.name)
        path.transitions += 1
        path.functions += state.is_lambda
        path.reviews += state.is_review
        path.wait_seconds += _wait_seconds(state)
        path.starts += state.starts_execution
        for machine in state.inner_machines:
            if state.is_distributed:
                path.children.append(self._children(state, machine))
                continue
            inner = self.path_through(machine, state.name)
            _add(path, inner, self._items(path, inner) if state.type == "Map" else 1)

    def _items(self, path: Path, inner: Path) -> int:
        """How many items an inline Map has whose iteration takes the path `inner`."""
        if not inner.starts:
            return self.map_items
        items = ceil(self.map_items * self.held_percent / 100)
        taken = f"{items} item{'' if items == 1 else 's'}"
        path.choices.append(Choice(inner.name, taken, "each is started: the held orders"))
        return items

    def _children(self, state: State, machine: Machine) -> Children:
        batcher = state.body.get("ItemBatcher")
        most = batcher.get("MaxItemsPerBatch", self.batch) if isinstance(batcher, dict) else 1
        items = most if isinstance(most, int) and most > 0 else self.batch  # a path, a substitution
        path = self.for_orders(items).path_through(machine, state.name)
        return Children(state.name, state.child_type == "EXPRESS", items, path)


def _add(path: Path, inner: Path, times: int) -> None:
    """Add an inner machine's path that is taken so many times; its waits run side by side."""
    path.states += inner.states
    path.transitions += inner.transitions * times
    path.functions += inner.functions * times
    path.reviews += inner.reviews * times
    path.wait_seconds += inner.wait_seconds
    path.starts += inner.starts * times
    path.children += inner.children
    path.choices += inner.choices
    path.loops_at = path.loops_at or inner.loops_at


def _wait_seconds(state: State) -> float:
    seconds = state.body.get("Seconds")
    return seconds if state.type == "Wait" and isinstance(seconds, int | float) else 0


def _ends_well(start: State | None, avoiding: set[State]) -> bool:
    """Whether a Succeed, or a state with End, can be reached from `start` without an error."""
    if start is None:
        return False
    found = reachable([start], avoiding=avoiding, follow=error_free)
    return any(state.is_terminal and state.type != "Fail" for state in found)


def _shortest(machine: Machine, target: State) -> list[State] | None:
    """The states before `target` on the shortest path, by errors too; None where no path leads there."""
    if machine.start is None:
        return None
    came_from: dict[State, State | None] = {machine.start: None}
    waiting = deque([machine.start])
    while waiting:
        state = waiting.popleft()
        if state is target:
            return list(_back(came_from, came_from[state]))[::-1]
        for transition in state.transitions:
            following = machine.states.get(transition.target)
            if following is not None and following not in came_from:
                came_from[following] = state
                waiting.append(following)
    return None


def _back(came_from: Mapping[State, State | None], state: State | None) -> Iterable[State]:
    while state is not None:
        yield state
        state = came_from[state]
