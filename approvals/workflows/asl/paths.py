"""The ways through a machine: what can be reached from where, and what cannot be avoided."""

from __future__ import annotations

from collections.abc import Callable, Collection

from approvals.workflows.asl.states import Edge, Machine, State

ANY: frozenset[State] = frozenset()


def everything(edge: Edge) -> bool:
    """Every way counts, an error's too."""
    return True


def without_errors(edge: Edge) -> bool:
    """The ways that no error takes."""
    return edge.kind != "catch"


def following(state: State, through: Callable[[Edge], bool] = everything) -> list[State]:
    """The states right after this one."""
    found = [state.machine.states.get(edge.target) for edge in state.edges if through(edge)]
    return [one for one in found if one is not None]


def reachable(
    starts: Collection[State],
    *,
    avoiding: Collection[State] = ANY,
    through: Callable[[Edge], bool] = everything,
) -> set[State]:
    """What can be reached from these states, they themselves included, without those to avoid."""
    waiting = [one for one in starts if one not in avoiding]
    seen = set(waiting)
    while waiting:
        for one in following(waiting.pop(), through):
            if one not in seen and one not in avoiding:
                seen.add(one)
                waiting.append(one)
    return seen


def loop_of(state: State) -> set[State]:
    """The states that can come both after and before this one: the loop it stands in, or nothing."""
    after = reachable(following(state))
    return after & _reaching(state) if state in after else set()


def _reaching(state: State) -> set[State]:
    """Every state from which this one can be reached, it included."""
    before: dict[State, list[State]] = {}
    for one in state.machine.states.values():
        for target in following(one):
            before.setdefault(target, []).append(one)
    seen, waiting = {state}, [state]
    while waiting:
        for one in before.get(waiting.pop(), []):
            if one not in seen:
                seen.add(one)
                waiting.append(one)
    return seen


def unavoidable(machine: Machine, state: State, other: State) -> bool:
    """Whether every way from the start to `state` passes `other`."""
    start = machine.start
    return start is not None and state not in reachable([start], avoiding={other})
