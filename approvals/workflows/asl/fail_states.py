"""Which errors a workflow raises by itself, in its Fail states."""

from __future__ import annotations

from typing import Any

from approvals.workflows.asl.model import Definition


def fail_state_errors(document: Any) -> frozenset[str]:
    """The Error of every Fail state of a parsed definition, at any depth of Parallel and Map.

    A redrive enters the state again in which an execution failed (developer guide, Redriving state
    machine executions). Where that is a Fail state, it fails again with the same error.
    """
    return frozenset(
        state.body["Error"]
        for state in Definition.of_document(document).states
        if state.type == "Fail" and isinstance(state.body.get("Error"), str)
    )
