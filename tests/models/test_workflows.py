"""Workflow definitions: kept once a revision, and read as JSON if they are any."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.models import Workflow
from tests.models.constraints import again, assert_refused

MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:orders"


@pytest.mark.parametrize(
    ("definition", "document"),
    [('{"StartAt": "A"}', {"StartAt": "A"}), ("{half", None), ("[" * 100_000, None)],
    ids=["JSON", "no JSON", "too deep"],
)
def test_a_definition_is_a_document_if_it_is_json(definition: str, document: Any) -> None:
    assert Workflow(definition=definition).document == document


@pytest.mark.django_db
def test_a_revision_is_kept_once_and_a_machine_that_is_made_anew_has_another_first_one() -> None:
    row = Workflow.objects.create(state_machine_arn=MACHINE, digest=b"1" * 32, definition="{}")

    assert_refused("workflow_revision_kept_once", lambda: again(row))
    again(row, digest=b"2" * 32)

    assert Workflow.objects.count() == 2
