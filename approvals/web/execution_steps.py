"""A history as people read it: the states one after another, each with how long it took and how it ended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Event = Mapping[str, Any]

MARKS: Mapping[str, tuple[str, str, str]] = {
    "ExecutionStarted": ("play", "calm", "The execution started"),
    "ExecutionRedriven": ("arrow-path", "warn", "Redriven: it goes on where it broke off"),
    "ExecutionSucceeded": ("check", "good", "The execution succeeded"),
    "ExecutionFailed": ("x-mark", "bad", "The execution failed"),
    "ExecutionAborted": ("no-symbol", "bad", "The execution was stopped"),
    "ExecutionTimedOut": ("clock", "bad", "The execution timed out"),
}
ICONS: Mapping[str, tuple[str, str]] = {
    "done": ("check", "good"),
    "open": ("clock", "warn"),
    "caught": ("arrow-uturn-right", "warn"),
    "failed": ("x-mark", "bad"),
    "stopped": ("no-symbol", "bad"),
}


@dataclass
class Step:
    """A state that was entered, or a moment of the execution as a whole (no `state`)."""

    number: int
    at: datetime
    says: str = ""
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
    """Every step of a history in its order."""
    steps: list[Step] = []
    owners: dict[int, Step] = {}
    open_steps: dict[str, list[Step]] = defaultdict(list)
    for event in events:
        kind, at = event["kind"], datetime.fromisoformat(event["at"])
        if kind in MARKS:
            icon, tone, says = MARKS[kind]
            if kind == "ExecutionRedriven" and (broken := _broken(steps)):
                owners[event["id"]] = (
                    broken  # what follows is that state once more, not entered anew
                )
            steps.append(Step(event["id"], at, says, icon=icon, tone=tone))
            _blame(steps[-1], event)
        elif kind.endswith("StateEntered"):
            step = Step(event["id"], at, state=event.get("state", ""), kind=kind[:-12])
            steps.append(step)
            owners[event["id"]] = step
            open_steps[step.state].append(step)
        else:
            owner = _owner(event, owners, open_steps)
            if owner is not None:
                owners[event["id"]] = owner
                _go_on(owner, event, at)
    for step in steps:
        _judge(step, ended=ended)
    return steps


def _broken(steps: Sequence[Step]) -> Step | None:
    """The latest state that was entered and not left."""
    return next((step for step in reversed(steps) if step.state and step.left_at is None), None)


def _owner(
    event: Event, owners: Mapping[int, Step], open_steps: Mapping[str, list[Step]]
) -> Step | None:
    """Whose event this is: by its name where it leaves a state, else by the event it follows."""
    if event["kind"].endswith("StateExited"):
        waiting = open_steps.get(event.get("state", ""))
        return waiting.pop(0) if waiting else None
    return owners.get(event["previous"])


def standing(steps: Sequence[Step], *, ended: bool) -> dict[str, str]:
    """Where the execution stands: `open` where it works or waits, `broken` where it ended."""
    where = "broken" if ended else "open"
    left = {step.state: step.left_at is not None for step in steps if step.state}
    return {state: where for state, is_left in left.items() if not is_left}


def _go_on(step: Step, event: Event, at: datetime) -> None:
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
        _blame(step, event)


def _blame(step: Step, event: Event) -> None:
    if event.get("error") or event["kind"].endswith(("Failed", "TimedOut")):
        step.error = event.get("error", "")
        step.cause = event.get("cause", "")


def _judge(step: Step, *, ended: bool) -> None:
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
    step.icon, step.tone = ICONS[step.outcome]
