"""Lays out a workflow's graph in layers: the position of each state, and the positions each edge passes.

The method is Sugiyama's in its simplest form: layers by the longest path from the start, edges that
lead back set aside, the order within a layer by the average place of the neighbours. All lengths are
pixels at a font size of 12.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from approvals.workflows.graphs.workflow_graph import Edge, Graph

GAP, LAYER_GAP, MARGIN = 14, 32, 12  # between boxes, between layers, and around a graph
SWEEPS = 6
MAX_STEPS = 1_500  # edges, and layers that they cross: 0.1 s on one core


class TooDense(Exception):
    """A graph has so many long edges that it takes too long to lay out, and shows too little."""


@dataclass
class Work:
    """How many more edges, and layers that they cross, may be laid out."""

    left: int = MAX_STEPS


@dataclass
class Box:
    """A place in a layer: a state's, or a bend's of an edge that crosses the layer."""

    key: str
    width: int
    height: int
    is_bend: bool = False
    x: float = 0.0
    y: int = 0

    @property
    def centre(self) -> float:
        """Its middle from the left."""
        return self.x + self.width / 2


Layers = list[list[Box]]
Routes = list[tuple[Edge, list[Box]]]


@dataclass(frozen=True)
class Layout:
    """The places of a graph's states by their names, and its edges.

    `routes` has the edges that lead down, each with the boxes that it passes, its ends included;
    `back_edges` those that lead back up. `right` and `bottom` are the ends of the outermost boxes.
    """

    boxes: Mapping[str, Box]
    routes: Routes
    back_edges: list[Edge]
    right: float
    bottom: int


def lay_out(graph: Graph, sizes: Mapping[str, tuple[int, int]], work: Work | None = None) -> Layout:
    """Lay out a graph whose states have these sizes (width, height).

    Raises TooDense if that would take long: the time grows with the layers that all edges cross. The
    graphs of one drawing share `work`.
    """
    boxes = {name: Box(name, *sizes[name]) for name in graph.nodes}
    down, back = _directed(graph)
    depth = _depths(graph, down)
    work = work or Work()
    work.left -= len(down) + len(back) + sum(depth[e.target] - depth[e.source] for e in down)
    if work.left < 0:
        raise TooDense
    layers, routes = _layered(depth, boxes, down)
    _order(layers, routes)
    _place(layers, routes)
    return Layout(
        boxes,
        routes,
        back,
        right=max((box.x + box.width for layer in layers for box in layer), default=0),
        bottom=max((box.y + box.height for layer in layers for box in layer), default=0),
    )


def _directed(graph: Graph) -> tuple[list[Edge], list[Edge]]:
    """The edges that lead on, and those that lead back into the path by which a search came."""
    down: list[Edge] = []
    back: list[Edge] = []
    done: set[str] = set()
    for start in [graph.start, *graph.nodes]:
        if start in done:
            continue
        path: list[tuple[str, Iterable[Edge]]] = [(start, iter(graph.nodes[start].edges))]
        on_path = {start}
        while path:
            name, edges = path[-1]
            edge = next(iter(edges), None)
            if edge is None:
                path.pop()
                on_path.discard(name)
                done.add(name)
            elif edge.target in on_path:
                back.append(edge)
            else:
                down.append(edge)
                if edge.target not in done:
                    on_path.add(edge.target)
                    path.append((edge.target, iter(graph.nodes[edge.target].edges)))
    return down, back


def _layered(
    depth: Mapping[str, int], boxes: Mapping[str, Box], down: list[Edge]
) -> tuple[Layers, Routes]:
    """The layers by the longest path down, and each edge with its bends in the layers it crosses."""
    layers: Layers = [[] for _ in range(max(depth.values()) + 1)]
    for name, level in depth.items():
        layers[level].append(boxes[name])
    routes: Routes = []
    for number, edge in enumerate(down):
        bends = [
            Box(f"{number}:{level}", 10, 1, is_bend=True)
            for level in range(depth[edge.source] + 1, depth[edge.target])
        ]
        for level, bend in enumerate(bends, depth[edge.source] + 1):
            layers[level].append(bend)
        routes.append((edge, [boxes[edge.source], *bends, boxes[edge.target]]))
    return layers, routes


def _depths(graph: Graph, down: list[Edge]) -> dict[str, int]:
    """The number of each state's layer: one below the lowest state with an edge to it.

    Each edge is followed once, after all those that lead to its source.
    """
    depth = dict.fromkeys(graph.nodes, 0)
    leaving: dict[str, list[Edge]] = defaultdict(list)
    for edge in down:
        leaving[edge.source].append(edge)
    missing = Counter(edge.target for edge in down)
    free = [name for name in graph.nodes if not missing[name]]
    while free:
        for edge in leaving[free.pop()]:
            depth[edge.target] = max(depth[edge.target], depth[edge.source] + 1)
            missing[edge.target] -= 1
            if not missing[edge.target]:
                free.append(edge.target)
    return depth


def _neighbours(routes: Routes) -> tuple[dict[str, list[Box]], dict[str, list[Box]]]:
    """The boxes that each box is connected with in the layer above, and in the layer below."""
    above: dict[str, list[Box]] = defaultdict(list)
    below: dict[str, list[Box]] = defaultdict(list)
    for _, passed in routes:
        for upper, lower in pairwise(passed):
            below[upper.key].append(lower)
            above[lower.key].append(upper)
    return above, below


def _order(layers: Layers, routes: Routes) -> None:
    """Sort each layer by the average rank of what its boxes are connected with."""
    above, below = _neighbours(routes)
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        beside = above if downwards else below
        ranks = {box.key: rank for layer in layers for rank, box in enumerate(layer)}
        for layer in layers if downwards else reversed(layers):
            wanted = {
                box.key: _mean([ranks[other.key] for other in beside[box.key]], ranks[box.key])
                for box in layer
            }
            layer.sort(key=lambda box: wanted[box.key])
            ranks |= {box.key: rank for rank, box in enumerate(layer)}


def _mean(values: list[float] | list[int], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _place(layers: Layers, routes: Routes) -> None:
    """Move each box near the middle of its neighbours, none over another; layers one below another."""
    above, below = _neighbours(routes)
    for layer in layers:
        _spread(layer, [0.0] * len(layer))
    for sweep in range(SWEEPS * 2):
        beside = above if sweep % 2 == 0 else below
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            wanted = [
                _mean([other.centre for other in beside[box.key]], box.centre) - box.width / 2
                for box in layer
            ]
            _spread(layer, wanted)
    left = min(box.x for layer in layers for box in layer) - MARGIN
    y = MARGIN + LAYER_GAP // 2
    for layer in layers:
        tallest = max(box.height for box in layer)
        for box in layer:
            box.x, box.y = round(box.x - left), y
            if box.is_bend:
                box.height = tallest
        y += tallest + LAYER_GAP


def _spread(layer: list[Box], wanted: list[float]) -> None:
    """Give the boxes their wanted places, pushed apart where they overlap.

    A box lands halfway between where a push to the right and a push to the left would put it.
    """
    gaps = [GAP // 2 if a.is_bend or b.is_bend else GAP for a, b in pairwise(layer)]
    right = list(wanted)
    for i in range(1, len(layer)):
        right[i] = max(right[i], right[i - 1] + layer[i - 1].width + gaps[i - 1])
    left = list(wanted)
    for i in range(len(layer) - 2, -1, -1):
        left[i] = min(left[i], left[i + 1] - layer[i].width - gaps[i])
    for i, box in enumerate(layer):
        box.x = (right[i] + left[i]) / 2
    for i in range(1, len(layer)):  # the halves of two pushes may still touch
        least = layer[i - 1].x + layer[i - 1].width + gaps[i - 1]
        layer[i].x = max(layer[i].x, least)
