"""The rule `asl`: checks a definition against the specification of the language, with the library `statelint`.

Before the check, fields that AWS has added to the specification are taken out, and values that
CloudFormation substitutes later are filled in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from statelint.linter import Linter

from approvals.workflows.asl.model import Definition, json_pointer
from approvals.workflows.linting.rule import QueueSettings, Rule, Violation

# Fields of AWS that the specification lacks: of a Map, of its reader and of its writer.
_AWS_KEYS = {
    "Map": {"Label"},
    "ReaderConfig": {
        *("InputType", "CSVHeaderLocation", "CSVHeaders", "CSVDelimiter", "ItemsPointer"),
        *("ManifestType", "Transformation"),
    },
    "ResultWriter": {"WriterConfig"},
}
_NUMBERS = re.compile(
    r"(Seconds|MaxAttempts|BackoffRate|MaxConcurrency|Percentage|Count|MaxItems|MaxItemsPerBatch"
    r"|MaxInputBytesPerBatch)$"
)
_SUBSTITUTION = re.compile(r"\$\{[^{}]+\}")
_FIX = "See the state's type in the language's specification (states-language.net)."
# What the library raises on some values of a wrong type, which it should have reported.
_LIBRARY_ERRORS = (AssertionError, AttributeError, KeyError, TypeError, ValueError, RecursionError)


def language_specification(definition: Definition, _: QueueSettings) -> Iterator[Violation]:
    """Yields each problem that the library reports, at the deepest place that its sentence names."""
    try:
        problems = Linter.validate(_prepared(definition.body))
    except _LIBRARY_ERRORS as error:
        reason = f"The general check cannot read this definition ({type(error).__name__}: {error})."
        yield Violation("", reason, "Some value has a wrong type; " + _FIX[0].lower() + _FIX[1:])
        return
    places = dict(_places(definition.body, "State Machine", ""))
    for problem in dict.fromkeys(problems):
        yield Violation(_place_of(problem, places, definition), problem, _FIX)


def _prepared(value: Any, key: str = "") -> Any:
    """A copy that the specification can judge: without AWS's own fields, substitutions filled in."""
    if isinstance(value, list):
        return [_prepared(item, key) for item in value]
    if isinstance(value, dict):
        left_out = _AWS_KEYS.get("Map" if value.get("Type") == "Map" else key, set())
        return {name: _prepared(item, name) for name, item in value.items() if name not in left_out}
    return _filled_in(value, key) if isinstance(value, str) else value


def _filled_in(text: str, key: str) -> str | int:
    """The text with a value that this key accepts in the place of each substitution."""
    whole = _SUBSTITUTION.fullmatch(text)
    if whole and _NUMBERS.search(key):
        return 1
    if whole and key.endswith((".$", "Path")):
        return "$.substituted"
    return _SUBSTITUTION.sub("substituted:one", text) if key == "Resource" else text


def _places(value: Any, notation: str, place: str) -> Iterator[tuple[str, str]]:
    """Every place in a value: in the library's notation (`State Machine.States.A`), and as JSON Pointer."""
    yield notation, place
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _places(inner, f"{notation}.{name}", place + json_pointer(name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _places(inner, f"{notation}[{index}]", place + json_pointer(index))


def _place_of(problem: str, places: dict[str, str], definition: Definition) -> str:
    """The longest place that the sentence names, as JSON Pointer; empty where it names none.

    For a state that nothing leads to, the library leaves `States` out of its notation.
    """
    contained = [place for place in places if place in problem]
    named = [place for place in contained if re.search(re.escape(place) + r"(?![\w.\[])", problem)]
    best = places[max(named, key=len)] if named else ""
    unreached = re.search(r"No transition found to state (.+)$", problem)
    if unreached:
        for state in definition.states:
            if unreached[1].endswith("." + state.name):
                return state.pointer
    return best


RULES = (Rule("asl", "It is Amazon States Language", language_specification),)
