"""An execution on the page of its order: its steps in pages, and the workflow in words."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.test import Client

from approvals.models import ExecutionHistory, User, Workflow
from approvals.web.execution_view import PROBLEMS, ExecutionView, problem_of, view_of
from approvals.workflows.graphs import (
    graph_layout,
    plain_drawing,
    stored_drawing,
    workflow_graph,
)
from tests import histories
from tests.browser import orders as day
from tests.histories import History
from tests.web.pages import html
from tests.workflows.graphs.test_graph_layout import dense
from tests.workflows.graphs.test_workflow_graph import nested

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("machine", "wake_ups_sent")]


def test_a_long_history_has_pages(browser: Client, olga: User) -> None:
    order = day.order("ORD-1", olga)
    history = History()
    for _ in range(40):
        history.go(["OpenOrder"])
    histories.read(order, history, cut=True)

    first = html(browser, "/orders/ORD-1/")
    older = re.search(r'href="(/executions/[^"]+\?before=\d+)#story"', first)
    assert older is not None
    second = html(browser, older[1])

    assert first.count('<li class="event">') + second.count('<li class="event">') == 41 + 4
    assert html(browser, f"/orders/ORD-1/?before={'9' * 5_000}").count('<li class="event">') == 32
    assert "its beginning is missing" not in first
    assert "its beginning is missing" in second
    assert "hx-get" not in second.partition('id="reading"')[2][:300]


def test_the_drawing_is_told_in_words_too(browser: Client, olga: User) -> None:
    order = day.order("ORD-1", olga)
    stored = histories.read(order, History().go(["CheckOrderId", "OpenOrder"], stay=True))

    shown = view_of(order, stored)

    assert shown.description.startswith("Taken: CheckOrderId, OpenOrder. Is now in: OpenOrder.")
    assert "Not taken: SeedOrder" in shown.description


def test_without_a_stored_history_there_is_nothing_to_show(browser: Client, olga: User) -> None:
    assert view_of(day.order("ORD-1", olga), None) == ExecutionView([])


@pytest.mark.parametrize(
    ("trouble", "sentence"),
    [
        ("", ""),
        ("ExecutionDoesNotExist", PROBLEMS["ExecutionDoesNotExist"]),
        ("InternalFailure", "AWS answered InternalFailure."),
    ],
)
def test_what_kept_an_execution_from_being_read_is_a_sentence(trouble: str, sentence: str) -> None:
    assert problem_of(ExecutionHistory(trouble=trouble)) == sentence


def test_what_was_never_read_has_had_no_problem() -> None:
    assert problem_of(None) == ""


def test_a_workflow_that_is_too_dense_to_be_drawn_is_listed(browser: Client, olga: User) -> None:
    order = day.order("ORD-1", olga)
    taken = ["CheckOrderId", "OpenOrder"]
    flow = histories.read(order, History().go(taken, stay=True)).workflow
    assert flow is not None
    definition = json.dumps({"StartAt": "c0", "States": dense(120)})
    definition = definition.replace('"c0"', '"CheckOrderId"').replace('"c1"', '"OpenOrder"')
    flow.drawing = stored_drawing.made(json.loads(definition))
    flow.save()

    page = html(browser, "/orders/ORD-1/")

    assert "too many transitions to be drawn" in page
    assert "<li><bdi>CheckOrderId</bdi>: taken</li>" in page
    assert "<li><bdi>OpenOrder</bdi>: taken, is here now</li>" in page
    assert "<li><bdi>c119</bdi>: not taken</li>" in page


def test_no_page_lays_a_graph_out(
    browser: Client, olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = day.order("ORD-1", olga)
    histories.read(order, History().go(["CheckOrderId"], stay=True))
    calls: list[object] = []
    monkeypatch.setattr(graph_layout, "lay_out", lambda *given: calls.append(given))
    monkeypatch.setattr(plain_drawing, "lay_out", lambda *given: calls.append(given))
    monkeypatch.setattr(workflow_graph, "graph_of", lambda *given: calls.append(given))

    page = html(browser, "/orders/ORD-1/")

    assert "mark-taken" in page
    assert calls == []


def test_what_is_not_drawn_yet_is_left_out(browser: Client, olga: User) -> None:
    order = day.order("ORD-1", olga)
    flow = histories.read(order, History().go(["CheckOrderId"], stay=True)).workflow
    Workflow.objects.filter(pk=flow.pk).update(drawing=None)

    assert "graph-svg" not in html(browser, "/orders/ORD-1/")


@pytest.mark.parametrize(
    "definition",
    [
        {}, [], {"States": []}, {"States": {}}, {"States": {"a": 1}}, {"StartAt": 5, "States": {"a": {}}},
        {"StartAt": "a", "States": {"a": {"Next": "a", "Branches": [{}, 1], "Iterator": []}}},
        {"StartAt": "a", "States": {f"s{n}": {"Next": f"s{n - 1}"} for n in range(400)}},
        nested(280),
        {"StartAt": "a", "States": {"a": {"Next": "b"}, "b": {"Next": "a"}, "c": {"Next": "c"}}},
    ],
)  # fmt: skip
def test_any_definition_is_drawn_or_left_out(browser: Client, olga: User, definition: Any) -> None:
    order = day.order("ORD-1", olga)
    flow = histories.read(order, History()).workflow
    assert flow is not None
    flow.drawing = stored_drawing.made(definition)
    flow.save()

    html(browser, "/orders/ORD-1/")
