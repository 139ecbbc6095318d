"""The shipped templates as Python sees them: resources, and what each policy and role allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from tests.paths import ROOT


class _Loader(yaml.SafeLoader):
    """Reads `!Ref X` as {"Ref": "X"} and `!Sub x` as {"Fn::Sub": "x"}, as CloudFormation does."""


def _function(loader: _Loader, suffix: str, node: yaml.Node) -> Any:
    name = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _function)


@cache
def load(name: str = "template.yaml") -> dict[str, Any]:
    """A template of deploy/, shared by all tests: to change it, take a copy."""
    text = (ROOT / "deploy" / name).read_text()
    found: dict[str, Any] = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    return found


def of_type(template: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """The properties of all resources of a type, by their names in the template."""
    found = template["Resources"].items()
    return {name: row.get("Properties", {}) for name, row in found if row["Type"] == kind}


@dataclass(frozen=True)
class Permission:
    """One action on one resource; the resource is as the template spells it, in one line."""

    action: str
    resource: str


def permissions(document: Any) -> set[Permission]:
    """What a policy document allows."""
    return {
        Permission(action, spelt(resource))
        for statement in _listed(document["Statement"])
        for action in _listed(statement["Action"])
        for resource in _listed(statement["Resource"])
    }


def granted(template: Mapping[str, Any], role: str) -> set[Permission]:
    """What a role's own and managed policies allow together."""
    properties = template["Resources"][role]["Properties"]
    found: set[Permission] = set()
    for inline in properties.get("Policies", []):
        found |= permissions(inline["PolicyDocument"])
    for name in _managed(properties):
        found |= permissions(template["Resources"][name]["Properties"]["PolicyDocument"])
    return found


def _managed(properties: Mapping[str, Any]) -> Iterator[str]:
    for arn in properties.get("ManagedPolicyArns", []):
        yield arn["Ref"] if "Ref" in arn else arn["Fn::If"][1]["Ref"]


def actions(permitted: set[Permission]) -> set[str]:
    """The actions alone."""
    return {each.action for each in permitted}


def spelt(resource: Any) -> str:
    """`!GetAtt X.Arn` as `X.Arn`, `!Ref X` as `X`, `!Sub text` as its text."""
    if isinstance(resource, dict):
        (value,) = resource.values()
        return ".".join(value) if isinstance(value, list) else str(value)
    return str(resource)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
