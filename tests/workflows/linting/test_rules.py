"""Rules beyond the bugs of the textbook, their limits, and what must not be found, on small definitions."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from approvals.workflows.asl.parser import read_definition
from approvals.workflows.linting.linter import lint, unjudged
from approvals.workflows.linting.rule import QueueSettings
from tests.workflows.linting.definitions import (
    HERE,
    ORDERS,
    Body,
    definition,
    findings,
    waits,
    workflow,
)

ASK = "/States/Ask"
THROTTLES = [
    *("Lambda.ServiceException", "Lambda.AWSLambdaException"),
    *("Lambda.SdkClientException", "Lambda.TooManyRequestsException"),
]
PUT = "arn:aws:states:::dynamodb:putItem"


def function(**fields: Any) -> Body:
    """A Lambda without any fault."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:lambda:us-east-1:123456789012:function:weigh",
        "TimeoutSeconds": 30,
        "ResultPath": "$.weight",
        "Retry": [{"ErrorEquals": THROTTLES}],
        "Next": "Done",
    } | fields


def a_map(
    width: int | None, mode: str = "DISTRIBUTED", kind: str = "EXPRESS", **inside: Body
) -> Body:
    config = {"Mode": mode} | ({"ExecutionType": kind} if mode == "DISTRIBUTED" else {})
    states = inside or {"One": {"Type": "Pass", "End": True}}
    processor = {"ProcessorConfig": config, "StartAt": next(iter(states)), "States": states}
    found = {"Type": "Map", "ItemProcessor": processor, "ResultPath": "$.run", "Next": "Done"}
    return found | ({} if width is None else {"MaxConcurrency": width})


def test_a_review_and_a_function_without_fault_have_no_finding() -> None:
    plain = workflow(Weigh=function(Next="Ask"), Ask=waits())

    assert findings(definition(plain)) == []


def test_a_message_without_the_token_is_found() -> None:
    review = copy.deepcopy(waits())
    del review["Parameters"]["MessageBody"]["taskToken.$"]

    assert findings(definition(workflow(Ask=review))) == [("callback-token-missing", ASK)]


@pytest.mark.parametrize("name", ["States.ALL", "States.TaskFailed", "ReviewRejected"])
def test_a_retry_that_takes_a_rejection_is_found(name: str) -> None:
    review = waits(Retry=[{"ErrorEquals": [name]}])

    assert findings(definition(workflow(Ask=review))) == [("review-retries-rejection", ASK)]


def test_a_retry_of_what_failed_to_send_is_not() -> None:
    review = waits(Retry=[{"ErrorEquals": ["SQS.SdkClientException", "SQS.AmazonSQSException"]}])

    assert findings(definition(workflow(Ask=review))) == []


@pytest.mark.parametrize(
    ("seconds", "queue", "rule"),
    [
        (10, QueueSettings(undo_seconds=10), "review-timeout-below-undo"),
        (11, QueueSettings(undo_seconds=10), None),
        (345_599, QueueSettings(), None),
        (345_600, QueueSettings(), "review-outlives-retention"),
        (345_600, QueueSettings(retention_seconds=1_209_600), None),
    ],
)
def test_a_review_lasts_longer_than_the_undo_and_shorter_than_the_queue_keeps_it(
    seconds: int, queue: QueueSettings, rule: str | None
) -> None:
    body = workflow(Ask=waits(TimeoutSeconds=seconds)) | {"TimeoutSeconds": 9_999_999}

    place = f"{ASK}/TimeoutSeconds"
    assert findings(definition(body), queue) == ([(rule, place)] if rule else [])


@pytest.mark.parametrize(("beat", "found"), [(3_599, False), (3_600, True), (4_000, True)])
def test_a_heartbeat_is_faster_than_the_timeout(beat: int, found: bool) -> None:
    wanted = [("heartbeat-above-timeout", f"{ASK}/HeartbeatSeconds")] if found else []

    assert findings(definition(workflow(Ask=waits(HeartbeatSeconds=beat)))) == wanted


def test_express_cannot_wait_for_a_person_nor_longer_than_five_minutes() -> None:
    body = workflow(Ask=waits(TimeoutSeconds=300, Next="Rest"), Rest={
        "Type": "Wait", "Seconds": 301, "Next": "Done",
    }) | {"TimeoutSeconds": 301}  # fmt: skip

    assert findings(definition(body)) == []
    assert findings(definition(body, express=True)) == [
        ("express-cannot-wait", ASK),
        ("express-too-long", "/TimeoutSeconds"),
        ("express-too-long", "/States/Rest/Seconds"),
    ]


@pytest.mark.parametrize(
    "resource",
    [
        "arn:aws:states:::ecs:runTask.sync",
        "arn:aws:states:::states:startExecution.sync:2",
        "arn:aws:states:us-east-1:123456789012:activity:pack",
    ],
)
def test_what_an_express_child_cannot_do_is_found_in_it(resource: str) -> None:
    task = {"Type": "Task", "Resource": resource, "End": True}

    express = definition(workflow(All=a_map(9, Pack=task)))
    standard = definition(workflow(All=a_map(9, kind="STANDARD", Pack=task)))

    assert findings(express) == [
        ("express-cannot-wait", "/States/All/ItemProcessor/States/Pack"),
    ]
    assert findings(standard) == []


@pytest.mark.parametrize(
    ("width", "mode", "place"),
    [
        (None, "DISTRIBUTED", "/States/All"),
        (0, "DISTRIBUTED", "/States/All"),
        (10_001, "DISTRIBUTED", "/States/All/MaxConcurrency"),
        (41, "INLINE", "/States/All/MaxConcurrency"),
        (1_000, "DISTRIBUTED", None),
        (None, "INLINE", None),
    ],
)
def test_a_map_is_as_wide_as_somebody_chose(
    width: int | None, mode: str, place: str | None
) -> None:
    found = findings(definition(workflow(All=a_map(width, mode))))

    assert found == ([("map-concurrency", place)] if place else [])


