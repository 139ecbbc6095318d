"""The path that an execution took through its workflow, from the events of its history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MAX_STEPS_BACK = 60  # events that are followed back from a state to the one before it


@dataclass
class TakenPath:
    """How often each state was entered, and the transitions taken, each as (source, target)."""

    entered: Counter[str] = field(default_factory=Counter)
    transitions: set[tuple[str, str]] = field(default_factory=set)


def taken_path(events: Sequence[Mapping[str, Any]]) -> TakenPath:
    """The path through a history; events are followed by `previous`, because branches interleave."""
    path, by_id = TakenPath(), {event["id"]: event for event in events}
    for event in events:
        state = event.get("state", "")
        if state and event["kind"].endswith("StateEntered"):
            path.entered[state] += 1
            before = _state_before(event, by_id)
            if before:
                path.transitions.add((before, state))
    return path


def _state_before(event: Mapping[str, Any], by_id: Mapping[int, Mapping[str, Any]]) -> str:
    """The state that was left for this one; empty for the first of a workflow or of a branch."""
    for _ in range(MAX_STEPS_BACK):
        previous = by_id.get(event["previous"])
        if previous is None:
            return ""
        event = previous
        if event["kind"].endswith("StateExited"):
            return str(event.get("state", ""))
        if event["kind"].endswith(("StateEntered", "Started", "Redriven")):
            return ""
    return ""
