"""Draws a workflow's graph, with the path that an execution took, as rectangles and lines of an SVG."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

from approvals.web.graph_layout import MARGIN, Box, Layout, Work, lay_out
from approvals.web.taken_path import TakenPath
from approvals.web.workflow_graph import Edge, Graph, Node

LETTER, HEIGHT, MIN_WIDTH = 6.8, 30, 76  # of a state's name at 12 px
MAX_NAME = 30  # characters of a name that are shown
LANE = 14  # between edges that lead back up
FRAME_HEAD = 24  # the line in a Parallel or a Map that holds its name


@dataclass(frozen=True)
class DrawnNode:
    """A state as it is drawn; a frame is drawn around the states inside it.

    `taken` is how often it was entered; `status` is `open` if the execution is in it, `broken` if it
    ended there, else empty.
    """

    name: str
    text: str
    type: str
    x: int
    y: int
    width: int
    height: int
    taken: int = 0
    status: str = ""
    is_frame: bool = False

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
class DrawnEdge:
    """A transition as it is drawn; `d` is the SVG path, in whole pixels."""

    d: str
    taken: bool
    kind: str
    label: str


@dataclass
class Drawing:
    """A drawn graph; frames come before the nodes inside them."""

    width: int = 0
    height: int = 0
    nodes: list[DrawnNode] = field(default_factory=list)
    edges: list[DrawnEdge] = field(default_factory=list)


def draw(
    graph: Graph, path: TakenPath, statuses: Mapping[str, str], work: Work | None = None
) -> Drawing:
    """Draw a workflow; `statuses` has the states that it is in (`open`) or ended in (`broken`).

    Raises TooDense if it would take long; `work` is what is left of the work for the whole drawing.
    """
    work = work or Work()
    inner = {
        node.name: [draw(each, path, statuses, work) for each in node.inner]
        for node in graph.nodes.values()
    }
    sizes = {name: _size(name, inside) for name, inside in inner.items()}
    layout = lay_out(graph, sizes, work)
    drawing = Drawing(
        width=round(layout.right + LANE * len(layout.back_edges) + MARGIN),
        height=layout.bottom + MARGIN,
    )
    for name, node in graph.nodes.items():
        drawn = _node(node, layout.boxes[name], path, statuses)
        drawing.nodes.append(drawn)
        _embed_all(drawing, inner[name], drawn)
    drawing.edges += _edges(graph, layout, path)
    return drawing


def _size(name: str, inside: list[Drawing]) -> tuple[int, int]:
    """The width and height of a state: of its name, or of the drawings inside it."""
    own = max(MIN_WIDTH, round(len(name[:MAX_NAME]) * LETTER) + 30)
    if not inside:
        return own, HEIGHT
    height = max(each.height for each in inside) + FRAME_HEAD + MARGIN
    return max(own, _total_width(inside)), height


def _total_width(inside: list[Drawing]) -> int:
    """The width of drawings side by side, with margins."""
    return sum(each.width + MARGIN for each in inside) + MARGIN


def _node(node: Node, box: Box, path: TakenPath, statuses: Mapping[str, str]) -> DrawnNode:
    name = node.name
    return DrawnNode(
        name,
        name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 1]}…",
        node.type,
        round(box.x),
        box.y,
        box.width,
        box.height,
        taken=path.entered[name],
        status=statuses.get(name, ""),
        is_frame=bool(node.inner),
    )


def _embed_all(drawing: Drawing, inside: list[Drawing], frame: DrawnNode) -> None:
    """Put drawings side by side into the middle of a frame."""
    x = frame.x + MARGIN + (frame.width - _total_width(inside)) // 2
    for inner in inside:
        _embed(drawing, inner, x, frame.y + FRAME_HEAD)
        x += inner.width + MARGIN


def _embed(drawing: Drawing, inner: Drawing, x: int, y: int) -> None:
    drawing.nodes += [replace(node, x=node.x + x, y=node.y + y) for node in inner.nodes]
    drawing.edges += [replace(edge, d=_moved(edge.d, x, y)) for edge in inner.edges]


def _moved(d: str, x: int, y: int) -> str:
    """The same SVG path elsewhere; its commands and its points are separated by single spaces."""
    parts = []
    for part in d.split(" "):
        left, comma, top = part.partition(",")
        parts.append(f"{int(left) + x},{int(top) + y}" if comma else part)
    return " ".join(parts)


def _edges(graph: Graph, layout: Layout, path: TakenPath) -> list[DrawnEdge]:
    """The entry into the first state, the edges that lead down, and those that lead back up."""
    boxes = layout.boxes
    first = boxes[graph.start]
    entry = _curve([(first.centre, 2), (first.centre, first.y)])
    edges = [DrawnEdge(entry, path.entered[graph.start] > 0, "start", "")]
    edges += [_edge(edge, _curve(_points(passed)), path) for edge, passed in layout.routes]
    for number, edge in enumerate(layout.back_edges, 1):
        d = _around(boxes[edge.source], boxes[edge.target], layout.right + LANE * number)
        edges.append(_edge(edge, d, path))
    return edges


def _edge(edge: Edge, d: str, path: TakenPath) -> DrawnEdge:
    taken = (edge.source, edge.target) in path.transitions
    return DrawnEdge(d, taken, edge.kind, edge.label)


def _points(passed: list[Box]) -> list[tuple[float, int]]:
    """The points of an edge through these boxes: straight down through each bend."""
    source, *bends, target = passed
    points: list[tuple[float, int]] = [(source.centre, source.y + source.height)]
    for bend in bends:
        points += [(bend.centre, bend.y), (bend.centre, bend.y + bend.height)]
    return [*points, (target.centre, target.y)]


def _curve(points: list[tuple[float, int]]) -> str:
    """An SVG path from point to point that leaves and arrives straight down."""
    parts = [f"M {round(points[0][0])},{points[0][1]}"]
    for (x1, y1), (x2, y2) in pairwise(points):
        half = (y1 + y2) // 2
        if round(x1) == round(x2):
            parts.append(f"L {round(x2)},{y2}")
        else:
            parts.append(f"C {round(x1)},{half} {round(x2)},{half} {round(x2)},{y2}")
    return " ".join(parts)


def _around(source: Box, target: Box, lane: float) -> str:
    """An SVG path out at the right, up in a lane beside everything, and in from the right."""
    x1, y1 = round(source.x + source.width), source.y + source.height // 2
    x2, y2 = round(target.x + target.width), target.y + target.height // 2
    return (
        f"M {x1},{y1} C {round(lane)},{y1} {round(lane)},{y1} {round(lane)},{y1 - 20}"
        f" L {round(lane)},{y2 + 20} C {round(lane)},{y2} {round(lane)},{y2} {x2},{y2}"
    )
