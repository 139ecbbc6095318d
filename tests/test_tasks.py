"""Celery's tasks: each takes the id of a row and calls one function."""

from __future__ import annotations

from types import ModuleType
from typing import Any
from uuid import uuid4

import pytest

from approvals import bulk, tasks
from approvals.delivery import lanes
from approvals.polling import checking
from approvals.reconciliation import execution_history
from approvals.records import wake_ups


@pytest.mark.parametrize(
    ("task", "name", "module", "function"),
    [
        (tasks.deliver, wake_ups.DELIVER, lanes, "deliver_by_wake_up"),
        (tasks.check_queue, wake_ups.CHECK, checking, "check_and_store"),
        (tasks.read_execution, wake_ups.READ, execution_history, "read"),
        (tasks.run_bulk_job, wake_ups.BULK, bulk, "run"),
    ],
)
def test_a_task_calls_its_function_once_with_the_id_that_it_is_given(
    task: Any, name: str, module: ModuleType, function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []
    monkeypatch.setattr(module, function, given.append)
    row = uuid4()

    task(str(row))

    assert given == [row]
    assert task.name == name
