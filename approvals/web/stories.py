"""What was read of an execution, as its page shows it: the steps, the drawing, and the status row."""

from __future__ import annotations

from dataclasses import dataclass

from approvals.models import ExecutionReading, OrderExecution
from approvals.web import drawing, flow
from approvals.web.drawing import Drawing
from approvals.web.steps import Step, standing, steps_of

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
    trouble: str = ""


def told(order: OrderExecution, known: ExecutionReading | None, *, before: int = 0) -> Story:
    """The story of an execution, from the step `before` backwards; empty where nothing was read yet."""
    if known is None:
        return Story([])
    ended = order.status not in OrderExecution.UNDER_WAY
    steps = steps_of(known.events, ended=ended)
    shown = [step for step in reversed(steps) if not before or step.number < before]
    scope = flow.scope_of(known.workflow.document) if known.workflow else None
    path = flow.path_of(known.events)
    where = standing(steps, ended=ended)
    return Story(
        shown[:PAGE],
        older=shown[PAGE - 1].number if len(shown) > PAGE else 0,
        cut=known.cut,
        drawing=drawing.draw(scope, path, where) if scope else None,
        says=_says(scope, path, where) if scope else "",
        status_row=sorted(known.status_row.items()) if known.status_row else None,
        trouble=TROUBLES.get(known.trouble, f"AWS answered {known.trouble}.")
        if known.trouble
        else "",
    )


def _says(scope: flow.Scope, path: flow.Path, where: dict[str, str]) -> str:
    """The drawing in words, for who does not see it."""
    every = list(flow.names(scope))
    parts = {
        "Taken": [name for name in every if path.entered[name]],
        "Stands at": [name for name in every if where.get(name) == "open"],
        "Ended at": [name for name in every if where.get(name) == "broken"],
        "Not taken": [name for name in every if not path.entered[name]],
    }
    return " ".join(f"{what}: {', '.join(names)}." for what, names in parts.items() if names)
