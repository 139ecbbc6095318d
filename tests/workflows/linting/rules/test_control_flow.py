"""Rules on control flow: loops, and errors that go where they should not."""

from __future__ import annotations

from tests.workflows.linting.definitions import (
    ASK,
    Body,
    definition,
    findings,
    function,
    waits,
    workflow,
)


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


def test_a_notice_is_a_fault_only_beside_other_work() -> None:
    notice: Body = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sns:publish",
        "Parameters": {"TopicArn": "t", "Message": "m"},
        "End": True,
    }

    look = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:support:describeCases"}
    assert findings(definition(workflow(Tell=notice))) == []
    assert findings(definition(workflow(Look=look | {"Next": "Tell"}, Tell=notice))) == []
    assert findings(definition(workflow(Weigh=function(Next="Tell"), Tell=notice))) == [
        ("notice-decides-outcome", "/States/Tell")
    ]
