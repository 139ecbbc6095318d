"""The graph of a definition, and its drawing: what is in it, what is left out, and that nothing overlaps."""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any

from approvals.web.graph_drawing import Drawing, draw
from approvals.web.taken_path import TakenPath, taken_path
from approvals.web.workflow_graph import MAX_NODES, graph_of, names
from tests.histories import BRANCHES, TO_THE_REVIEW, History
from tests.workflows.linting.definitions import ORDERS, workflow

DEFINITION = json.loads(ORDERS.read_text())


def drawn(path: TakenPath | None = None, **statuses: str) -> Drawing:
    """Our definition, drawn."""
    graph = graph_of(DEFINITION)
    assert graph is not None
    return draw(graph, path or TakenPath(), statuses)


def test_edges_are_the_transitions_with_the_errors_of_a_catch() -> None:
    graph = graph_of(workflow(Ask={
        "Type": "Task", "Next": "Done",
        "Catch": [
            {"ErrorEquals": ["ReviewRejected", "States.Timeout"], "Next": "Over"},
            {"ErrorEquals": ["States.ALL"], "Next": "Over"},
            {"ErrorEquals": 7, "Next": "Nowhere"},
        ],
    }))  # fmt: skip

    assert graph is not None
    assert [(edge.target, edge.kind, edge.label) for edge in graph.nodes["Ask"].edges] == [
        ("Done", "next", ""),
        ("Over", "catch", "ReviewRejected, States.Timeout"),
    ]


def test_a_graph_starts_with_its_first_state_where_startat_names_none() -> None:
    graph = graph_of({"StartAt": "Nobody", "States": {"a": {}, "b": {"Next": "a"}}})

    assert graph is not None
    assert graph.start == "a"


def test_a_graph_has_no_more_nodes_than_can_be_drawn() -> None:
    inner: dict[str, Any] = {"States": {f"i{n}": {} for n in range(400)}}
    graph = graph_of({"States": {f"s{n}": {"Branches": [inner]} for n in range(200)}})

    assert graph is not None
    assert len(graph.nodes) == 200
    assert len(graph.nodes["s0"].inner[0].nodes) == MAX_NODES - 200


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


def test_the_states_and_transitions_that_were_taken_are_marked() -> None:
    history = History().go(TO_THE_REVIEW, stay=True)

    drawing = drawn(taken_path(history.events), ManualReview="open")

    assert [node.name for node in drawing.nodes if node.taken] == [
        name for name in DEFINITION["States"] if name in TO_THE_REVIEW
    ]
    assert [node.name for node in drawing.nodes if node.status] == ["ManualReview"]
    assert (
        sum(edge.taken for edge in drawing.edges) == 9
    )  # eight between nine states, and the entry


def test_branches_that_interleave_are_no_transitions_of_each_other() -> None:
    history = History().go(["ProcessPayment"])
    history.fork("ParallelFulfillment", BRANCHES)

    path = taken_path(history.events)

    assert set(BRANCHES) <= set(path.entered)
    assert path.transitions == {("ProcessPayment", "ParallelFulfillment")}
