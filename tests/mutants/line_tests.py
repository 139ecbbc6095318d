"""Which tests run which lines of the core, from one run of the tests under coverage.

What the run has found is kept in var/ by test file, and found again for files that have changed, or for
all if a module of the core has changed. Other changes can make it stale: then less fitting tests are
chosen, and changes may seem unnoticed, never noticed.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import coverage

from tests.mutants.mutations import MODULES, Mutation
from tests.paths import ROOT

FOLDER = ROOT / "var" / "mutants"
STORE = FOLDER / "line-tests.json"
# Tests that start processes, which this coverage does not see, and those that never come near the core.
WITHOUT = (
    "browser", "batches", "bench", "config", "deploy", "fake_aws", "faults", "flow", "fuzz", "gateways",
    "image", "local", "mutants", "reference", "releases", "untrusted", "workflows",
)  # fmt: skip
OF_TRANSACTIONS = (
    "test_actions_transactions.py::test_every_verb_refuses_to_run_inside_another_transaction",
    "delivery/test_callbacks_history.py::test_a_conclusion_refuses_to_run_inside_another_transaction",
    "records/test_outbox_schedule.py::test_a_lease_refuses_to_be_a_part_of_another_transaction",
)
CONFIGURATION = """
[run]
data_file = {data}
include =
    {files}
[report]
fail_under = 0
"""

Lines = dict[str, dict[int, list[str]]]  # of a module: its lines, and the tests that run them


@dataclass(frozen=True)
class LineTests:
    """Which tests run which lines of which module."""

    lines: Lines

    def of(self, mutation: Mutation) -> list[str]:
        """The tests to notice a change: the module's own first, then the others, one of each function in turn.

        They run the statement that changes. If it runs at import, they run what uses the names that it
        defines, and then anything else of the module. Coverage does not see who calls a decorator: of a
        transaction's, the tests that look for it come first.
        """
        tree = ast.parse(mutation.path.read_text())
        closest, wider = _lines_concerned(tree, mutation.line)
        found = self._running(mutation.module, closest)
        others = self._running(mutation.module, wider) - found
        durable = mutation.source.startswith("@transaction.")
        first = [f"tests/{test}" for test in OF_TRANSACTIONS if durable]
        return [*first, *_in_turn(found, mutation.path), *_in_turn(others, mutation.path)]

    def _running(self, module: str, lines: Iterable[int]) -> set[str]:
        known = self.lines.get(module, {})
        return {test for line in lines for test in known.get(line, [])}


def find(paths: list[str], jobs: int) -> LineTests:
    """Find which tests of these files or directories run which lines; none: all tests in this process."""
    files = sorted(_test_files(paths or ["tests"]))
    core = _digest(MODULES.values())
    store = json.loads(STORE.read_text()) if STORE.exists() else {}
    known = store["files"] if store.get("core") == core else {}
    stale = [each for each in files if known.get(each, {}).get("digest") != _digest([ROOT / each])]
    if stale:
        found = _run(stale, jobs)
        known |= {
            each: {"digest": _digest([ROOT / each]), "lines": found.get(each, {})} for each in stale
        }
        STORE.parent.mkdir(parents=True, exist_ok=True)
        STORE.write_text(json.dumps({"core": core, "files": known}))
    merged: Lines = {}
    for each in files:
        for module, lines in known[each]["lines"].items():
            for line, tests in lines.items():
                merged.setdefault(module, {}).setdefault(int(line), []).extend(tests)
    return LineTests(merged)


def _test_files(paths: list[str]) -> Iterator[str]:
    for path in paths:
        inside = ROOT / path
        for file in sorted(inside.rglob("test_*.py")) if inside.is_dir() else [inside]:
            relative = file.relative_to(ROOT)
            if relative.parts[1] not in WITHOUT:
                yield str(relative)


def _run(files: list[str], jobs: int) -> dict[str, Lines]:
    """Run test files under coverage; returns, by file, which of its tests run which lines."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    configuration, data = FOLDER / "coveragerc", FOLDER / "coverage"
    names = "\n    ".join(str(path) for path in MODULES.values())
    configuration.write_text(CONFIGURATION.format(data=data, files=names))
    sys.stdout.write(f"running {len(files)} test files under coverage\n")
    sys.stdout.flush()
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-n", str(jobs), "--dist", "worksteal"),
            *("--cov", f"--cov-config={configuration}", "--cov-context=test", "--cov-report="),
            *("--tb=line", "-p", "no:cacheprovider", "-p", "no:randomly", *files),
        ],
        cwd=ROOT,
        env=os.environ | {"HYPOTHESIS_STORAGE_DIRECTORY": str(FOLDER / "hypothesis")},
        capture_output=True,
        text=True,
        check=False,
    )
    sys.stdout.write(done.stdout[-2000:] if done.returncode else "")
    if done.returncode > 1:
        sys.exit(done.stderr)
    return _by_file(coverage.CoverageData(str(data)))


