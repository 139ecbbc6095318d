"""An execution as the page of an order shows it: its steps, the drawn workflow, and the order's status row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from approvals.models import ExecutionHistory, OrderExecution
from approvals.records import execution_history
from approvals.web import graph_drawing
from approvals.web.execution_steps import Step, steps_of, unfinished_states
from approvals.web.taken_path import TakenPath, taken_path
from approvals.workflows.graphs import stored_drawing

PAGE = 30  # steps
PROBLEMS = {
    "ExecutionDoesNotExist": "Step Functions has no such execution any more: it keeps them for 90 days.",
    "AccessDeniedException": "Our role may not read this execution.",
    execution_history.OUR_OWN_LIMIT: "Too many executions are being read just now; this one is next in a moment.",
}


@dataclass(frozen=True)
class ExecutionView:
    """One page of an execution's steps, the newest first, with the drawing and its text.

    `older` is the step before which the next page begins, 0 without one; `cut` whether the stored
    history lacks its beginning; `description` the drawing in words. `states` lists each state of a
    workflow that is too dense to be drawn: its name, how often it was entered, and its status.
    """

    steps: list[Step]
    older: int = 0
    cut: bool = False
    drawing: graph_drawing.Drawing | None = None
    states: list[tuple[str, int, str]] | None = None
    description: str = ""
    status_row: list[tuple[str, str]] | None = None


def view_of(
    order: OrderExecution, stored: ExecutionHistory | None, *, before: int = 0
) -> ExecutionView:
    """The page of steps before the step `before`, 0 for the newest; empty if nothing is stored yet."""
    if stored is None:
        return ExecutionView([])
    ended = order.status not in OrderExecution.UNDER_WAY
    steps = steps_of(stored.events, ended=ended)
    shown = [step for step in reversed(steps) if not before or step.number < before]
    flow = stored_drawing.read(stored.workflow.drawing) if stored.workflow else None
    plain = flow.drawing if flow else None
    path = taken_path(stored.events)
    statuses = unfinished_states(steps, ended=ended)
    return ExecutionView(
        shown[:PAGE],
        older=shown[PAGE - 1].number if len(shown) > PAGE else 0,
        cut=stored.cut,
        drawing=graph_drawing.mark(plain, path, statuses) if plain else None,
        states=_listed(flow.names, path, statuses) if flow and plain is None else None,
        description=describe(flow.names, path, statuses) if flow else "",
        status_row=sorted(stored.status_row.items()) if stored.status_row else None,
    )


def _listed(
    names: Sequence[str], path: TakenPath, statuses: Mapping[str, str]
) -> list[tuple[str, int, str]]:
    return [(name, path.entered[name], statuses.get(name, "")) for name in dict.fromkeys(names)]


def problem_of(stored: ExecutionHistory | None) -> str:
    """Why the execution could not be read the last time, in a sentence; empty if it could."""
    if stored is None or not stored.trouble:
        return ""
    return PROBLEMS.get(stored.trouble, f"AWS answered {stored.trouble}.")


def describe(names: Sequence[str], path: TakenPath, statuses: Mapping[str, str]) -> str:
    """The drawing in words, for screen readers."""
    parts = {
        "Taken": [name for name in names if path.entered[name]],
        "Is now in": [name for name in names if statuses.get(name) == "open"],
        "Ended at": [name for name in names if statuses.get(name) == "broken"],
        "Not taken": [name for name in names if not path.entered[name]],
    }
    return " ".join(f"{part}: {', '.join(listed)}." for part, listed in parts.items() if listed)
