"""The settings that `config` reads, with the comments beside their readings."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from tests.paths import ROOT

REQUIRED = {"secret", "required", "key_ring"}  # readers that refuse a missing value
READER = re.compile(rf"(env\.)+\w+|{'|'.join(REQUIRED)}")
COMMENT, DEFAULT = "#:", "Default: "


class Setting(NamedTuple):
    """The variables that one statement reads, what they mean, and the default: Markdown."""

    names: list[str]
    meaning: str
    default: str


def settings() -> list[Setting]:
    """Every reading of the environment in `config`, in the order of the code.

    A variable that is read twice is there twice, and one reading without a comment has no meaning.
    """
    sources = sorted((ROOT / "config").glob("*.py"))
    return [each for path in sources for each in of_source(path.read_text())]


def of_source(source: str) -> Iterator[Setting]:
    """The readings of one module, given its source."""
    lines = source.splitlines()
    statements = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.stmt))
    for statement in sorted(statements, key=lambda node: node.lineno):
        readings = [] if hasattr(statement, "body") else list(_readings(statement))
        if readings:
            meaning, _, default = _comment(lines, statement.lineno).partition(DEFAULT)
            default = default.removesuffix(".") or _default(readings[0])
            yield Setting([_name(call) for call in readings], meaning.strip(), default)


def _readings(statement: ast.stmt) -> Iterator[ast.Call]:
    """The calls of a reader of `config.env` for a variable that is named there."""
    calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call) and node.args]
    for call in calls:
        if READER.fullmatch(ast.unparse(call.func)) and isinstance(call.args[0], ast.Constant):
            yield call


def _comment(lines: list[str], number: int) -> str:
    """The comment of `#:` lines that ends above the line with this number, counted from 1."""
    found: list[str] = []
    for line in reversed(lines[: number - 1]):
        if not line.strip().startswith(COMMENT):
            break
        found.insert(0, line.strip().removeprefix(COMMENT).strip())
    return " ".join(found)


def _name(call: ast.Call) -> str:
    return str(ast.literal_eval(call.args[0]))


def _default(call: ast.Call) -> str:
    """The default as the code has it; nothing for an empty or computed one, which the comment explains."""
    if ast.unparse(call.func) in REQUIRED:
        return "required"
    [default] = [each.value for each in call.keywords if each.arg == "default"]
    value = str(ast.literal_eval(default)) if isinstance(default, ast.Constant) else ""
    return f"`{value}`" if value else ""
