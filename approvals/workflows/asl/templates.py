"""Finds the workflow definitions in a template of CloudFormation or SAM.

What a template computes with `Ref`, `Fn::GetAtt`, `Fn::Sub` or `Fn::Join` becomes the text that it makes, in
which what is not known yet stands as `${Name}`, as in a definition with DefinitionSubstitutions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

# The property that has the type of a workflow, by the type of resource.
_TYPE_PROPERTY = {
    "AWS::Serverless::StateMachine": "Type",
    "AWS::StepFunctions::StateMachine": "StateMachineType",
}
_LITERAL = re.compile(r"\$\{!([^{}]*)\}")  # what Fn::Sub leaves as ${...}


@dataclass(frozen=True)
class TemplateWorkflow:
    """A workflow in a template: its logical id, whether it is EXPRESS, and its definition.

    The definition is an object, or the text of one (DefinitionString); None where it lies in another file,
    whose path, from the template's place, is then `file` if the template names one (DefinitionUri).
    """

    name: str
    express: bool
    definition: dict[str, Any] | str | None
    file: str


def is_template(document: Any) -> bool:
    """Whether a document is a template of CloudFormation or SAM and no definition."""
    return (
        isinstance(document, dict)
        and isinstance(document.get("Resources"), dict)
        and not isinstance(document.get("States"), dict)
    )


def is_description(document: Any) -> bool:
    """Whether a document is the answer of DescribeStateMachine, which has the definition as a text."""
    return (
        isinstance(document, dict)
        and isinstance(document.get("definition"), str)
        and "States" not in document
    )


def template_workflows(template: dict[str, Any]) -> Iterator[TemplateWorkflow]:
    """The workflows among the resources of a template, in its order."""
    for name, resource in template["Resources"].items():
        if not isinstance(resource, dict) or resource.get("Type") not in _TYPE_PROPERTY:
            continue
        found = resource.get("Properties")
        properties: dict[str, Any] = found if isinstance(found, dict) else {}
        definition = with_texts(properties.get("Definition") or properties.get("DefinitionString"))
        yield TemplateWorkflow(
            name,
            properties.get(_TYPE_PROPERTY[resource["Type"]]) == "EXPRESS",
            definition if isinstance(definition, dict | str) else None,
            file if isinstance(file := properties.get("DefinitionUri"), str) else "",
        )


def with_texts(value: Any) -> Any:
    """A value with each function of CloudFormation that makes a text replaced by that text."""
    if isinstance(value, list):
        return [with_texts(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    computed = _text(value)
    if computed is None:
        return {name: with_texts(inner) for name, inner in value.items()}
    return computed


def _text(value: dict[str, Any]) -> str | None:
    """The text that a function makes; None where the object is no such function."""
    if len(value) != 1:
        return None
    [(function, given)] = value.items()
    if function == "Ref" and isinstance(given, str):
        return f"${{{given}}}"
    if function == "Fn::GetAtt":
        return _attribute(given)
    if function == "Fn::Sub":
        text = given[0] if isinstance(given, list) and given else given
        return _LITERAL.sub(r"${\1}", text) if isinstance(text, str) else None
    return _joined(given) if function == "Fn::Join" else None


def _attribute(given: Any) -> str | None:
    parts = given if isinstance(given, list) else [given]
    return f"${{{'.'.join(parts)}}}" if all(isinstance(part, str) for part in parts) else None


def _joined(given: Any) -> str | None:
    """The text of Fn::Join; what no text can be made of, such as Fn::If, stands in it as `${name}`."""
    if not (isinstance(given, list) and len(given) == 2 and isinstance(given[1], list)):
        return None
    parts = [with_texts(part) for part in given[1]]
    return str(given[0]).join(part if isinstance(part, str) else "${Computed}" for part in parts)