def test_sizes_and_names_end_where_aws_ends_them() -> None:
    long = "N" * 81
    body = workflow(
        **{
            "Big": {"Type": "Pass", "Result": "x" * 262_143, "ResultPath": "$.x", "Next": long},
            long: a_map(9) | {"Label": "L" * 41, "Next": "Quit"},
            "Quit": {"Type": "Fail", "Error": "States.Mine", "Cause": "c" * 32_769},
        }
    )
    assert findings(definition(body)) == [
        ("size-limit", "/States/Big/Result"),
        ("name-limit", f"/States/{long}"),
        ("name-limit", f"/States/{long}/Label"),
        ("name-limit", "/States/Quit/Cause"),
        ("error-name-reserved", "/States/Quit/Error"),
    ]


def test_a_definition_larger_than_aws_takes_is_found() -> None:
    body = workflow(Ask=waits()) | {"Comment": "c" * 1_048_576}

    assert findings(definition(body)) == [("size-limit", "")]


def test_a_number_for_dynamodb_is_text() -> None:
    def put(number: Body) -> list[tuple[str, str]]:
        parameters = {"TableName": "orders", "Item": {"total": number}}
        row = {"Type": "Task", "Resource": PUT, "Parameters": parameters}
        return findings(definition(workflow(Put=row | {"ResultPath": None, "Next": "Done"})))

    place = "/States/Put/Parameters/Item/total"
    assert put({"N.$": "$.total"}) == [("dynamodb-number", f"{place}/N.$")]
    assert put({"N": 7}) == [
        ("dynamodb-number", f"{place}/N"),
    ]
    assert put({"N.$": "States.Format('{}', $.total)"}) == put({"N": "7"}) == []


@pytest.mark.parametrize(
    ("break_it", "place", "message"),
    [
        ({"Next": "Nowhere"}, "/States/Weigh/Next", 'No state found named "Nowhere"'),
        ({"End": True}, "/States/Weigh", "forbidden field"),
        ({"Seconds": 3}, "/States/Weigh", '"Seconds" not allowed'),
        ({"Catch": [{"ErrorEquals": []}]}, "/States/Weigh/Catch/0", "Next"),
        ({"Resource": "weigh"}, "/States/Weigh/Resource", "URI"),
        ({"Type": "Tusk"}, "/States/Weigh", "Tusk"),
    ],
)
def test_the_general_check_names_the_place(break_it: Body, place: str, message: str) -> None:
    found = lint(definition(workflow(Weigh=function(**break_it))))

    assert any(
        one.rule.id == "asl"
        and one.violation.pointer.startswith(place)
        and message in one.violation.reason
        for one in found
    ), found


def test_a_state_that_nothing_leads_to_is_found_at_its_place() -> None:
    body = workflow(Weigh=function())
    body["States"]["Lost"] = {"Type": "Pass", "Next": "Done"}

    assert ("asl", "/States/Lost") in findings(definition(body))


def test_a_loop_is_bounded_by_a_count_and_not_by_any_number() -> None:
    def loop(variable: str) -> list[tuple[str, str]]:
        more = {"Variable": variable, "NumericLessThan": 3, "Next": "Ask"}
        return findings(
            definition(
                workflow(
                    Start={"Type": "Pass", "Result": 0, "ResultPath": "$.round", "Next": "Ask"},
                    Ask=waits(Next="Count"),
                    Count={
                        "Type": "Pass",
                        "Parameters": {"n.$": "States.MathAdd($.round.n, 1)"},
                        "ResultPath": "$.round",
                        "Next": "Again",
                    },
                    Again={"Type": "Choice", "Choices": [more], "Default": "Done"},
                )
            )
        )

    assert loop("$.round.n") == []
    assert loop("$.total") == [("review-loop-unbounded", ASK)]


def in_jsonata(**fields: Any) -> Body:
    """The same review in JSONata."""
    message = {
        name.removesuffix(".$"): "{% $states.context." + path.removeprefix("$$.") + " %}"
        if isinstance(path, str)
        else path
        for name, path in waits()["Parameters"]["MessageBody"].items()
        if path != "$"
    }
    return {
        "Type": "Task",
        "Resource": waits()["Resource"],
        "TimeoutSeconds": 3_600,
        "Arguments": {"QueueUrl": "https://sqs.example/review", "MessageBody": message},
        "Output": "{% $merge([$states.input, {'review': $states.result}]) %}",
        "Catch": [
            {
                "ErrorEquals": ["ReviewRejected", "States.Timeout"],
                "Output": "{% $states.input %}",
                "Next": "Over",
            }
        ],
        "Next": "Done",
    } | fields


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


def wrongly_typed(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place in a document."""
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [path] * bool(path) + [
        found for key, one in inner for found in wrongly_typed(one, (*path, key))
    ]


ORDERS_BODY = json.loads(ORDERS.read_text())


@pytest.mark.parametrize("wrong", [None, 7, "text", [], {}, [1], {"a": []}], ids=repr)
def test_a_value_of_a_wrong_type_is_reported_and_never_raises(wrong: Any) -> None:
    places = [one for one in wrongly_typed(ORDERS_BODY) if one != ("States",)]
    for path in places[:: len(places) // 12]:
        body = copy.deepcopy(ORDERS_BODY)
        place = body
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = wrong

        lint(definition(body))
        unjudged(definition(body))
