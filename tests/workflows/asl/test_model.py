"""The model of a definition: where its states are, what they are, and where each of them leads."""

from __future__ import annotations

import pytest

from approvals.workflows.asl.model import Definition, json_pointer, texts
from tests.workflows.linting.definitions import Body, a_map, definition, function, waits, workflow


def test_a_pointer_escapes_what_separates_its_parts() -> None:
    assert json_pointer("States", "a/b~c", 0) == "/States/a~1b~0c/0"
    assert json_pointer() == ""


def test_every_state_of_every_machine_has_its_place() -> None:
    branch: Body = {"StartAt": "Left", "States": {"Left": {"Type": "Pass", "End": True}}}
    body = workflow(Both={"Type": "Parallel", "Branches": [branch], "Next": "All"}, All=a_map(9))

    found = definition(body)

    assert [state.pointer for state in found.states] == [
        "/States/Both",
        "/States/All",
        "/States/Done",
        "/States/Both/Branches/0/States/Left",
        "/States/All/ItemProcessor/States/One",
    ]
    assert found.root.start is found.states[0]


def test_transitions_are_in_the_order_in_which_they_are_tried() -> None:
    rule = {"Variable": "$.n", "NumericLessThan": 3, "Next": "A"}
    catch = {"ErrorEquals": ["E", "F"], "Next": "C"}
    state = definition(
        workflow(Pick={"Type": "Choice", "Catch": [catch], "Default": "B", "Choices": [rule]})
    ).states[0]

    assert [(one.kind, one.target, one.pointer) for one in state.transitions] == [
        ("choice", "A", "/States/Pick/Choices/0"),
        ("default", "B", "/States/Pick/Default"),
        ("catch", "C", "/States/Pick/Catch/0"),
    ]
    assert [one.errors for one in state.transitions] == [set(), set(), {"E", "F"}]
    assert state.caught_errors == {"E", "F"}


@pytest.mark.parametrize(
    ("resource", "is_lambda"),
    [
        ("arn:aws:lambda:us-east-1:123456789012:function:weigh", True),
        ("arn:aws:states:::lambda:invoke", True),
        ("arn:aws:states:::lambda:invoke.waitForTaskToken", True),
        ("arn:aws:states:::aws-sdk:lambda:invoke", True),
        ("arn:aws:states:::aws-sdk:lambda:getFunction", False),
        ("arn:${AWS::Partition}:lambda:${AWS::Region}:1:function:weigh", True),
        ("${WeighFunction}", True),
        ("${PackActivity}", False),
        ("arn:aws:states:::sqs:sendMessage", False),
    ],
)
def test_a_function_is_known_by_its_resource(resource: str, is_lambda: bool) -> None:
    state = definition(workflow(Weigh=function(Resource=resource))).states[0]

    assert state.is_lambda == is_lambda


@pytest.mark.parametrize(
    ("payload", "is_lambda"),
    [({"TopicArn": "t"}, False), ({"TableName.$": "$.t"}, False), ({"order.$": "$"}, True)],
)
def test_a_substitution_with_the_payload_of_another_service_is_no_function(
    payload: Body, is_lambda: bool
) -> None:
    state = definition(workflow(A=function(Resource="${Act}", Parameters=payload))).states[0]

    assert state.is_lambda == is_lambda


def test_a_review_waits_for_the_answer_to_a_message() -> None:
    asks = definition(workflow(Ask=waits())).states[0]
    job = definition(workflow(Ask=waits(Resource="arn:aws:states:::ecs:runTask.waitForTaskToken")))

    assert asks.is_review
    assert (job.states[0].waits_for_token, job.states[0].is_review) == (True, False)


def test_a_query_language_holds_inside_until_a_state_has_its_own() -> None:
    inner: Body = {"Type": "Pass", "QueryLanguage": "JSONPath", "End": True}
    body = workflow(All=a_map(9, One={"Type": "Pass", "Next": "Two"}, Two=inner))

    found = definition(body | {"QueryLanguage": "JSONata"})

    assert {state.name: state.jsonata for state in found.states} == {
        "All": True, "Done": True, "One": True, "Two": False,
    }  # fmt: skip


def test_only_the_children_of_an_express_map_are_express() -> None:
    found = definition(workflow(All=a_map(9), Rest=a_map(9, kind="STANDARD")))

    assert [(one.pointer, one.express) for one in found.machines] == [
        ("", False),
        ("/States/All/ItemProcessor", True),
        ("/States/Rest/ItemProcessor", False),
    ]


@pytest.mark.parametrize("document", [None, [], "x", {"States": 7}, {"States": {"A": None}}])
def test_what_is_no_definition_has_no_states(document: object) -> None:
    found = Definition.of_document(document)

    assert (found.states, found.root.start) == ([], None)


def test_texts_are_found_at_any_depth_and_keys_are_none() -> None:
    assert list(texts({"a": ["b", {"c": "d"}], "e": 7, "f": None})) == ["b", "d"]
