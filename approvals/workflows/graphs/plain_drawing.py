"""Draws a workflow's graph as rectangles and lines, before anything is known of an execution."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

from approvals.workflows.graphs.graph_layout import MARGIN, Box, Layout, Work, lay_out
from approvals.workflows.graphs.workflow_graph import Edge, Graph, Node

LETTER, HEIGHT, MIN_WIDTH = 6.8, 30, 76  # of a state's name at 12 px
MAX_NAME = 30  # characters of a name that are shown
LANE = 14  # between edges that lead back up
FRAME_HEAD = 24  # the line in a Parallel or a Map that holds its name


@dataclass(frozen=True)
class PlainNode:
    """A state as it is drawn; a frame is drawn around the states inside it."""

    name: str
    type: str
    x: int
    y: int
    width: int
    height: int
    is_frame: bool = False


@dataclass(frozen=True)
class PlainEdge:
    """A transition as it is drawn; `d` is the SVG path, in whole pixels. The entry has no source."""

    d: str
    source: str
    target: str
    kind: str
    label: str = ""


@dataclass
class PlainDrawing:
    """A drawn graph; frames come before the nodes inside them."""

    width: int = 0
    height: int = 0
    nodes: list[PlainNode] = field(default_factory=list)
    edges: list[PlainEdge] = field(default_factory=list)


def draw(graph: Graph, work: Work | None = None) -> PlainDrawing:
    """Draw a workflow. Raises TooDense if it would take long; `work` is what is left of the work for all of it."""
    work = work or Work()
    inner = {node.name: [draw(each, work) for each in node.inner] for node in graph.nodes.values()}
    sizes = {name: _size(name, inside) for name, inside in inner.items()}
    layout = lay_out(graph, sizes, work)
    drawing = PlainDrawing(
        width=round(layout.right + LANE * len(layout.back_edges) + MARGIN),
        height=layout.bottom + MARGIN,
    )
    for name, node in graph.nodes.items():
        drawn = _node(node, layout.boxes[name])
        drawing.nodes.append(drawn)
        _embed_all(drawing, inner[name], drawn)
    drawing.edges += _edges(graph, layout)
    return drawing


def _size(name: str, inside: list[PlainDrawing]) -> tuple[int, int]:
    """The width and height of a state: of its name, or of the drawings inside it."""
    own = max(MIN_WIDTH, round(len(name[:MAX_NAME]) * LETTER) + 30)
    if not inside:
        return own, HEIGHT
    height = max(each.height for each in inside) + FRAME_HEAD + MARGIN
    return max(own, _total_width(inside)), height


def _total_width(inside: list[PlainDrawing]) -> int:
    """The width of drawings side by side, with margins."""
    return sum(each.width + MARGIN for each in inside) + MARGIN


def _node(node: Node, box: Box) -> PlainNode:
    return PlainNode(
        node.name,
        node.type,
        round(box.x),
        box.y,
        box.width,
        box.height,
        is_frame=bool(node.inner),
    )


def _embed_all(drawing: PlainDrawing, inside: list[PlainDrawing], frame: PlainNode) -> None:
    """Put drawings side by side into the middle of a frame."""
    x = frame.x + MARGIN + (frame.width - _total_width(inside)) // 2
    for inner in inside:
        _embed(drawing, inner, x, frame.y + FRAME_HEAD)
        x += inner.width + MARGIN


def _embed(drawing: PlainDrawing, inner: PlainDrawing, x: int, y: int) -> None:
    drawing.nodes += [replace(node, x=node.x + x, y=node.y + y) for node in inner.nodes]
    drawing.edges += [replace(edge, d=_moved(edge.d, x, y)) for edge in inner.edges]


def _moved(d: str, x: int, y: int) -> str:
    """The same SVG path elsewhere; its commands and its points are separated by single spaces."""
    parts = []
    for part in d.split(" "):
        left, comma, top = part.partition(",")
        parts.append(f"{int(left) + x},{int(top) + y}" if comma else part)
    return " ".join(parts)


def _edges(graph: Graph, layout: Layout) -> list[PlainEdge]:
    """The entry into the first state, the edges that lead down, and those that lead back up."""
    boxes = layout.boxes
    first = boxes[graph.start]
    entry = _curve([(first.centre, 2), (first.centre, first.y)])
    edges = [PlainEdge(entry, "", graph.start, "start")]
    edges += [_edge(edge, _curve(_points(passed))) for edge, passed in layout.routes]
    for number, edge in enumerate(layout.back_edges, 1):
        d = _around(boxes[edge.source], boxes[edge.target], layout.right + LANE * number)
        edges.append(_edge(edge, d))
    return edges


def _edge(edge: Edge, d: str) -> PlainEdge:
    return PlainEdge(d, edge.source, edge.target, edge.kind, edge.label)


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
