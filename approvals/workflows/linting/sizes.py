"""Rules of size and name, and of a Map's width: the quotas a definition can break by itself.

Numbers from the developer guide's service quotas and Map state pages, and the API's own model.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from approvals.workflows.asl.states import Definition
from approvals.workflows.linting.rules import Found, Limits, Rule

DEFINITION_BYTES = 1_048_576
PAYLOAD_BYTES = 262_144
NAME, LABEL, ERROR, CAUSE = 80, 40, 256, 32_768  # characters
INLINE, DISTRIBUTED = 40, 10_000  # iterations or children at a time


def too_large(definition: Definition, _: Limits) -> Iterator[Found]:
    """The definition, and what a Pass state hands out."""
    if definition.size > DEFINITION_BYTES:
        yield Found(
            "",
            f"The definition has {definition.size:,} bytes; AWS takes {DEFINITION_BYTES:,}.",
            "Move a part into a workflow of its own and start it with states:startExecution.",
        )
    for state in definition.states:
        size = len(json.dumps(state.body.get("Result"), ensure_ascii=False).encode())
        if size > PAYLOAD_BYTES:
            yield Found(
                state.pointer + "/Result",
                f"The result has {size:,} bytes; a payload ends at {PAYLOAD_BYTES:,}.",
                "Keep the data in S3 and pass its key.",
            )


def name_too_long(definition: Definition, _: Limits) -> Iterator[Found]:
    """Names of states, labels of Maps, and what a Fail says."""
    for state in definition.states:
        said: list[tuple[str, Any, int, str]] = [("The name", state.name, NAME, "")]
        if state.type == "Map":
            said.append(("The Label", state.body.get("Label"), LABEL, "/Label"))
        if state.type == "Fail":
            said.append(("Error", state.body.get("Error"), ERROR, "/Error"))
            said.append(("Cause", state.body.get("Cause"), CAUSE, "/Cause"))
        for what, text, most, place in said:
            if isinstance(text, str) and len(text) > most:
                yield Found(
                    state.pointer + place,
                    f"{what} has {len(text)} characters; AWS takes {most}.",
                    "Shorten it.",
                )


def error_reserved(definition: Definition, _: Limits) -> Iterator[Found]:
    """`States.` belongs to AWS."""
    for state in definition.states:
        name = state.body.get("Error")
        if state.type == "Fail" and isinstance(name, str) and name.startswith("States."):
            yield Found(
                state.pointer + "/Error",
                f"{name} is reserved: only Step Functions may fail with States.*.",
                "Give the error a name of your own.",
            )


def map_too_wide(definition: Definition, _: Limits) -> Iterator[Found]:
    """A Map runs as wide as it may."""
    for state in definition.states:
        if state.type != "Map" or "MaxConcurrencyPath" in state.body:
            continue
        width = state.body.get("MaxConcurrency", 0)
        most = DISTRIBUTED if state.is_distributed else INLINE
        if state.is_distributed and width == 0:
            yield Found(
                state.pointer,
                f"Without MaxConcurrency up to {DISTRIBUTED:,} children run at once, and everything"
                " they call meets them all.",
                'Set "MaxConcurrency" to what the systems behind can take, for example 1000.',
            )
        elif isinstance(width, int) and width > most:
            yield Found(
                state.pointer + "/MaxConcurrency",
                f"MaxConcurrency is {width:,}; AWS runs {most:,} at most.",
                f"Set {most:,} or less"
                + ("." if state.is_distributed else ', or "Mode": "DISTRIBUTED".'),
            )


RULES = (
    Rule("size-limit", "Definition and data fit", too_large),
    Rule("name-limit", "Names fit", name_too_long),
    Rule("error-name-reserved", "Error names are ours", error_reserved),
    Rule("map-concurrency", "A Map's width is chosen", map_too_wide),
)
