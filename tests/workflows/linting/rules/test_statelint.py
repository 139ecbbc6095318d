"""The rule `asl`: what breaks the specification is found at its place."""

from __future__ import annotations

import pytest

from approvals.workflows.linting.linter import lint
from tests.workflows.linting.definitions import Body, definition, findings, function, workflow


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
