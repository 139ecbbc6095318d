"""An execution as the page of an order shows it: its steps, the drawn workflow, and the order's status row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from approvals.models import ExecutionHistory, OrderExecution
from approvals.web import graph_drawing, workflow_graph
from approvals.web.execution_steps import Step, steps_of, unfinished_states
from approvals.web.graph_layout import TooDense
from approvals.web.taken_path import TakenPath, taken_path

PAGE = 30  # steps
PROBLEMS = {
    "ExecutionDoesNotExist": "Step Functions has no such execution any more: it keeps them for 90 days.",
    "AccessDeniedException": "Our role may not read this execution.",
    "OurOwnLimit": "Too many executions are being read just now; this one is next in a moment.",
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
    graph = workflow_graph.graph_of(stored.workflow.document) if stored.workflow else None
    path = taken_path(stored.events)
    statuses = unfinished_states(steps, ended=ended)
    drawing = _drawing(graph, path, statuses)
    return ExecutionView(
        shown[:PAGE],
        older=shown[PAGE - 1].number if len(shown) > PAGE else 0,
        cut=stored.cut,
        drawing=drawing,
        states=_listed(graph, path, statuses) if graph and drawing is None else None,
        description=describe(graph, path, statuses) if graph else "",
        status_row=sorted(stored.status_row.items()) if stored.status_row else None,
    )


def _drawing(
    graph: workflow_graph.Graph | None, path: TakenPath, statuses: Mapping[str, str]
) -> graph_drawing.Drawing | None:
    """The drawn workflow; None without one, or if it is too dense."""
    try:
        return graph_drawing.draw(graph, path, statuses) if graph else None
    except TooDense:
        return None


def _listed(
    graph: workflow_graph.Graph, path: TakenPath, statuses: Mapping[str, str]
) -> list[tuple[str, int, str]]:
    names = dict.fromkeys(workflow_graph.names(graph))
    return [(name, path.entered[name], statuses.get(name, "")) for name in names]


def problem_of(stored: ExecutionHistory | None) -> str:
    """Why the execution could not be read the last time, in a sentence; empty if it could."""
    if stored is None or not stored.trouble:
        return ""
    return PROBLEMS.get(stored.trouble, f"AWS answered {stored.trouble}.")


def describe(graph: workflow_graph.Graph, path: TakenPath, statuses: Mapping[str, str]) -> str:
    """The drawing in words, for screen readers."""
    names = list(workflow_graph.names(graph))
    parts = {
        "Taken": [name for name in names if path.entered[name]],
        "Is now in": [name for name in names if statuses.get(name) == "open"],
        "Ended at": [name for name in names if statuses.get(name) == "broken"],
        "Not taken": [name for name in names if not path.entered[name]],
    }
    return " ".join(f"{part}: {', '.join(listed)}." for part, listed in parts.items() if listed)
