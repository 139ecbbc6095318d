"""Finds the paths that orders take through a definition, and counts what is billed on each.

AWS bills STANDARD by transitions: one for each step that runs, so for each state entered, and one more
for each retry (pricing page) and redrive. Starting an execution and its end are no steps: ten states
in a row are ten. Of an inline Map the states of each iteration count, the iteration itself does not;
a distributed Map adds one for each child that it starts (developer guide, Transitions). The states
of an EXPRESS child are not billed as transitions.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from decimal import Decimal
from math import ceil
from typing import Any, NamedTuple

from approvals.workflows.asl.model import Definition, Machine, State, Transition
from approvals.workflows.asl.reachability import (
    any_transition,
    error_free,
    reachable,
    successors,
)

LARGEST = 99_999_999  # Amazon States Language: Seconds
INLINE = 40  # iterations of an inline Map at a time (developer guide, Map workflow state)
_CONSTANT = re.compile(r"\{%\s{0,9}([0-9]{1,8})\s{0,9}%\}")


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
    assumed: bool = False  # whether the definition leaves the number of items open


class Round(NamedTuple):
    """A loop that a path can take again: its states, and the seconds that each round waits."""

    states: tuple[str, ...]
    wait_seconds: Decimal


@dataclass
class Path:
    """One path through a machine: the states entered, those of branches too, and what they start."""

    name: str
    states: list[str] = field(default_factory=list)
    transitions: int = 0
    functions: int = 0  # Lambdas called
    reviews: int = 0
    wait_seconds: Decimal = Decimal(0)  # of its Wait states; those of branches run side by side
    unknown_waits: list[str] = field(
        default_factory=list
    )  # the Wait states whose time is left open
    rounds: list[Round] = field(default_factory=list)  # loops, of which the path has no round
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
        path.rounds += self._rounds(state, [other for other in targets if other != target], seen)
        return target

    def _rounds(self, choice: State, targets: list[str], seen: set[State]) -> Iterator[Round]:
        """Yields the loops by which targets of a Choice lead back to a state that was entered before it."""
        for name in dict.fromkeys(targets):
            target = choice.machine.states.get(name)
            there = _shortest_to(target, seen) if target is not None else None
            if there is None:
                continue
            states = [*there[:-1], *(_shortest_to(there[-1], {choice}) or [choice])]
            waits = (_wait_seconds(state) or Decimal(0) for state in states)
            yield Round(tuple(state.name for state in states), sum(waits, Decimal(0)))

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
        if state.type == "Wait":
            seconds = _wait_seconds(state)
            path.wait_seconds += seconds or 0
            path.unknown_waits += [state.name] if seconds is None else []
        path.starts += state.starts_execution
        longest = Decimal(0)
        for machine in state.inner_machines:
            if state.is_distributed:
                path.children.append(self._children(state, machine))
                continue
            inner = self.path_through(machine, state.name)
            items = self._items(path, inner) if state.type == "Map" else 1
            _add(path, inner, items)
            longest = max(longest, inner.wait_seconds * ceil(Decimal(items) / _width(state)))
        path.wait_seconds += longest

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
        most = batcher.get("MaxItemsPerBatch") if isinstance(batcher, dict) else 1
        stated = literal_number(most)
        assumed = stated is None or stated < 1 or stated != int(stated)
        items = self.batch if stated is None or assumed else int(stated)
        path = self.for_orders(items).path_through(machine, state.name)
        return Children(state.name, state.child_type == "EXPRESS", items, path, assumed)


def _wait_seconds(state: State) -> Decimal | None:
    """How long a state waits by itself: 0 unless it is a Wait; None where that is left open."""
    return literal_number(state.body.get("Seconds")) if state.type == "Wait" else Decimal(0)


def literal_number(value: Any) -> Decimal | None:
    """A number as written, or as the whole of a JSONata expression; None where it is left open.

    A number outside 0 to 99,999,999 (the largest that the language takes for seconds) is left open too.
    """
    if isinstance(value, str) and (found := _CONSTANT.fullmatch(value)):
        value = int(found[1])
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return Decimal(str(value)) if 0 <= value <= LARGEST else None


def _width(state: State) -> int:
    """How many iterations of an inline Map run at a time; for a Parallel, whose branches all do, 1."""
    stated = literal_number(state.body.get("MaxConcurrency"))
    return min(int(stated), INLINE) if stated and stated >= 1 else INLINE


def _add(path: Path, inner: Path, times: int) -> None:
    """Add an inner machine's path that is taken so many times, its waits left out."""
    path.states += inner.states
    path.transitions += inner.transitions * times
    path.functions += inner.functions * times
    path.reviews += inner.reviews * times
    path.unknown_waits += inner.unknown_waits
    path.starts += inner.starts * times
    path.children += inner.children
    path.choices += inner.choices
    path.rounds += inner.rounds
    path.loops_at = path.loops_at or inner.loops_at


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
    found = _shortest_to(machine.start, {target}, any_transition)
    return None if found is None else found[:-1]


def _shortest_to(
    start: State, ends: Set[State], follow: Callable[[Transition], bool] = error_free
) -> list[State] | None:
    """The states of the shortest path from `start` to one of `ends`, both included; None without one."""
    came_from: dict[State, State | None] = {start: None}
    waiting = deque([start])
    while waiting:
        state = waiting.popleft()
        if state in ends:
            return list(_back(came_from, state))[::-1]
        for following in successors(state, follow):
            if following not in came_from:
                came_from[following] = state
                waiting.append(following)
    return None


def _back(came_from: Mapping[State, State | None], state: State | None) -> Iterable[State]:
    while state is not None:
        yield state
        state = came_from[state]
