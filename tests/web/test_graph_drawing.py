"""The drawing of a workflow: every state once, none over another, and the path that was taken marked."""

from __future__ import annotations

import json
from itertools import combinations

import pytest

from approvals.web.graph_drawing import MAX_NAME, Drawing, draw
from approvals.web.graph_layout import TooDense
from approvals.web.taken_path import TakenPath, taken_path
from approvals.web.workflow_graph import graph_of, names
from tests.histories import BRANCHES, TO_THE_REVIEW, History
from tests.web.test_graph_layout import dense
from tests.workflows.linting.definitions import ORDERS

DEFINITION = json.loads(ORDERS.read_text())


def drawn(path: TakenPath | None = None, **statuses: str) -> Drawing:
    """Our definition, drawn."""
    graph = graph_of(DEFINITION)
    assert graph is not None
    return draw(graph, path or TakenPath(), statuses)


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


def test_a_state_says_in_words_what_became_of_it() -> None:
    path = taken_path(History().go(["OpenOrder", "OpenOrder"]).events)

    said = {node.name: node.description for node in drawn(path, SeedOrder="broken").nodes}

    assert said["OpenOrder"] == "OpenOrder (Pass): taken, 2 times"
    assert said["SeedOrder"] == "SeedOrder (Pass): not taken, ended here"


def test_a_long_name_is_cut_in_the_drawing_and_whole_in_its_words() -> None:
    name = "S" * (MAX_NAME + 1)
    graph = graph_of({"StartAt": name, "States": {name: {"Type": "Pass"}}})
    assert graph is not None

    [node] = draw(graph, TakenPath(), {}).nodes

    assert node.text == "S" * (MAX_NAME - 1) + "…"
    assert node.description == f"{name} (Pass): not taken"


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
        draw(graph, TakenPath(), {})
