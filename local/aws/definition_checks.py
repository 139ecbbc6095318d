"""Errors of a definition that AWS refuses when a state machine is created and moto accepts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from local.aws.definition_parsing import is_distributed, processor_of

_ENDINGS = {"Choice", "Succeed", "Fail"}


def refusal(definition: str, kind: str) -> str | None:
    """Return why AWS would refuse `definition` for a state machine of this type, or None.

    Only what moto does not check: transitions to a state that is not there, states that are not
    reachable, waiting integrations and distributed Maps in an EXPRESS workflow or EXPRESS children,
    and a distributed Map without ExecutionType. moto reports invalid JSON.
    """
    try:
        machine = json.loads(definition)
    except ValueError:
        return None
    if not isinstance(machine, dict):
        return "INVALID_JSON_DESCRIPTION: The state machine definition must be a JSON object"
    found = [*_problems(machine, ""), *(_express_problems(machine) if kind == "EXPRESS" else ())]
    return ", ".join(found) or None


def _problems(machine: dict[str, Any], path: str) -> Iterator[str]:
    states = machine.get("States")
    if not isinstance(states, dict):
        yield f"SCHEMA_VALIDATION_FAILED: Field 'States' is required at {path or '/'}"
        return
    yield from _transition_problems(machine, path)
    for name, state in states.items():
        here = f"{path}/States/{name}"
        if state.get("Type") not in _ENDINGS and not (state.get("Next") or state.get("End")):
            yield f"SCHEMA_VALIDATION_FAILED: These fields are required: [Next] or [End] at {here}"
        yield from _children_problems(state, here)
        for place, inner in _inner_machines(state):
            yield from _problems(inner, f"{here}{place}")


def _transition_problems(machine: dict[str, Any], path: str) -> Iterator[str]:
    states = machine["States"]
    transitions = [(f"{path}/StartAt", machine.get("StartAt"))]
    for name, state in states.items():
        transitions += [(f"{path}/States/{name}{at}", target) for at, target in _targets(state)]
    for place, target in transitions:
        if target not in states:
            yield f"MISSING_TRANSITION_TARGET: Missing 'Next' target: {target} at {place}"
    reached = {target for _, target in transitions}
    for name in states:
        if name not in reached:
            at = f"{path}/States/{name}"
            yield f'MISSING_TRANSITION_TARGET: State "{name}" is not reachable. at {at}'


def _targets(state: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for field in ("Next", "Default"):
        if field in state:
            yield f"/{field}", state[field]
    for field in ("Catch", "Choices"):
        for number, rule in enumerate(state.get(field, [])):
            if "Next" in rule:
                yield f"/{field}[{number}]/Next", rule["Next"]


def _inner_machines(state: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, branch in enumerate(state.get("Branches", [])):
        yield f"/Branches[{number}]", branch
    for field in ("Iterator", "ItemProcessor"):
        if field in state:
            yield f"/{field}", state[field]


def _children_problems(state: dict[str, Any], path: str) -> Iterator[str]:
    if not is_distributed(state):
        return
    kind = processor_of(state)["ProcessorConfig"].get("ExecutionType")
    if kind not in {"STANDARD", "EXPRESS"}:
        yield (
            f"SCHEMA_VALIDATION_FAILED: ExecutionType must be STANDARD or EXPRESS "
            f"at {path}/ItemProcessor/ProcessorConfig"
        )
    if kind == "EXPRESS":
        yield from _express_problems(processor_of(state), f"{path}/ItemProcessor")


def _express_problems(machine: dict[str, Any], path: str = "") -> Iterator[str]:
    for name, state in machine.get("States", {}).items():
        resource = str(state.get("Resource", ""))
        for pattern in (".waitForTaskToken", ".sync"):
            if pattern in resource:
                yield (
                    f"SCHEMA_VALIDATION_FAILED: Express state machine does not support "
                    f"'{pattern}' service integration at {path}/States/{name}/Resource"
                )
        if is_distributed(state):
            yield (
                f"SCHEMA_VALIDATION_FAILED: Express state machine does not support "
                f"DISTRIBUTED mode at {path}/States/{name}"
            )
        for place, inner in _inner_machines(state):
            yield from _express_problems(inner, f"{path}/States/{name}{place}")
