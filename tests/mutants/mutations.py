"""All changes that the operators make in a module, and a sample of the places where they make them."""

from __future__ import annotations

import ast
import difflib
import random
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

from tests.mutants import operators
from tests.paths import ROOT

PATHS = (
    *sorted((ROOT / "approvals/actions").glob("[a-z]*.py")),
    ROOT / "approvals/policy.py",
    ROOT / "approvals/records/outbox.py",
    ROOT / "approvals/records/audit.py",
    ROOT / "approvals/delivery/callbacks.py",
    ROOT / "approvals/reconciliation/callback_evidence.py",
    *sorted((ROOT / "approvals/messages").glob("[a-z]*.py")),
    ROOT / "approvals/api/webhook_signature.py",
)
MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in PATHS}
OPERATORS = operators.all_of_them()
LOGGERS = {"log", "logger"}
SIGNATURES = {"parameters", "typedargslist", "lambdef"}  # `*` and `/` there are no operators

Place = tuple[str, str, int, int]
Span = tuple[tuple[int, int], tuple[int, int]]  # from a line and column to another


@dataclass(frozen=True)
class Mutation:
    """One change: the `occurrence`-th that the operator can make in the module.

    `line` and `column` are where it begins, `source` is that line, stripped. It is `apart` if it changes
    only a type annotation, a log line or a text for debugging, which no test has to notice.
    """

    module: str
    operator: str
    occurrence: int
    line: int
    column: int
    source: str
    apart: bool

    @property
    def place(self) -> Place:
        """Where it is, and which family of operators makes it."""
        return self.module, self.operator.partition("_")[0], self.line, self.column

    @property
    def path(self) -> Path:
        """The file of the module."""
        return MODULES[self.module]

    def text(self) -> str | None:
        """The whole module with the change; None if it is no valid Python, or the same program."""
        original = self.path.read_text()
        changed: str | None = mutate_code(original, OPERATORS[self.operator], self.occurrence)
        if changed is None:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            try:
                tree = ast.parse(changed)
                compile(tree, str(self.path), "exec")
            except SyntaxError:
                return None
        return None if ast.dump(tree) == ast.dump(ast.parse(original)) else changed

    def diff(self) -> str:
        """The lines that change, before and after."""
        lines = difflib.ndiff(self.path.read_text().splitlines(), (self.text() or "").splitlines())
        return "\n".join(line for line in lines if line[0] in "-+")


def of_module(module: str) -> list[Mutation]:
    """The changes of a module, in the order of their places."""
    source = MODULES[module].read_text()
    tree, lines, spans = get_ast(source), source.splitlines(), _spans_apart(source)
    found = []
    for name, operator in OPERATORS.items():
        nodes = (node for node in ast_nodes(tree) for _ in operator.mutation_positions(node))
        starts = (at for node in ast_nodes(tree) for at, _ in operator.mutation_positions(node))
        for occurrence, (node, start) in enumerate(zip(nodes, starts, strict=True)):
            if not _is_in_signature(node):
                apart = any(first <= start < last for first, last in spans)
                line, column = start
                source_line = lines[line - 1].strip()
                found.append(Mutation(module, name, occurrence, line, column, source_line, apart))
    return sorted(found, key=lambda each: (each.place, each.operator, each.occurrence))


def sample(mutations: Iterable[Mutation], size: int, seed: int) -> list[Mutation]:
    """At most `size` changes, of as many places; at a place where several can be made, one of them."""
    chance = random.Random(seed)
    by_place: dict[Place, list[Mutation]] = defaultdict(list)
    for each in mutations:
        by_place[each.place].append(each)
    places = sorted(by_place)
    chance.shuffle(places)
    drawn: list[Mutation] = []
    for place in places:
        if len(drawn) == size:
            break
        chance.shuffle(by_place[place])
        drawn += [each for each in by_place[place] if each.text() is not None][:1]
    return sorted(drawn, key=lambda each: each.place)


def _is_in_signature(node: Any) -> bool:
    return node.parent is not None and node.parent.type in SIGNATURES and node.type == "operator"


def _spans_apart(source: str) -> list[Span]:
    """Where a change is one of types, of a log line or of a text for debugging."""
    parts = [part for node in ast.walk(ast.parse(source)) for part in _parts_apart(node)]
    return [
        ((each.lineno, each.col_offset), (each.end_lineno or 0, each.end_col_offset or 0))
        for each in parts
    ]


def _parts_apart(node: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    if isinstance(node, ast.FunctionDef):
        if node.name in {"__str__", "__repr__"}:
            yield node
        if node.returns is not None:
            yield node.returns
    elif isinstance(node, ast.arg | ast.AnnAssign):
        if node.annotation is not None:
            yield node.annotation
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        logger = node.func.value
        if isinstance(logger, ast.Name) and logger.id in LOGGERS:
            yield node
