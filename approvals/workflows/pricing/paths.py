"""The likely paths through a definition, and what each is billed for.

AWS bills STANDARD by transitions: one for each step that runs, so for each state entered, and one more
for each retry (pricing page) and redrive. Starting an execution and its end are no steps: ten states
in a row are ten. Of an inline Map the states of each iteration count, the iteration itself does not;
a distributed Map adds one for each child that it starts (developer guide, Transitions). What an
EXPRESS child enters is no transition at all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from math import ceil
from typing import NamedTuple

from approvals.workflows.asl.paths import reachable, without_errors
from approvals.workflows.asl.states import Definition, Machine, State


class Chosen(NamedTuple):
    """The way taken at a Choice, and why."""

    state: str
    taken: str
    why: str


@dataclass(frozen=True)
class Children:
    """A distributed Map's children: what one of them enters, and how many items it is given."""

    name: str
    express: bool
    items: int
    path: Path


@dataclass
class Path:
    """One way through a machine: states entered (those of branches too), and what they start."""

    name: str
    states: list[str] = field(default_factory=list)
    transitions: int = 0
    functions: int = 0
    reviews: int = 0
    seconds: float = 0  # of its Wait states
    starts: int = 0  # executions of other workflows
    children: list[Children] = field(default_factory=list)
    chosen: list[Chosen] = field(default_factory=list)
    cut: str = ""  # where the path came back to itself and was left


@dataclass(frozen=True)
class Chooser:
    """Counts paths, by what a definition does not say.

    `wanted` is the way to take at a Choice; `map_items` how many items an inline Map has, or `held_percent`
    of them where each starts an execution of its own, as held orders do; `batch` how many items a child
    is given where a batcher does not say.
    """

    wanted: Mapping[str, str]
    map_items: int
    batch: int
    held_percent: Decimal

    def for_orders(self, many: int) -> Chooser:
        """The same for so many orders in one execution."""
        return replace(self, map_items=self.map_items * many)

    def straight(self, definition: Definition) -> Path:
        """The path without an error: what most orders take."""
        return self.through(definition.root, "without an error")

    def reviewed(self, definition: Definition) -> list[Path]:
        """For each review of the root machine, the shortest way to it, then on as if approved."""
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
            self._walk(path, definition.root, review, set())
            found.append(path)
        return found

    def through(self, machine: Machine, name: str) -> Path:
        """The path without an error through one machine."""
        path = Path(name)
        if machine.start is not None:
            self._walk(path, machine, machine.start, set())
        return path

    def _walk(self, path: Path, machine: Machine, state: State, seen: set[State]) -> None:
        following: State | None = state
        while following is not None:
            if following in seen:
                path.cut = following.name
                return
            seen.add(following)
            self._enter(path, following)
            following = machine.states.get(self._next(path, following, seen))

    def _next(self, path: Path, state: State, seen: set[State]) -> str:
        if state.ends:
            return ""
        targets = [edge.target for edge in state.edges if edge.kind != "catch"]
        if state.type != "Choice":
            return targets[0] if targets else ""
        target, why = self._choose(state, targets, seen)
        path.chosen.append(Chosen(state.name, target, why))
        return target

    def _choose(self, state: State, targets: list[str], seen: set[State]) -> tuple[str, str]:
        if state.name in self.wanted:
            return self.wanted[state.name], "as asked for"
        reviews = {one for one in state.machine.states.values() if one.is_review}
        for avoided, why in (
            (seen | reviews, "the first that ends well without a person"),
            (seen, "the first that ends well"),
        ):
            for target in targets:
                if _ends_well(state.machine.states.get(target), avoided):
                    return target, why
        return targets[0] if targets else "", "the first rule: no way ends well"

    def _enter(self, path: Path, state: State) -> None:
        path.states.append(state.name)
        path.transitions += 1
        path.functions += state.is_lambda
        path.reviews += state.is_review
        path.seconds += _waits(state)
        path.starts += state.starts_execution
        for machine in state.machines:
            if state.is_distributed:
                path.children.append(self._children(state, machine))
                continue
            inner = self.through(machine, state.name)
            self._add(path, inner, self._items(path, inner) if state.type == "Map" else 1)

    def _items(self, path: Path, inner: Path) -> int:
        if not inner.starts:
            return self.map_items
        items = ceil(self.map_items * self.held_percent / 100)
        taken = f"{items} item{'' if items == 1 else 's'}"
        path.chosen.append(Chosen(inner.name, taken, "each is started: the held orders"))
        return items

    def _children(self, state: State, machine: Machine) -> Children:
        batcher = state.body.get("ItemBatcher")
        most = batcher.get("MaxItemsPerBatch", self.batch) if isinstance(batcher, dict) else 1
        items = most if isinstance(most, int) and most > 0 else self.batch  # a path, a substitution
        path = self.for_orders(items).through(machine, state.name)
        return Children(state.name, state.child_type == "EXPRESS", items, path)

    def _add(self, path: Path, inner: Path, times: int) -> None:
        path.states += inner.states
        path.transitions += inner.transitions * times
        path.functions += inner.functions * times
        path.reviews += inner.reviews * times
        path.seconds += inner.seconds
        path.starts += inner.starts * times
        path.children += inner.children
        path.chosen += inner.chosen
        path.cut = path.cut or inner.cut


def _waits(state: State) -> float:
    seconds = state.body.get("Seconds")
    return seconds if state.type == "Wait" and isinstance(seconds, int | float) else 0


def _ends_well(start: State | None, avoiding: set[State]) -> bool:
    """Whether a Succeed, or a state with End, can be reached from here without an error."""
    if start is None:
        return False
    found = reachable([start], avoiding=avoiding, through=without_errors)
    return any(one.ends and one.type != "Fail" for one in found)


def _shortest(machine: Machine, target: State) -> list[State] | None:
    """The states before this one on the shortest way, errors' ways too; None where there is none."""
    if machine.start is None:
        return None
    came: dict[State, State | None] = {machine.start: None}
    waiting = deque([machine.start])
    while waiting:
        state = waiting.popleft()
        if state is target:
            return list(_back(came, came[state]))[::-1]
        for edge in state.edges:
            following = machine.states.get(edge.target)
            if following is not None and following not in came:
                came[following] = state
                waiting.append(following)
    return None


def _back(came: Mapping[State, State | None], state: State | None) -> Iterable[State]:
    while state is not None:
        yield state
        state = came[state]
