"""Marks the path that an execution took in the drawing of its workflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from approvals.web.taken_path import TakenPath
from approvals.workflows.graphs.plain_drawing import (
    MAX_NAME,
    PlainDrawing,
    PlainEdge,
    PlainNode,
)


@dataclass(frozen=True)
class DrawnNode(PlainNode):
    """A state as a page shows it.

    `taken` is how often it was entered; `status` is `open` if the execution is in it, `broken` if it
    ended there, else empty.
    """

    taken: int = 0
    status: str = ""

    @property
    def text(self) -> str:
        """Its name as far as there is room."""
        return self.name if len(self.name) <= MAX_NAME else f"{self.name[: MAX_NAME - 1]}…"

    @property
    def text_x(self) -> int:
        """The middle of the name, from the left."""
        return self.x + self.width // 2

    @property
    def text_y(self) -> int:
        """The base line of the name, from the top."""
        return self.y + (16 if self.is_frame else self.height // 2 + 4)

    @property
    def description(self) -> str:
        """The state and what became of it, in words."""
        times = f", {self.taken} times" if self.taken > 1 else ""
        suffix = {"open": ", is here now", "broken": ", ended here"}.get(self.status, "")
        return f"{self.name} ({self.type}): {'taken' if self.taken else 'not taken'}{times}{suffix}"


@dataclass(frozen=True)
class DrawnEdge(PlainEdge):
    """A transition as a page shows it."""

    taken: bool = False


@dataclass(frozen=True)
class Drawing:
    """A drawn workflow with the path through it."""

    width: int
    height: int
    nodes: list[DrawnNode]
    edges: list[DrawnEdge]


def mark(drawing: PlainDrawing, path: TakenPath, statuses: Mapping[str, str]) -> Drawing:
    """Mark a path; `statuses` has the states that an execution is in (`open`) or ended in (`broken`)."""
    return Drawing(
        drawing.width,
        drawing.height,
        [
            DrawnNode(
                **vars(node), taken=path.entered[node.name], status=statuses.get(node.name, "")
            )
            for node in drawing.nodes
        ],
        [DrawnEdge(**vars(edge), taken=_is_taken(edge, path)) for edge in drawing.edges],
    )


def _is_taken(edge: PlainEdge, path: TakenPath) -> bool:
    if not edge.source:
        return path.entered[edge.target] > 0
    return (edge.source, edge.target) in path.transitions
