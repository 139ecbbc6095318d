"""An execution's history as a list of steps: the states one after another, how long each took, how it ended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Event = Mapping[str, Any]

# Events of the execution as a whole: icon, tone and label.
EXECUTION_EVENTS: Mapping[str, tuple[str, str, str]] = {
    "ExecutionStarted": ("play", "calm", "The execution started"),
    "ExecutionRedriven": ("arrow-path", "warn", "Redriven: it goes on where it broke off"),
    "ExecutionSucceeded": ("check", "good", "The execution succeeded"),
    "ExecutionFailed": ("x-mark", "bad", "The execution failed"),
    "ExecutionAborted": ("no-symbol", "bad", "The execution was stopped"),
    "ExecutionTimedOut": ("clock", "bad", "The execution timed out"),
}
# Outcomes of a state: icon and tone.
OUTCOMES: Mapping[str, tuple[str, str]] = {
    "done": ("check", "good"),
    "open": ("clock", "warn"),
    "caught": ("arrow-uturn-right", "warn"),
    "failed": ("x-mark", "bad"),
    "stopped": ("no-symbol", "bad"),
}


@dataclass
class Step:
    """A state that was entered, or an event of the execution as a whole, which has a label and no state.

    `number` is the id of its event, `kind` the state's type and `outcome` a key of OUTCOMES.
    """

    number: int
    at: datetime
    label: str = ""
    state: str = ""
    kind: str = ""
    left_at: datetime | None = None
    tries: int = 0
    error: str = ""
    cause: str = ""
    outcome: str = ""
    icon: str = ""
    tone: str = ""


def steps_of(events: Sequence[Event], *, ended: bool) -> list[Step]:
    """Every step of a history in its order; `ended` is whether the execution has ended."""
    steps: list[Step] = []
    step_by_event: dict[int, Step] = {}
    open_steps: dict[str, list[Step]] = defaultdict(list)
    for event in events:
        kind, at = event["kind"], datetime.fromisoformat(event["at"])
        if kind in EXECUTION_EVENTS:
            icon, tone, label = EXECUTION_EVENTS[kind]
            if kind == "ExecutionRedriven" and (unfinished := _last_unfinished(steps)):
                # The events after a redrive belong to the state that failed: it is not entered again.
                step_by_event[event["id"]] = unfinished
            steps.append(Step(event["id"], at, label, icon=icon, tone=tone))
            _record_error(steps[-1], event)
        elif kind.endswith("StateEntered"):
            step = Step(event["id"], at, state=event.get("state", ""), kind=kind[:-12])
            steps.append(step)
            step_by_event[event["id"]] = step
            open_steps[step.state].append(step)
        else:
            owner = _step_of(event, step_by_event, open_steps)
            if owner is not None:
                step_by_event[event["id"]] = owner
                _apply(owner, event, at)
    for step in steps:
        _conclude(step, ended=ended)
    return steps


def _last_unfinished(steps: Sequence[Step]) -> Step | None:
    """The latest state that was entered and not left."""
    return next((step for step in reversed(steps) if step.state and step.left_at is None), None)


def _step_of(
    event: Event, step_by_event: Mapping[int, Step], open_steps: Mapping[str, list[Step]]
) -> Step | None:
    """The step an event belongs to: by the state's name if it leaves one, else by the previous event."""
    if event["kind"].endswith("StateExited"):
        waiting = open_steps.get(event.get("state", ""))
        return waiting.pop(0) if waiting else None
    return step_by_event.get(event["previous"])


def unfinished_states(steps: Sequence[Step], *, ended: bool) -> dict[str, str]:
    """The states that were entered and not left: `broken` if the execution has ended, else `open`."""
    status = "broken" if ended else "open"
    left = {step.state: step.left_at is not None for step in steps if step.state}
    return {state: status for state, is_left in left.items() if not is_left}


def _apply(step: Step, event: Event, at: datetime) -> None:
    """Change a step by an event that belongs to it."""
    kind = event["kind"]
    if kind.endswith("StateExited"):
        step.left_at = at
    elif kind.endswith("Scheduled"):
        step.tries += 1
        step.error = step.cause = ""
    elif kind.endswith("StateAborted"):
        step.left_at, step.outcome = at, "stopped"
    elif kind.endswith("Succeeded"):
        step.error = step.cause = ""
    else:
        _record_error(step, event)


def _record_error(step: Step, event: Event) -> None:
    if event.get("error") or event["kind"].endswith(("Failed", "TimedOut")):
        step.error = event.get("error", "")
        step.cause = event.get("cause", "")


def _conclude(step: Step, *, ended: bool) -> None:
    """Set the outcome of a state's step, with its icon and tone, once all events are applied."""
    if not step.state:
        return
    if not step.outcome:
        if step.left_at is not None:
            step.outcome = "caught" if step.error else "done"
        elif not ended:
            step.outcome = "open"
        else:
            step.outcome = {"Fail": "failed", "Succeed": "done"}.get(
                step.kind, "failed" if step.error else "stopped"
            )
    step.icon, step.tone = OUTCOMES[step.outcome]
