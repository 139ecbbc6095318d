"""Rules on EXPRESS: what only a STANDARD workflow can do."""

from __future__ import annotations

import pytest

from tests.workflows.linting.definitions import ASK, a_map, definition, findings, waits, workflow


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
