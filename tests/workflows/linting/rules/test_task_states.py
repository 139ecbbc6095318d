"""Rules on Task states."""

from __future__ import annotations

from tests.workflows.linting.definitions import PUT, Body, definition, findings, workflow


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
