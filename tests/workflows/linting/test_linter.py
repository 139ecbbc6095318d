"""All rules together: what has no fault has no finding, in both query languages, and nothing makes them fail."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from approvals.workflows.asl.parser import read_definition
from approvals.workflows.linting.linter import lint, unjudged
from tests.workflows.linting.definitions import (
    ASK,
    HERE,
    ORDERS,
    PUT,
    definition,
    findings,
    function,
    in_jsonata,
    waits,
    workflow,
)


def test_a_review_and_a_function_without_fault_have_no_finding() -> None:
    plain = workflow(Weigh=function(Next="Ask"), Ask=waits())

    assert findings(definition(plain)) == []


def test_jsonata_has_no_finding_by_a_rule_of_jsonpath_and_a_note() -> None:
    body = workflow(
        Ask=in_jsonata(Next="Both"),
        Both={
            "Type": "Parallel",
            "Branches": [{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}],
            "Next": "Put",
        },
        Put={
            "Type": "Task",
            "Resource": PUT,
            "Arguments": {"TableName": "orders", "Item": {"n": {"N": "{% $string($n) %}"}}},
            "Next": "Done",
        },
    ) | {"QueryLanguage": "JSONata"}
    one = definition(body)

    assert findings(one) == []
    [note] = unjudged(one)
    assert note.startswith("6 of 6 states speak JSONata")


def test_what_holds_in_both_languages_is_found_in_jsonata_too() -> None:
    review = copy.deepcopy(in_jsonata(QueryLanguage="JSONata"))
    del review["Arguments"]["MessageBody"]["taskToken"]
    del review["Arguments"]["MessageBody"]["stateName"]

    assert findings(definition(workflow(Ask=review))) == [
        ("review-uncorrelated", ASK),
        ("callback-token-missing", ASK),
    ]


def test_a_distributed_map_with_everything_has_no_finding() -> None:
    assert findings(read_definition(HERE / "daily.asl.json")) == []


def places_of(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The keys and indexes of every value in a document."""
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [path] * bool(path) + [
        found for key, one in inner for found in places_of(one, (*path, key))
    ]


ORDERS_BODY = json.loads(ORDERS.read_text())


@pytest.mark.parametrize("wrong", [None, 7, "text", [], {}, [1], {"a": []}], ids=repr)
def test_a_value_of_a_wrong_type_is_reported_and_never_raises(wrong: Any) -> None:
    places = [one for one in places_of(ORDERS_BODY) if one != ("States",)]
    for path in places[:: len(places) // 12]:
        body = copy.deepcopy(ORDERS_BODY)
        place = body
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = wrong

        lint(definition(body))
        unjudged(definition(body))
