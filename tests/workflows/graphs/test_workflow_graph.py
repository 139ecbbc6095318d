"""The graph of a definition: what is in it, and what is left out."""

from __future__ import annotations

from typing import Any

from approvals.workflows.graphs.workflow_graph import MAX_DEPTH, MAX_NODES, graph_of, names
from tests.workflows.linting.definitions import workflow


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
    outer: dict[str, Any] = {f"s{n}": {} for n in range(200)}
    graph = graph_of({"States": outer | {name: {"Branches": [inner]} for name in ("s0", "s199")}})

    assert graph is not None
    assert len(graph.nodes) == 200
    assert len(graph.nodes["s0"].inner[0].nodes) == MAX_NODES - 200
    assert graph.nodes["s199"].inner == []


def nested(levels: int) -> dict[str, Any]:
    """Maps inside each other."""
    document: dict[str, Any] = {"States": {"m0": {"Type": "Succeed"}}}
    for level in range(1, levels):
        document = {"States": {f"m{level}": {"Type": "Map", "ItemProcessor": document}}}
    return document


def test_machines_inside_each_other_end_at_a_depth() -> None:
    graph = graph_of(nested(280))

    assert graph is not None
    assert len(list(names(graph))) == MAX_DEPTH
