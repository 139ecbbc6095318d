"""The drawing of a workflow as it is stored with its definition."""

from __future__ import annotations

import json
from typing import Any

import pytest

from approvals.workflows.graphs import plain_drawing, stored_drawing
from approvals.workflows.graphs.workflow_graph import graph_of, names
from tests.workflows.graphs.test_graph_layout import dense
from tests.workflows.linting.definitions import ORDERS

DEFINITION = json.loads(ORDERS.read_text())


def kept(document: Any) -> Any:
    """What the database gives back."""
    return json.loads(json.dumps(stored_drawing.made(document)))


def test_what_is_stored_is_the_drawing_and_the_names_of_all_states() -> None:
    graph = graph_of(DEFINITION)
    assert graph is not None

    read = stored_drawing.read(kept(DEFINITION))

    assert read is not None
    assert read.names == list(names(graph))
    assert read.drawing == plain_drawing.draw(graph)


def test_of_what_is_too_dense_the_names_are_kept() -> None:
    read = stored_drawing.read(kept({"StartAt": "c0", "States": dense(120)}))

    assert read is not None
    assert (len(read.names), read.drawing) == (120, None)


@pytest.mark.parametrize("stored", [None, {}, {"format": 0, "names": ["a"]}, kept({}), kept([]), 1])
def test_nothing_is_read_of_what_was_not_drawn_or_has_no_state(stored: Any) -> None:
    assert stored_drawing.read(stored) is None
