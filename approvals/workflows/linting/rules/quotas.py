"""Rules on the quotas that a definition can break by itself: its size, its names, and a Map's concurrency.

The numbers are those of the developer guide (Service quotas, Map workflow state) and the API reference.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from approvals.workflows.asl.model import Definition
from approvals.workflows.linting.rule import QueueSettings, Rule, Violation

DEFINITION_BYTES = 1_048_576
PAYLOAD_BYTES = 262_144
NAME, LABEL, ERROR, CAUSE = 80, 40, 256, 32_768  # characters at most
INLINE, DISTRIBUTED = 40, 10_000  # iterations, or child executions, that AWS runs at a time


def too_large(definition: Definition, _: QueueSettings) -> Iterator[Violation]:
    """Yields a definition, or the Result of a Pass state, that is larger than AWS takes."""
    if definition.size > DEFINITION_BYTES:
        yield Violation(
            "",
            f"The definition has {definition.size:,} bytes; AWS takes {DEFINITION_BYTES:,}.",
            "Move a part into a workflow of its own and start it with states:startExecution.",
        )
    for state in definition.states:
        size = len(json.dumps(state.body.get("Result"), ensure_ascii=False).encode())
        if size > PAYLOAD_BYTES:
            yield Violation(
                state.pointer + "/Result",
                f"The result has {size:,} bytes; a payload ends at {PAYLOAD_BYTES:,}.",
                "Keep the data in S3 and pass its key.",
            )


def name_too_long(definition: Definition, _: QueueSettings) -> Iterator[Violation]:
    """Yields names of states, labels of Maps, and errors and causes of Fail states that are too long."""
    for state in definition.states:
        limited: list[tuple[str, Any, int, str]] = [("The name", state.name, NAME, "")]
        if state.type == "Map":
            limited.append(("The Label", state.body.get("Label"), LABEL, "/Label"))
        if state.type == "Fail":
            limited.append(("Error", state.body.get("Error"), ERROR, "/Error"))
            limited.append(("Cause", state.body.get("Cause"), CAUSE, "/Cause"))
        for what, text, most, place in limited:
            if isinstance(text, str) and len(text) > most:
                yield Violation(
                    state.pointer + place,
                    f"{what} has {len(text)} characters; AWS takes {most}.",
                    "Shorten it.",
                )


def error_reserved(definition: Definition, _: QueueSettings) -> Iterator[Violation]:
    """Yields the Fail states that raise an error which AWS reserves for itself: `States.*`."""
    for state in definition.states:
        name = state.body.get("Error")
        if state.type == "Fail" and isinstance(name, str) and name.startswith("States."):
            yield Violation(
                state.pointer + "/Error",
                f"{name} is reserved: only Step Functions may fail with States.*.",
                "Give the error a name of your own.",
            )


def concurrency_unbounded(definition: Definition, _: QueueSettings) -> Iterator[Violation]:
    """Yields the Maps that set no MaxConcurrency (distributed), or a larger one than AWS runs."""
    for state in definition.states:
        if state.type != "Map" or "MaxConcurrencyPath" in state.body:
            continue
        width = state.body.get("MaxConcurrency", 0)
        most = DISTRIBUTED if state.is_distributed else INLINE
        if state.is_distributed and width == 0:
            yield Violation(
                state.pointer,
                f"Without MaxConcurrency up to {DISTRIBUTED:,} children run at once, and everything"
                " they call meets them all.",
                'Set "MaxConcurrency" to what the systems behind can take, for example 1000.',
            )
        elif isinstance(width, int) and width > most:
            yield Violation(
                state.pointer + "/MaxConcurrency",
                f"MaxConcurrency is {width:,}; AWS runs {most:,} at most.",
                f"Set {most:,} or less"
                + ("." if state.is_distributed else ', or "Mode": "DISTRIBUTED".'),
            )


RULES = (
    Rule("size-limit", "Definition and data fit", too_large),
    Rule("name-limit", "Names fit", name_too_long),
    Rule("error-name-reserved", "Error names are ours", error_reserved),
    Rule("map-concurrency", "A Map's width is chosen", concurrency_unbounded),
)
