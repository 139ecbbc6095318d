"""The table of verbs that are killed at every line, and which public verbs of approvals/actions it covers.

A public function of approvals/actions that no row covers makes a test red: a new verb is one new row.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

from approvals.actions import (
    assignment,
    batch_executions,
    batches,
    bulk_decisions,
    credentials,
    decisions,
    discussion,
    escalation,
    exports,
    intake,
    interventions,
    lifecycle,
    orders,
    people,
    postponement,
    preferences,
    quarantine,
    queues,
    redelivery,
    saved_views,
)
from tests.faults import (
    verbs_of_batches,
    verbs_of_bulk,
    verbs_of_decisions,
    verbs_of_operators,
    verbs_of_orders,
    verbs_of_reviews,
    verbs_of_setup,
)

MODULES: tuple[ModuleType, ...] = (
    assignment, batch_executions, batches, bulk_decisions, credentials, decisions, discussion, escalation, exports,
    intake, interventions, lifecycle, orders, people, postponement, preferences, quarantine, queues, redelivery,
    saved_views,
)  # fmt: skip


def public_verbs() -> dict[str, Callable[..., Any]]:
    """Every public function that a module of approvals/actions defines, by `module.function`."""
    return {
        f"{module.__name__.rpartition('.')[2]}.{function.__name__}": function
        for module in MODULES
        for _, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not function.__name__.startswith("_")
    }


def uncovered() -> set[str]:
    """Verbs without a row."""
    covered = {verb for row in ROWS for verb in row.covers}
    return set(public_verbs()) - covered


ROWS = [
    *verbs_of_reviews.ROWS,
    *verbs_of_decisions.ROWS,
    *verbs_of_setup.ROWS,
    *verbs_of_operators.ROWS,
    *verbs_of_orders.ROWS,
    *verbs_of_batches.ROWS,
    *verbs_of_bulk.ROWS,
]
