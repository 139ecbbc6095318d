"""Targets, unreachable states, names and `States.ALL`, in machines inside one another too."""

from __future__ import annotations

from tests.workflows.linting.definitions import Body, definition, findings, workflow


def general(body: Body) -> list[str]:
    """The places of the findings of the general check."""
    return [place for rule, place in findings(definition(body)) if rule == "asl"]


def both(states: Body, start: str) -> Body:
    """A Parallel of one branch."""
    return {"Type": "Parallel", "Branches": [{"StartAt": start, "States": states}], "End": True}


PASS: Body = {"Type": "Pass", "End": True}


def test_a_start_that_does_not_exist_is_one_finding() -> None:
    assert general({"StartAt": "B", "TimeoutSeconds": 9, "States": {"A": PASS}}) == ["/StartAt"]


def test_a_target_in_another_machine_does_not_exist() -> None:
    inner = {"In": {"Type": "Pass", "Next": "Out"}}
    body = workflow(Both=both(inner, "In") | {"Next": "Out", "End": False}, Out=PASS)

    assert general(body) == ["/States/Both/Branches/0/States/In/Next"]


def test_a_target_that_is_completed_later_may_be_any_state() -> None:
    body = workflow(A={"Type": "Pass", "Next": "${After}"}, B=PASS)

    assert general(body) == []


def test_a_name_is_used_once_in_the_whole_definition() -> None:
    body = workflow(Both=both({"Both": PASS}, "Both"))

    assert general(body) == ["/States/Both/Branches/0/States/Both"]


def test_catch_all_stands_alone_and_last() -> None:
    def caught(*rules: list[str]) -> list[str]:
        catch = [{"ErrorEquals": names, "Next": "B"} for names in rules]
        return general(workflow(A=both({"In": PASS}, "In") | {"Catch": catch}, B=PASS))

    assert caught(["E"], ["States.ALL"]) == []
    assert caught(["States.ALL"], ["E"]) == ["/States/A/Catch/0/ErrorEquals"]
    assert caught(["E", "States.ALL"]) == ["/States/A/Catch/0/ErrorEquals"]
