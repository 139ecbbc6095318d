"""A workflow drawn in layers: where each state stands and how the roads run, in whole units of an SVG.

The layout is Sugiyama's in its plainest form: layers by the longest way from the start, roads that
run upwards drawn aside, the order within a layer by its neighbours' places.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

from approvals.web.workflow_graph import Path, Road, Scope, State

LETTER, HEIGHT, SLIMMEST = 6.8, 30, 76  # of a state's name at 12 px
LONGEST = 30  # characters of a name
ACROSS, DOWN, EDGE = 14, 32, 12  # gaps between states, between layers, and around a scope
LANE = 14  # between roads that run upwards
HEAD = 24  # the line in a Parallel that holds its name
SWEEPS = 6


@dataclass(frozen=True)
class Mark:
    """A state as it is drawn."""

    name: str
    shown: str
    kind: str
    x: int
    y: int
    width: int
    height: int
    taken: int = 0
    standing: str = ""  # open or broken where the execution stands here
    holds: bool = False  # a frame around other states

    @property
    def middle(self) -> int:
        """Its centre from the left."""
        return self.x + self.width // 2

    @property
    def line(self) -> int:
        """Where the name stands."""
        return self.y + (16 if self.holds else self.height // 2 + 4)

    @property
    def says(self) -> str:
        """What is said of it in words."""
        times = f", {self.taken} times" if self.taken > 1 else ""
        stands = {"open": ", stands here", "broken": ", ended here"}.get(self.standing, "")
        return f"{self.name} ({self.kind}): {'taken' if self.taken else 'not taken'}{times}{stands}"


@dataclass(frozen=True)
class Line:
    """A road as it is drawn."""

    d: str
    taken: bool
    kind: str
    says: str


@dataclass
class Drawing:
    """All of it, frames before what stands in them."""

    width: int = 0
    height: int = 0
    marks: list[Mark] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)


@dataclass
class _Box:
    """A place in a layer: a state with its inside, or a bend of a long road."""

    key: str
    width: int
    height: int
    state: State | None = None
    inside: list[Drawing] = field(default_factory=list)
    x: float = 0.0
    y: int = 0

    @property
    def centre(self) -> float:
        return self.x + self.width / 2


def draw(scope: Scope, path: Path, standing: Mapping[str, str]) -> Drawing:
    """The drawing of a workflow, with the path that was taken.

    `standing` says of the states where the execution is whether it is `open` there or `broken` off.
    """
    boxes = {state.name: _box(state, path, standing) for state in scope.states.values()}
    down, up = _directed(scope)
    layers, routes = _layered(scope, boxes, down)
    _order(layers, routes)
    _place(layers, routes)
    drawing = Drawing()
    _draw_states(drawing, boxes.values(), path, standing)
    right = max((box.x + box.width for layer in layers for box in layer), default=0)
    bottom = max((box.y + box.height for layer in layers for box in layer), default=0)
    first = boxes[scope.start]
    drawing.lines.append(
        Line(
            _curve([(first.centre, 2), (first.centre, first.y)]),
            path.entered[scope.start] > 0,
            "start",
            "",
        )
    )
    for road, through in routes:
        drawing.lines.append(_line(road, _curve(_points(road, through, boxes)), path))
    for number, road in enumerate(up):
        lane = right + LANE * (number + 1)
        drawing.lines.append(
            _line(road, _around(boxes[road.source], boxes[road.target], lane), path)
        )
    drawing.width = round(right + LANE * len(up) + EDGE)
    drawing.height = bottom + EDGE
    return drawing


def _box(state: State, path: Path, standing: Mapping[str, str]) -> _Box:
    own = max(SLIMMEST, round(len(state.name[:LONGEST]) * LETTER) + 30)
    inside = [draw(inner, path, standing) for inner in state.scopes]
    if not inside:
        return _Box(state.name, own, HEIGHT, state)
    width = sum(each.width for each in inside) + EDGE * (len(inside) + 1)
    height = max(each.height for each in inside) + HEAD + EDGE
    return _Box(state.name, max(own, width), height, state, inside)


def _directed(scope: Scope) -> tuple[list[Road], list[Road]]:
    """The roads that lead on, and those that lead back to where one came from."""
    down: list[Road] = []
    up: list[Road] = []
    done: set[str] = set()
    for start in [scope.start, *scope.states]:
        if start in done:
            continue
        way: list[tuple[str, Iterable[Road]]] = [(start, iter(scope.states[start].roads))]
        on_the_way = {start}
        while way:
            name, roads = way[-1]
            road = next(iter(roads), None)
            if road is None:
                way.pop()
                on_the_way.discard(name)
                done.add(name)
            elif road.target in on_the_way:
                up.append(road)
            else:
                down.append(road)
                if road.target not in done:
                    on_the_way.add(road.target)
                    way.append((road.target, iter(scope.states[road.target].roads)))
    return down, up


Routes = list[tuple[Road, list[_Box]]]


def _layered(
    scope: Scope, boxes: Mapping[str, _Box], down: list[Road]
) -> tuple[list[list[_Box]], Routes]:
    """Layers by the longest way down, and each road with its bends in the layers it crosses."""
    depth = dict.fromkeys(scope.states, 0)
    for _ in scope.states:
        moved = False
        for road in down:
            if depth[road.target] <= depth[road.source]:
                depth[road.target] = depth[road.source] + 1
                moved = True
        if not moved:
            break
    layers: list[list[_Box]] = [[] for _ in range(max(depth.values()) + 1)]
    for name, level in depth.items():
        layers[level].append(boxes[name])
    routes: Routes = []
    for number, road in enumerate(down):
        bends = [
            _Box(f"{number}:{level}", 10, 1)
            for level in range(depth[road.source] + 1, depth[road.target])
        ]
        for level, bend in enumerate(bends, depth[road.source] + 1):
            layers[level].append(bend)
        routes.append((road, [boxes[road.source], *bends, boxes[road.target]]))
    return layers, routes


def _neighbours(routes: Routes) -> tuple[dict[str, list[_Box]], dict[str, list[_Box]]]:
    above: dict[str, list[_Box]] = defaultdict(list)
    below: dict[str, list[_Box]] = defaultdict(list)
    for _, through in routes:
        for upper, lower in pairwise(through):
            below[upper.key].append(lower)
            above[lower.key].append(upper)
    return above, below


def _order(layers: list[list[_Box]], routes: Routes) -> None:
    """Within each layer, by the average place of what a box is connected with."""
    above, below = _neighbours(routes)
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        beside = above if downwards else below
        place = {box.key: rank for layer in layers for rank, box in enumerate(layer)}
        for layer in layers if downwards else reversed(layers):
            wanted = {
                box.key: _mean([place[other.key] for other in beside[box.key]], place[box.key])
                for box in layer
            }
            layer.sort(key=lambda box: wanted[box.key])
            place |= {box.key: rank for rank, box in enumerate(layer)}


def _mean(values: list[float] | list[int], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _place(layers: list[list[_Box]], routes: Routes) -> None:
    """Each box near the middle of its neighbours, and none over another; layers one below another."""
    above, below = _neighbours(routes)
    for layer in layers:
        _apart(layer, [0.0] * len(layer))
    for sweep in range(SWEEPS * 2):
        beside = above if sweep % 2 == 0 else below
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            _apart(
                layer,
                [_mean([o.centre for o in beside[b.key]], b.centre) - b.width / 2 for b in layer],
            )
    left = min(box.x for layer in layers for box in layer) - EDGE
    y = EDGE + DOWN // 2
    for layer in layers:
        for box in layer:
            box.x, box.y = round(box.x - left), y
        tallest = max(box.height for box in layer)
        for box in layer:
            if box.state is None:
                box.height = tallest
        y += tallest + DOWN


def _apart(layer: list[_Box], wanted: list[float]) -> None:
    """The wanted places, pushed apart where they overlap: halfway between a push right and a push left."""
    gaps = [ACROSS if a.state and b.state else ACROSS // 2 for a, b in pairwise(layer)]
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


def _draw_states(
    drawing: Drawing, boxes: Iterable[_Box], path: Path, standing: Mapping[str, str]
) -> None:
    for box in boxes:
        state = box.state
        if state is None:
            continue
        name = state.name
        shown = name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
        drawing.marks.append(
            Mark(
                name, shown, state.kind, round(box.x), box.y, box.width, box.height,
                path.entered[name], standing.get(name, ""), bool(box.inside),
            )
        )  # fmt: skip
        x = round(box.x) + EDGE + (box.width - sum(i.width + EDGE for i in box.inside) - EDGE) // 2
        for inner in box.inside:
            _embed(drawing, inner, x, box.y + HEAD)
            x += inner.width + EDGE


def _embed(drawing: Drawing, inner: Drawing, x: int, y: int) -> None:
    drawing.marks += [replace(mark, x=mark.x + x, y=mark.y + y) for mark in inner.marks]
    drawing.lines += [replace(line, d=_moved(line.d, x, y)) for line in inner.lines]


def _moved(d: str, x: int, y: int) -> str:
    """The same road elsewhere: its commands and pairs of numbers stand apart, as `_curve` writes them."""
    told = []
    for word in d.split(" "):
        if "," in word:
            left, top = word.split(",")
            word = f"{int(left) + x},{int(top) + y}"  # noqa: PLW2901
        told.append(word)
    return " ".join(told)


def _line(road: Road, d: str, path: Path) -> Line:
    taken = (road.source, road.target) in path.roads
    return Line(d, taken, road.kind, road.says)


def _points(road: Road, through: list[_Box], boxes: Mapping[str, _Box]) -> list[tuple[float, int]]:
    source, target = boxes[road.source], boxes[road.target]
    points: list[tuple[float, int]] = [(source.centre, source.y + source.height)]
    for bend in through[1:-1]:
        points += [(bend.centre, bend.y), (bend.centre, bend.y + bend.height)]
    return [*points, (target.centre, target.y)]


def _curve(points: list[tuple[float, int]]) -> str:
    """From point to point, leaving and arriving straight down."""
    told = [f"M {round(points[0][0])},{points[0][1]}"]
    for (x1, y1), (x2, y2) in pairwise(points):
        half = (y1 + y2) // 2
        if round(x1) == round(x2):
            told.append(f"L {round(x2)},{y2}")
        else:
            told.append(f"C {round(x1)},{half} {round(x2)},{half} {round(x2)},{y2}")
    return " ".join(told)


def _around(source: _Box, target: _Box, lane: float) -> str:
    """Out at the right, up beside everything, and in from the right."""
    x1, y1 = round(source.x + source.width), source.y + source.height // 2
    x2, y2 = round(target.x + target.width), target.y + target.height // 2
    return (
        f"M {x1},{y1} C {round(lane)},{y1} {round(lane)},{y1} {round(lane)},{y1 - 20}"
        f" L {round(lane)},{y2 + 20} C {round(lane)},{y2} {round(lane)},{y2} {x2},{y2}"
    )
