"""Reads YAML into the values of JSON; the short tags of CloudFormation become their long forms.

`!Ref X` is `{"Ref": "X"}`, `!Sub X` `{"Fn::Sub": "X"}`, as in CloudFormation's user guide (Intrinsic function
reference). Plain words are read by the core schema of YAML 1.2: `Next: Yes` names a state, and dates are
texts. Keys are texts. No Python object is made from a tag.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

MAX_CHARACTERS = 1_048_576  # AWS takes 1 MiB of a definition, and as much of a template
MAX_VALUES = 200_000  # with what aliases repeat counted each time: ten lines can stand for billions
_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"
_OF_JSON = frozenset(
    f"{_TAG}{kind}" for kind in ("null", "bool", "int", "float", "str", "seq", "map")
)


class UnreadableYaml(Exception):
    """The text is no YAML, or more than a definition can be; the message says where, without a full stop."""


def parse_yaml(text: str) -> Any:
    """The value of a YAML document, made of dict, list, str, int, float, bool and None.

    Raises UnreadableYaml: a syntax error, a key named twice, an unknown `!!` tag, an alias of what it is
    in, or more than MAX_CHARACTERS or MAX_VALUES.
    """
    if len(text) > MAX_CHARACTERS:
        raise UnreadableYaml(f"it has {len(text):,} characters, and {MAX_CHARACTERS:,} are read")
    try:
        return _parsed(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise UnreadableYaml(f"{error.problem or error.context}{place}") from error
    except yaml.YAMLError as error:  # a character that YAML does not have
        raise UnreadableYaml(" ".join(str(error).split())) from error
    except ValueError as error:  # a number of more digits than Python converts
        raise UnreadableYaml(str(error)) from error


def _parsed(text: str) -> Any:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _check_nodes(node)
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _check_nodes(root: yaml.Node) -> None:
    """Raises UnreadableYaml: too many values, an alias of what it is in, a key that is no text or stands twice."""
    sizes: dict[yaml.Node, int] = {}
    opened: set[yaml.Node] = set()
    waiting: list[tuple[yaml.Node, bool]] = [(root, False)]
    while waiting:
        node, is_done = waiting.pop()
        if is_done:
            opened.discard(node)
            sizes[node] = 1 + sum(sizes[inner] for inner in _inner(node))
            if sizes[node] > MAX_VALUES:
                raise UnreadableYaml(f"it has more than {MAX_VALUES:,} values")
        elif node in opened:
            raise UnreadableYaml(f"an alias stands for what it is in (line {_line(node)})")
        elif node not in sizes:
            _check_keys(node)
            opened.add(node)
            waiting.append((node, True))
            waiting += [(inner, False) for inner in _inner(node)]


def _check_keys(node: yaml.Node) -> None:
    """Raises UnreadableYaml where a key of an object is no text, or stands twice."""
    keys: set[str] = set()
    for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
        if not isinstance(key, yaml.ScalarNode):
            raise UnreadableYaml(f"a key is no text (line {_line(key)})")
        if key.value in keys and key.tag != _MERGE:
            raise UnreadableYaml(
                f"it names {key.value!r:.80} twice in one object (line {_line(key)})"
            )
        keys.add(key.value)


def _inner(node: yaml.Node) -> list[yaml.Node]:
    """The keys and values of an object, or the items of a list."""
    if isinstance(node, yaml.MappingNode):
        return [one for pair in node.value for one in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with CloudFormation's tags and the plain words of YAML 1.2."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    yaml_constructors = {
        tag: construct
        for tag, construct in yaml.SafeLoader.yaml_constructors.items()
        if tag is None or tag in _OF_JSON
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The object of a mapping, with its keys as they are written."""
        self.flatten_mapping(node)
        return {key.value: self.construct_object(value, deep=True) for key, value in node.value}


def _of_short_tag(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    """`!GetAtt A.Arn` and its like in their long form."""
    value: Any
    if isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_scalar(node)  # type: ignore[arg-type]
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


def _integer(loader: _Loader, node: yaml.ScalarNode) -> int:
    return int(loader.construct_scalar(node))


_Loader.add_multi_constructor("!", _of_short_tag)
_Loader.add_constructor(f"{_TAG}int", _integer)  # PyYAML's takes 010 for 8, and 1:30 for 90
# YAML 1.2, 10.3.2 Tag Resolution, by first character; `<<` is of 1.1, and templates use it.
for _kind, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["", *"~nN"]),
    ("bool", r"true|True|TRUE|false|False|FALSE", [*"tTfF"]),
    ("int", r"[-+]?[0-9]+", [*"-+0123456789"]),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", [*"-+.0123456789"]),
    ("merge", r"<<", ["<"]),
):
    _Loader.add_implicit_resolver(f"{_TAG}{_kind}", re.compile(rf"(?:{_pattern})\Z"), _first)
