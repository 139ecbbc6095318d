"""Parses the file of a workflow definition; a file that cannot be parsed gives one sentence with its line.

The file is JSON, or YAML where its name ends with .yaml or .yml; or a template of CloudFormation or SAM with
definitions in it, or what `aws stepfunctions describe-state-machine` prints. A definition that CloudFormation
completes (`DefinitionSubstitutions`) is parsed as it lies in the repository: `"${Name}"` stays a string, and
a bare `${Name}`, as for a number, becomes one.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from approvals.workflows.asl.model import Definition
from approvals.workflows.asl.templates import (
    TemplateWorkflow,
    is_description,
    is_template,
    template_workflows,
    with_texts,
)
from approvals.workflows.asl.yaml_text import UnreadableYaml, parse_yaml

MAX_BYTES = 4_194_304  # AWS takes 1 MiB; a file that is a little larger deserves a finding instead
MAX_DEPTH = 200
YAML_ENDINGS = (".yaml", ".yml")
# Possessive, and without its closing quote it ends with its line: a text full of quotes is scanned once.
_STRING = r'"(?:[^"\\\n]++|\\.)*+"?'
_STRING_OR_SUBSTITUTION = re.compile(rf"({_STRING})|\$\{{([^{{}}\"\s]+)\}}")


class UnreadableDefinition(Exception):
    """The file holds no usable definition; the message is one line for its author."""


def read_definition(path: str | Path) -> Definition:
    """Parse the one definition in this file; in a template of several, FILE#NAME says which.

    Raises UnreadableDefinition as `read_definitions` does, and where there are several.
    """
    found = read_definitions(path)
    if len(found) > 1:
        names = ", ".join(one.name for one in found)
        raise UnreadableDefinition(
            f"{path} holds {len(found)} state machines: say which ({names})."
        )
    return found[0]


def read_definitions(path: str | Path) -> list[Definition]:
    """Parse the definitions in this file: one, or those in a template, each called FILE#NAME.

    FILE#NAME in place of a file is one of these alone. Raises UnreadableDefinition: the file is missing
    or too large, neither JSON nor YAML, or has no state machine.
    """
    name = str(path)
    file, _, wanted = ("", "", "") if Path(name).exists() else name.rpartition("#")
    found = parse_definitions(_text(file or name), file or name, Path(file or name).parent)
    if not file:
        return found
    chosen = [one for one in found if one.name == f"{file}#{wanted}"]
    if not chosen:
        raise UnreadableDefinition(f"{file} has no state machine called {wanted}.")
    return chosen


def _text(name: str) -> str:
    """The text of a file. Raises UnreadableDefinition: it is missing, too large, or not UTF-8."""
    try:
        content = Path(name).read_bytes()
    except OSError as error:
        raise UnreadableDefinition(f"{name} cannot be read: {error.strerror or error}") from error
    if len(content) > MAX_BYTES:
        raise UnreadableDefinition(
            f"{name} has {len(content):,} bytes; no definition is that large."
        )
    try:
        return content.decode("utf-8-sig")  # Windows editors write a byte order mark
    except UnicodeDecodeError as error:
        raise UnreadableDefinition(
            f"{name} is not UTF-8: byte {error.start} cannot be read."
        ) from error


def parse_definition(text: str, name: str) -> Definition:
    """Parse the definition in this text of JSON; messages call it `name`. Raises UnreadableDefinition."""
    return _definition(_json(text, name), len(text.encode()), name)


def parse_definitions(text: str, name: str, folder: Path | None = None) -> list[Definition]:
    """Parse the definition in this text, or those in a template. Raises UnreadableDefinition.

    It is read as YAML where `name` ends as YAML files do. `folder` is where the files of definitions lie
    that a template names; without it they are left out.
    """
    body = _document(text, name)
    if is_description(body):
        described = parse_definition(body["definition"], name)
        described.express = body.get("type") == "EXPRESS"
        return [described]
    if not is_template(body):
        return [_definition(body, len(text.encode()), name)]
    _check_depth(body, name)
    found = [_of_template(one, f"{name}#{one.name}", folder) for one in template_workflows(body)]
    definitions = [one for one in found if one is not None]
    if not definitions:
        raise UnreadableDefinition(f"{name} is a template without a state machine to be read.")
    return definitions


def _of_template(found: TemplateWorkflow, name: str, folder: Path | None) -> Definition | None:
    """The definition of a workflow in a template; None where it lies in no file of this folder."""
    if isinstance(found.definition, dict):
        size = len(json.dumps(found.definition).encode())
        definition = _definition(found.definition, size, name)
    elif found.definition is not None:
        definition = parse_definition(found.definition, name)
    elif folder is not None and found.file and "://" not in found.file:
        file = str(folder / found.file)
        if Path(file).exists() and not Path(file).is_file():  # a device or a pipe has no end
            raise UnreadableDefinition(f"{file} is no file.")
        text = _text(file)
        definition = _definition(_document(text, file), len(text.encode()), name)
    else:
        return None
    definition.express = found.express
    return definition


def _document(text: str, name: str) -> Any:
    """The value of a text of YAML or JSON, by its file's name. Raises UnreadableDefinition."""
    return _yaml(text, name) if name.lower().endswith(YAML_ENDINGS) else _json(text, name)


