"""The drawing of a workflow before anything is known of an execution: every state once, none over another."""

from __future__ import annotations

import json
from itertools import combinations

import pytest

from approvals.workflows.graphs.graph_layout import TooDense
from approvals.workflows.graphs.plain_drawing import PlainDrawing, draw
from approvals.workflows.graphs.workflow_graph import graph_of, names
from tests.histories import BRANCHES
from tests.workflows.graphs.test_graph_layout import dense
from tests.workflows.linting.definitions import ORDERS

DEFINITION = json.loads(ORDERS.read_text())


def drawn() -> PlainDrawing:
    """Our definition, drawn."""
    graph = graph_of(DEFINITION)
    assert graph is not None
    return draw(graph)


def test_every_state_is_drawn_once_and_no_two_overlap() -> None:
    drawing = drawn()

    graph = graph_of(DEFINITION)
    assert graph is not None
    assert sorted(node.name for node in drawing.nodes) == sorted(names(graph))
    for one, other in combinations([node for node in drawing.nodes if not node.is_frame], 2):
        beside = one.x + one.width <= other.x or other.x + other.width <= one.x
        assert beside or one.y + one.height <= other.y or other.y + other.height <= one.y
    assert all(node.x + node.width <= drawing.width for node in drawing.nodes)
    assert all(node.y + node.height <= drawing.height for node in drawing.nodes)


def test_the_branches_of_a_parallel_state_lie_inside_its_frame() -> None:
    drawing = drawn()

    [frame] = [node for node in drawing.nodes if node.is_frame]
    inside = [node for node in drawing.nodes if node.name in BRANCHES]
    assert len(inside) == len(BRANCHES)
    for node in inside:
        assert frame.x < node.x < node.x + node.width < frame.x + frame.width
        assert frame.y < node.y < node.y + node.height < frame.y + frame.height


def test_machines_inside_each_other_share_the_work_of_a_drawing() -> None:
    inner = {"States": dense(14)}
    states = {f"p{n}": {"Type": "Parallel", "Branches": [inner]} for n in range(5)}
    graph = graph_of({"States": states})
    assert graph is not None
    with pytest.raises(TooDense):
        draw(graph)
