"""What was read of an execution, as its page shows it: the steps, the drawing, and the status row."""

from __future__ import annotations

from dataclasses import dataclass

from approvals.models import ExecutionHistory, OrderExecution
from approvals.web import graph_layout, workflow_graph
from approvals.web.execution_steps import Step, standing, steps_of
from approvals.web.graph_layout import Drawing

PAGE = 30
TROUBLES = {
    "ExecutionDoesNotExist": "Step Functions has no such execution any more: it keeps them for 90 days.",
    "AccessDeniedException": "Our role may not read this execution.",
    "OurOwnLimit": "Too many executions are being read just now; this one is next in a moment.",
}


@dataclass(frozen=True)
class Story:
    """The steps of one page, the newest first; `older` is where the next page begins, 0 for none."""

    steps: list[Step]
    older: int = 0
    cut: bool = False
    drawing: Drawing | None = None
    says: str = ""
    status_row: list[tuple[str, str]] | None = None


def told(order: OrderExecution, known: ExecutionHistory | None, *, before: int = 0) -> Story:
    """The story of an execution, from the step `before` backwards; empty where nothing was read yet."""
    if known is None:
        return Story([])
    ended = order.status not in OrderExecution.UNDER_WAY
    steps = steps_of(known.events, ended=ended)
    shown = [step for step in reversed(steps) if not before or step.number < before]
    scope = workflow_graph.scope_of(known.workflow.document) if known.workflow else None
    path = workflow_graph.path_of(known.events)
    where = standing(steps, ended=ended)
    return Story(
        shown[:PAGE],
        older=shown[PAGE - 1].number if len(shown) > PAGE else 0,
        cut=known.cut,
        drawing=graph_layout.draw(scope, path, where) if scope else None,
        says=_says(scope, path, where) if scope else "",
        status_row=sorted(known.status_row.items()) if known.status_row else None,
    )


def trouble_of(known: ExecutionHistory | None) -> str:
    """In a sentence, why it could not be read the last time; empty where it could."""
    if known is None or not known.trouble:
        return ""
    return TROUBLES.get(known.trouble, f"AWS answered {known.trouble}.")


def _says(scope: workflow_graph.Scope, path: workflow_graph.Path, where: dict[str, str]) -> str:
    """The drawing in words, for who does not see it."""
    every = list(workflow_graph.names(scope))
    parts = {
        "Taken": [name for name in every if path.entered[name]],
        "Stands at": [name for name in every if where.get(name) == "open"],
        "Ended at": [name for name in every if where.get(name) == "broken"],
        "Not taken": [name for name in every if not path.entered[name]],
    }
    return " ".join(f"{what}: {', '.join(names)}." for what, names in parts.items() if names)
