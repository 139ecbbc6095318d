"""Lays out a workflow's graph in layers: the position of each state, and the positions each edge passes.

The method is Sugiyama's in its simplest form: layers by the longest path from the start, edges that
lead back set aside, the order within a layer by the average place of the neighbours. All lengths are
pixels at a font size of 12.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from approvals.web.workflow_graph import Edge, Graph

GAP, LAYER_GAP, MARGIN = 14, 32, 12  # between boxes, between layers, and around a graph
SWEEPS = 6


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


def lay_out(graph: Graph, sizes: Mapping[str, tuple[int, int]]) -> Layout:
    """Lay out a graph whose states have these sizes (width, height)."""
    boxes = {name: Box(name, *sizes[name]) for name in graph.nodes}
    down, back = _directed(graph)
    layers, routes = _layered(graph, boxes, down)
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


def _layered(graph: Graph, boxes: Mapping[str, Box], down: list[Edge]) -> tuple[Layers, Routes]:
    """The layers by the longest path down, and each edge with its bends in the layers it crosses."""
    depth = _depths(graph, down)
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
    """The number of each state's layer: one below the lowest state with an edge to it."""
    depth = dict.fromkeys(graph.nodes, 0)
    for _ in graph.nodes:
        moved = False
        for edge in down:
            if depth[edge.target] <= depth[edge.source]:
                depth[edge.target] = depth[edge.source] + 1
                moved = True
        if not moved:
            break
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
