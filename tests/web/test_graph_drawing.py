"""The drawing of a workflow with the path that was taken marked."""

from __future__ import annotations

import json

from approvals.web.graph_drawing import Drawing, mark
from approvals.web.taken_path import TakenPath, taken_path
from approvals.workflows.graphs.plain_drawing import MAX_NAME, draw
from approvals.workflows.graphs.workflow_graph import graph_of
from tests.histories import TO_THE_REVIEW, History
from tests.workflows.linting.definitions import ORDERS

DEFINITION = json.loads(ORDERS.read_text())


def drawn(path: TakenPath | None = None, **statuses: str) -> Drawing:
    """Our definition, drawn."""
    graph = graph_of(DEFINITION)
    assert graph is not None
    return mark(draw(graph), path or TakenPath(), statuses)


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

    [node] = mark(draw(graph), TakenPath(), {}).nodes

    assert node.text == "S" * (MAX_NAME - 1) + "…"
    assert node.description == f"{name} (Pass): not taken"
