"""The drawing of a workflow as it is stored with its definition, so that no page lays a graph out.

A worker makes it once for each definition, which nobody checks: it takes bounded work, and what is too dense
to be drawn is only listed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from approvals.workflows.graphs import plain_drawing, workflow_graph
from approvals.workflows.graphs.graph_layout import TooDense
from approvals.workflows.graphs.plain_drawing import PlainDrawing, PlainEdge, PlainNode

FORMAT = 1  # a worker draws anew what has another one


@dataclass(frozen=True)
class StoredDrawing:
    """The names of a workflow's states in their order, and the drawing; None of what is too dense."""

    names: list[str]
    drawing: PlainDrawing | None


def made(document: Any) -> dict[str, Any]:
    """The drawing of a parsed definition, as JSON; without names if it has no state."""
    graph = workflow_graph.graph_of(document)
    if graph is None:
        return {"format": FORMAT, "names": []}
    names = list(workflow_graph.names(graph))
    try:
        drawing = plain_drawing.draw(graph)
    except TooDense:
        return {"format": FORMAT, "names": names}
    return {"format": FORMAT, "names": names, "drawing": asdict(drawing)}


def read(stored: Any) -> StoredDrawing | None:
    """A drawing that `made` has written; None for what is not drawn yet, or has no state."""
    if not isinstance(stored, dict) or stored.get("format") != FORMAT or not stored["names"]:
        return None
    drawing = stored.get("drawing")
    return StoredDrawing(stored["names"], _drawing(drawing) if drawing else None)


def _drawing(stored: dict[str, Any]) -> PlainDrawing:
    return PlainDrawing(
        stored["width"],
        stored["height"],
        [PlainNode(**node) for node in stored["nodes"]],
        [PlainEdge(**edge) for edge in stored["edges"]],
    )
