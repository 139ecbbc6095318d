"""The general check of the language: does this definition say what Amazon States Language can say?

`statelint` (Apache 2.0, kept, pure Python) checks it against the language's specification. What AWS
has added to that, and what CloudFormation fills in later, is put aside before it looks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from statelint.linter import Linter

from approvals.workflows.asl.states import Definition, pointer
from approvals.workflows.linting.rules import Found, Limits, Rule

# In AWS's language and not in the specification: keys of a Map and of its reader and writer.
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
# What the library has been seen to raise on values of a wrong type, where it should have told.
_STUMBLES = (AssertionError, AttributeError, KeyError, TypeError, ValueError, RecursionError)


def language(definition: Definition, _: Limits) -> Iterator[Found]:
    """What the general check says, each at the deepest place that it names."""
    try:
        problems = Linter.validate(_prepared(definition.body))
    except _STUMBLES as error:
        told = f"The general check cannot read this definition ({type(error).__name__}: {error})."
        yield Found("", told, "Some value has a wrong type; " + _FIX[0].lower() + _FIX[1:])
        return
    places = dict(_places(definition.body, "State Machine", ""))
    for problem in dict.fromkeys(problems):
        yield Found(_place(problem, places, definition), problem, _FIX)


def _prepared(value: Any, key: str = "") -> Any:
    """A copy that the specification can judge: without AWS's own keys, with stand-ins filled in."""
    if isinstance(value, list):
        return [_prepared(one, key) for one in value]
    if isinstance(value, dict):
        aside = _AWS_KEYS.get("Map" if value.get("Type") == "Map" else key, set())
        return {name: _prepared(one, name) for name, one in value.items() if name not in aside}
    return _filled_in(value, key) if isinstance(value, str) else value


def _filled_in(text: str, key: str) -> str | int:
    """What may stand at this key in the place of a substitution."""
    whole = _SUBSTITUTION.fullmatch(text)
    if whole and _NUMBERS.search(key):
        return 1
    if whole and key.endswith((".$", "Path")):
        return "$.substituted"
    return _SUBSTITUTION.sub("substituted:one", text) if key == "Resource" else text


def _places(value: Any, spelled: str, place: str) -> Iterator[tuple[str, str]]:
    """Every place as the library spells it, with its JSON Pointer."""
    yield spelled, place
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _places(inner, f"{spelled}.{name}", place + pointer(name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _places(inner, f"{spelled}[{index}]", place + pointer(index))


def _place(problem: str, places: dict[str, str], definition: Definition) -> str:
    """The longest place the sentence names; the library leaves `States` out for an unreached state."""
    near = [one for one in places if one in problem]
    named = [one for one in near if re.search(re.escape(one) + r"(?![\w.\[])", problem)]
    best = places[max(named, key=len)] if named else ""
    unreached = re.search(r"No transition found to state (.+)$", problem)
    if unreached:
        for state in definition.states:
            if unreached[1].endswith("." + state.name):
                return state.pointer
    return best


RULES = (Rule("asl", "It is Amazon States Language", language),)