def _by_file(data: coverage.CoverageData) -> dict[str, Lines]:
    data.read()
    found: dict[str, Lines] = {}
    for module, path in MODULES.items():
        for line, contexts in data.contexts_by_lineno(str(path)).items():
            for test in sorted({each.rpartition("|")[0] for each in contexts} - {""}):
                of_file = found.setdefault(test.partition("::")[0], {})
                of_file.setdefault(module, {}).setdefault(line, []).append(test)
    return found


def _digest(paths: Iterable[Path]) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:16]


def _lines_concerned(tree: ast.Module, line: int) -> tuple[set[int], set[int]]:
    """The lines whose tests notice a change at a line, and those whose tests may notice it too."""
    statement, functions = _innermost(tree, line)
    if any(line not in _lines_of(function) for function in functions):
        return _lines_of(statement), set()
    everything = set(range(1, (tree.body[-1].end_lineno or 0) + 1))
    if isinstance(statement, ast.FunctionDef):
        return set(range(statement.body[0].lineno, (statement.end_lineno or 0) + 1)), everything
    return {each for name in _bound(statement) for each in _lines_that_use(tree, name)}, everything


def _innermost(tree: ast.Module, line: int) -> tuple[ast.stmt, list[ast.FunctionDef]]:
    """The innermost statement at a line, and the functions around it or that it is, outermost first."""
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and _first_line(node) <= line <= (node.end_lineno or 0)
    ]
    around.sort(key=lambda node: (_first_line(node), -(node.end_lineno or 0)))
    return around[-1], [node for node in around if isinstance(node, ast.FunctionDef)]


def _first_line(statement: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(each.lineno for each in decorators)])


def _lines_of(statement: ast.stmt) -> set[int]:
    """The lines of a statement, without the body of a compound one."""
    body = getattr(statement, "body", None)
    last = _first_line(body[0]) - 1 if body else statement.end_lineno or 0
    return set(range(_first_line(statement), max(last, statement.lineno) + 1))


def _bound(statement: ast.stmt) -> set[str]:
    """The names that a statement of a module or class defines."""
    if isinstance(statement, ast.ClassDef):
        return {statement.name}
    targets = getattr(statement, "targets", None) or [getattr(statement, "target", None)]
    return {
        node.id for each in targets if each for node in ast.walk(each) if isinstance(node, ast.Name)
    }


def _lines_that_use(tree: ast.Module, name: str) -> set[int]:
    """The lines of functions that read a name, as a variable or an attribute."""
    return {
        node.lineno
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if (isinstance(node, ast.Name) and node.id == name)
        or (isinstance(node, ast.Attribute) and node.attr == name)
    }


def _in_turn(tests: Iterable[str], module: Path) -> list[str]:
    """The tests of the module's own files, then the others, one of each function before a second of any."""
    own = (f"{module.parent.relative_to(ROOT)}/").replace("approvals/", "tests/", 1)
    counts: dict[str, int] = {}
    keys = {}
    for test in sorted(tests):
        file, function = test.partition("::")[0], test.partition("[")[0]
        counts[function] = counts.get(function, 0) + 1
        mine = file.startswith(f"{own}test_{module.stem}")
        near = file.startswith(own)
        keys[test] = (not mine, counts[function] if not mine else 0, not near, test)
    return sorted(keys, key=keys.__getitem__)