def _definition(body: Any, size: int, name: str) -> Definition:
    """The definition with this parsed body. Raises UnreadableDefinition where it is no state machine."""
    if not isinstance(body, dict) or not isinstance(body.get("States"), dict):
        raise UnreadableDefinition(
            f"{name} is not a state machine: it has no object called States."
        )
    if not body["States"]:
        raise UnreadableDefinition(f"{name} is not a state machine: it has no state.")
    _check_depth(body, name)
    return Definition(name, size, body)


def _yaml(text: str, name: str) -> Any:
    """The value of a text of YAML, short tags of CloudFormation as texts. Raises UnreadableDefinition."""
    try:
        body = parse_yaml(text)
        return body if is_template(body) else with_texts(body)
    except UnreadableYaml as error:
        raise UnreadableDefinition(f"{name} is not YAML: {error}.") from error
    except RecursionError as error:
        raise UnreadableDefinition(f"{name} is nested too deep to be a definition.") from error


def _json(text: str, name: str) -> Any:
    # A stand-in of the same length, so that an error in the rest of the line names the right column.
    same_length = _STRING_OR_SUBSTITUTION.sub(
        lambda match: match[1] or f'"${match[2]}"',
        text,
    )
    try:
        json.loads(same_length, object_pairs_hook=_object_of_unique_keys)
        quoted = _STRING_OR_SUBSTITUTION.sub(lambda match: match[1] or f'"{match[0]}"', text)
        return json.loads(quoted, object_pairs_hook=_object_of_unique_keys)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise UnreadableDefinition(f"{name} is not JSON: {error.msg} ({place})") from error
    except _DuplicateKey as error:
        raise UnreadableDefinition(
            f"{name} names {error.args[0]!r} twice in one object."
        ) from error
    except RecursionError as error:
        raise UnreadableDefinition(f"{name} is nested too deep to be a definition.") from error
    except ValueError as error:  # a number of more digits than Python converts
        raise UnreadableDefinition(f"{name} is not JSON: {error}") from error


class _DuplicateKey(Exception):
    """An object has this key more than once."""


def _object_of_unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    parsed = dict(pairs)
    if len(parsed) < len(pairs):
        raise _DuplicateKey(Counter(key for key, _ in pairs).most_common(1)[0][0])
    return parsed


def _check_depth(value: Any, name: str) -> None:
    """Raises UnreadableDefinition where objects and lists are nested deeper than MAX_DEPTH."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return
    raise UnreadableDefinition(f"{name} is nested too deep to be a definition.")
