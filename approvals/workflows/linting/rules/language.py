"""The rule `asl`: what AWS refuses when a workflow with this definition is created.

The fields of each type of state lie in `states_language.json`, a JSON Schema (draft 2020-12) of our own
after the specification of the Amazon States Language (states-language.net) and the developer guide. Each
state is checked alone, by the entry for its type and query language. What CloudFormation completes later
(`${Name}`, `Ref`, `Fn::*`) and what JSONata computes is not judged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, ValidationError

from approvals.workflows.asl.expressions import is_completed_later
from approvals.workflows.asl.model import Definition, State, json_pointer
from approvals.workflows.linting.rule import QueueSettings, Rule, Violation
from approvals.workflows.linting.rules import language_texts, language_transitions

SCHEMA = Path(__file__).parents[1] / "states_language.json"
TYPES = ("Task", "Pass", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map")
_FIX = "See the state's type in the language's specification (states-language.net)."
_KINDS = {
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}


def language_specification(definition: Definition, _: QueueSettings) -> Iterator[Violation]:
    """Yields each place at which the definition is not Amazon States Language, machine by machine."""
    for machine in definition.machines:
        entry = "workflow" if machine is definition.root else "inner_machine"
        try:
            yield from _violations(machine.body, entry, machine.pointer, jsonata=machine.jsonata)
            for state in machine.states.values():
                yield from _of_state(state)
        except RecursionError:
            yield Violation(machine.pointer, "It is nested too deep to be checked.", _FIX)
        for pointer, reason in language_transitions.problems(machine):
            yield Violation(pointer, reason, _FIX)
    yield from _turned_back(definition)
    for pointer, reason in language_transitions.repeated_names(definition):
        yield Violation(pointer, reason, _FIX)


def _turned_back(definition: Definition) -> Iterator[Violation]:
    """Yields the states in JSONPath of a workflow in JSONata: AWS allows only the other way round."""
    for state in definition.states if definition.root.jsonata else ():
        if state.body.get("QueryLanguage") == "JSONPath":
            yield Violation(
                state.pointer + "/QueryLanguage",
                "A state cannot use JSONPath where the whole workflow uses JSONata.",
                "Leave QueryLanguage out at the top, and set it to JSONata in each state that uses it.",
            )


def _of_state(state: State) -> Iterator[Violation]:
    """Yields what is wrong with one state, its inner machines left out."""
    if state.type not in TYPES:
        if not _is_completed_later(state.body.get("Type"), jsonata=False):
            reason = f"Type {state.body.get('Type')!r:.80} is none of {', '.join(TYPES)}."
            yield Violation(state.pointer, reason, _FIX)
        return
    entry = f"{state.type}-{'JSONata' if state.jsonata else 'JSONPath'}"
    yield from _violations(state.body, entry, state.pointer, jsonata=state.jsonata)
    for pointer, reason in language_texts.problems(state):
        yield Violation(pointer, reason, _FIX)


@lru_cache(maxsize=32)
def _validator(entry: str) -> Draft202012Validator:
    """The validator of one entry of the schema's `$defs`."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return Draft202012Validator(schema | {"$ref": f"#/$defs/{entry}"})


def _violations(
    body: dict[str, Any], entry: str, pointer: str, *, jsonata: bool
) -> Iterator[Violation]:
    """Yields what the schema's entry finds wrong in a machine or a state, each at its place."""
    for error in _validator(entry).iter_errors(body):
        if _is_completed_later(error.instance, jsonata=jsonata):
            continue
        place = pointer + json_pointer(*error.absolute_path)
        if error.validator == "additionalProperties":
            yield from _unknown_fields(error, entry, place)
        else:
            yield Violation(place, _sentence(error, entry), _FIX)


def _unknown_fields(error: ValidationError, entry: str, place: str) -> Iterator[Violation]:
    """Yields each field that the schema does not list, at its own place."""
    for name in _unlisted(error):
        if not is_completed_later(name) and not name.startswith("Fn::"):
            reason = f"{name!r:.80} is no field here ({entry.replace('-', ' in ')})."
            yield Violation(place + json_pointer(name), reason, _FIX)


def _unlisted(error: ValidationError) -> list[str]:
    """The fields of an object that neither `properties` nor `patternProperties` of its schema has."""
    properties = _keyword(error, "properties", {})
    patterns = _keyword(error, "patternProperties", {})
    fields: dict[str, Any] = _instance(error)
    return [
        name
        for name in fields
        if name not in properties and not any(re.search(one, name) for one in patterns)
    ]


def _keyword(error: ValidationError, name: str, default: Any) -> Any:
    """The value of another keyword beside the one that failed."""
    return error.schema.get(name, default) if isinstance(error.schema, dict) else default


def _instance(error: ValidationError) -> Any:
    """The value that the schema refuses; the library types it as one that may be unset."""
    return error.instance


def _sentence(error: ValidationError, entry: str) -> str:
    """What is wrong, in one sentence, without the value itself where that may be long."""
    stated = str(_keyword(error, "message", ""))
    if stated:
        return f"{stated[0].upper()}{stated[1:]} ({entry.replace('-', ' in ')})."
    if error.validator == "required":
        missing = ", ".join(key for key in _wanted(error) if key not in _instance(error))
        return f"{missing} is missing ({entry.replace('-', ' in ')})."
    name = next((str(key) for key in reversed(error.absolute_path) if isinstance(key, str)), "It")
    return f"{name} {_demand(str(error.validator), _wanted(error))}."


def _wanted(error: ValidationError) -> Any:
    """The value of the keyword that failed."""
    return error.validator_value


def _demand(keyword: str, wanted: Any) -> str:
    """What a keyword of the schema demands of a value, as the rest of a sentence."""
    if keyword == "type":
        kinds = [wanted] if isinstance(wanted, str) else wanted
        return f"must be {' or '.join(_KINDS[kind] for kind in kinds)}"
    if keyword == "enum":
        return f"must be {' or '.join(wanted)}"
    if keyword in ("minimum", "maximum"):
        return f"must be at {'least' if keyword == 'minimum' else 'most'} {wanted}"
    return "is empty"


def _is_completed_later(value: Any, *, jsonata: bool) -> bool:
    """Whether the value is known only when CloudFormation or JSONata has computed it."""
    if isinstance(value, str):
        return is_completed_later(value) or (jsonata and value.startswith("{%"))
    if isinstance(value, dict) and len(value) == 1:
        name = str(next(iter(value)))
        return name == "Ref" or name.startswith("Fn::")
    return False


RULES = (Rule("asl", "It is Amazon States Language", language_specification),)
