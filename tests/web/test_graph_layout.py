"""The layout of a workflow's graph: every state has its place, and its edges lead down but for loops."""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any

from approvals.web.graph_layout import GAP, LAYER_GAP, Layout, lay_out
from approvals.web.workflow_graph import graph_of
from tests.workflows.linting.definitions import ORDERS

DEFINITION = json.loads(ORDERS.read_text())
SIZE = (100, 28)  # pixels, of every state


def laid_out(**states: dict[str, Any]) -> Layout:
    """The layout of a workflow of these states, the first of which it starts with."""
    graph = graph_of({"StartAt": next(iter(states)), "States": states})
    assert graph is not None
    return lay_out(graph, dict.fromkeys(states, SIZE))


def test_a_state_lies_below_every_state_that_leads_to_it() -> None:
    layout = laid_out(
        Ask={"Choices": [{"Next": "Pack"}, {"Next": "Pay"}]}, Pay={"Next": "Pack"}, Pack={}
    )

    tops = {name: box.y for name, box in layout.boxes.items()}
    assert tops["Ask"] < tops["Pay"] < tops["Pack"]
    assert tops["Pay"] - tops["Ask"] == SIZE[1] + LAYER_GAP
    assert layout.bottom == tops["Pack"] + SIZE[1]


def test_an_edge_bends_beside_the_states_of_a_layer_that_it_crosses() -> None:
    layout = laid_out(
        Ask={"Choices": [{"Next": "Pack"}, {"Next": "Pay"}]}, Pay={"Next": "Pack"}, Pack={}
    )

    [passed] = [
        boxes for edge, boxes in layout.routes if (edge.source, edge.target) == ("Ask", "Pack")
    ]
    assert [box.key for box in passed if not box.is_bend] == ["Ask", "Pack"]
    [bend] = [box for box in passed if box.is_bend]
    pay = layout.boxes["Pay"]
    assert bend.y == pay.y
    assert bend.x + bend.width <= pay.x or pay.x + pay.width <= bend.x


def test_an_edge_that_leads_back_is_set_aside() -> None:
    layout = laid_out(
        Try={"Next": "Check"}, Check={"Choices": [{"Next": "Try"}, {"Next": "Check"}]}
    )

    assert [(edge.source, edge.target) for edge in layout.back_edges] == [
        ("Check", "Try"), ("Check", "Check"),
    ]  # fmt: skip
    assert [edge.source for edge, _ in layout.routes] == ["Try"]


def test_states_beside_each_other_keep_their_distance() -> None:
    names = [f"Branch{number}" for number in range(9)]
    layout = laid_out(
        Ask={"Choices": [{"Next": name} for name in names]}, **{name: {} for name in names}
    )

    for one, other in combinations([layout.boxes[name] for name in names], 2):
        left, right = sorted((one, other), key=lambda box: box.x)
        assert left.x + left.width + GAP <= right.x + 1  # places are rounded to pixels
    assert layout.right == max(box.x + box.width for box in layout.boxes.values())
