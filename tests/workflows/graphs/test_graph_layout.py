"""The layout of a workflow's graph: every state has its place, and its edges lead down but for loops."""

from __future__ import annotations

import json
import time
from itertools import combinations
from typing import Any

import pytest

from approvals.workflows.graphs.graph_layout import GAP, LAYER_GAP, Layout, TooDense, lay_out
from approvals.workflows.graphs.workflow_graph import graph_of
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


def caught(count: int) -> dict[str, dict[str, Any]]:
    """Tasks one after another whose errors all lead to the same state."""
    tasks = {
        f"t{n}": {"Type": "Task", "Next": f"t{n + 1}", "Catch": [{"Next": "end"}]}
        for n in range(count)
    }
    return tasks | {f"t{count}": {"Type": "Succeed"}, "end": {"Type": "Fail"}}


def dense(count: int) -> dict[str, dict[str, Any]]:
    """Choices each of which leads to every later state."""
    return {
        f"c{n}": {"Type": "Choice", "Choices": [{"Next": f"c{m}"} for m in range(n + 1, count)]}
        for n in range(count)
    }


@pytest.mark.parametrize("states", [dense(120), caught(200)], ids=["dense", "caught"])
def test_a_graph_that_would_take_long_is_refused_at_once(states: dict[str, Any]) -> None:
    began = time.process_time()
    with pytest.raises(TooDense):
        laid_out(**states)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    "states",
    [dense(18), caught(50), {f"s{n}": {"Next": f"s{n + 1}"} for n in range(300)}],
    ids=["dense", "caught", "long"],
)
def test_a_graph_at_the_limits_is_laid_out_in_a_fraction_of_a_second(
    states: dict[str, Any],
) -> None:
    began = time.process_time()
    assert len(laid_out(**states).boxes) == len(states)
    assert time.process_time() - began < 0.6
