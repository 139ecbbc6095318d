"""Which states of a machine can follow which: reachable states, loops, and states on every path."""

from __future__ import annotations

from collections.abc import Callable, Collection

from approvals.workflows.asl.model import Machine, State, Transition

NO_STATES: frozenset[State] = frozenset()


def any_transition(transition: Transition) -> bool:
    """Follows every transition, those of errors too."""
    return True


def error_free(transition: Transition) -> bool:
    """Follows the transitions that no error takes: all but those of a Catch."""
    return transition.kind != "catch"


def successors(state: State, follow: Callable[[Transition], bool] = any_transition) -> list[State]:
    """The states directly after this one, by the transitions that `follow` accepts."""
    targets = [
        state.machine.states.get(transition.target)
        for transition in state.transitions
        if follow(transition)
    ]
    return [target for target in targets if target is not None]


def reachable(
    starts: Collection[State],
    *,
    avoiding: Collection[State] = NO_STATES,
    follow: Callable[[Transition], bool] = any_transition,
) -> set[State]:
    """The states that can be reached from `starts`, themselves included, without entering `avoiding`."""
    waiting = [state for state in starts if state not in avoiding]
    seen = set(waiting)
    while waiting:
        for state in successors(waiting.pop(), follow):
            if state not in seen and state not in avoiding:
                seen.add(state)
                waiting.append(state)
    return seen


def loop_of(state: State) -> set[State]:
    """The states that can come both after and before this one; empty where it is in no loop."""
    after = reachable(successors(state))
    return after & _ancestors(state) if state in after else set()


def has_loop(machine: Machine) -> bool:
    """Whether some path through this machine comes back to a state that it has entered before."""
    entered_from = dict.fromkeys(machine.states.values(), 0)
    for state in machine.states.values():
        for target in successors(state):
            entered_from[target] += 1
    waiting = [state for state, count in entered_from.items() if not count]
    removed = 0
    while (
        waiting
    ):  # Kahn: what cannot be removed in an order of dependence lies on a loop, or after one
        removed += 1
        for target in successors(waiting.pop()):
            entered_from[target] -= 1
            if not entered_from[target]:
                waiting.append(target)
    return removed < len(machine.states)


def _ancestors(state: State) -> set[State]:
    """Every state from which this one can be reached, itself included."""
    predecessors: dict[State, list[State]] = {}
    for source in state.machine.states.values():
        for target in successors(source):
            predecessors.setdefault(target, []).append(source)
    seen, waiting = {state}, [state]
    while waiting:
        for predecessor in predecessors.get(waiting.pop(), []):
            if predecessor not in seen:
                seen.add(predecessor)
                waiting.append(predecessor)
    return seen


def dominates(dominator: State, state: State) -> bool:
    """Whether every path from the machine's start to `state` passes `dominator`."""
    start = state.machine.start
    return start is not None and state not in reachable([start], avoiding={dominator})
