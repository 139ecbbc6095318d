"""An execution on the page of its order: its steps in pages, and the workflow in words."""

from __future__ import annotations

import json
import re

import pytest
from django.test import Client

from approvals.models import ExecutionHistory, User
from approvals.web.execution_view import PROBLEMS, ExecutionView, problem_of, view_of
from tests import histories
from tests.browser import orders as day
from tests.histories import History
from tests.web.pages import html
from tests.web.test_graph_layout import dense

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
    flow.definition = definition.replace('"c0"', '"CheckOrderId"').replace('"c1"', '"OpenOrder"')
    flow.save()

    page = html(browser, "/orders/ORD-1/")

    assert "too many transitions to be drawn" in page
    assert "<li><bdi>CheckOrderId</bdi>: taken</li>" in page
    assert "<li><bdi>OpenOrder</bdi>: taken, is here now</li>" in page
    assert "<li><bdi>c119</bdi>: not taken</li>" in page
