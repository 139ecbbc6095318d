"""No cache of ours grows with what comes from outside: each has a bound, and none is a module's own dictionary."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.paths import ROOT

FILES = [path for room in ("approvals", "config") for path in (ROOT / room).rglob("*.py")]
# A container that functions fill is only allowed where our own settings or threads bound it; each line says how.
ALLOWED = {
    "approvals/orchestration/lambdas/ledger.py: _client": "endpoint and region of the function's environment",
    "approvals/orchestration/fulfillment.py: _waiting": "ORDER_STARTS_AWAITED threads, each of which leaves it",
    "config/probes.py: _listening": "one socket, opened once before the workers are started",
    "config/probes.py: _running": "one server of the process, started once; `close` empties it",
}
CONTAINERS = (
    *("dict", "list", "set", "defaultdict", "OrderedDict", "Counter", "deque"),
    *("WeakKeyDictionary", "WeakValueDictionary"),
)
WRITING = {"add", "append", "extend", "insert", "setdefault", "update", "appendleft"}


def findings(source: str, name: str) -> Iterator[str]:
    """The caches of a module that have no bound."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            has_keys = bool(ast.unparse(node.args))
            if has_keys and any(map(_is_unbounded, node.decorator_list)):
                yield f"{name}: {node.name}"
    containers = set(_containers(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            own = {arg.arg for arg in ast.walk(node) if isinstance(arg, ast.arg)}
            own |= {
                inner.id
                for inner in ast.walk(node)
                if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)
            }
            yield from (f"{name}: {each}" for each in _written(node) if each in containers - own)


def _is_unbounded(decorator: ast.expr) -> bool:
    text = ast.unparse(decorator).removeprefix("functools.")
    return text == "cache" or text in {"lru_cache(None)", "lru_cache(maxsize=None)"}


def _containers(tree: ast.Module) -> Iterator[str]:
    """The names of a module's own dictionaries, lists and sets."""
    for node in tree.body:
        if isinstance(node, ast.Assign):
            targets: list[ast.expr] = node.targets
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets = [node.target]
        else:
            continue
        if _is_container(node.value):
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def _is_container(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call):
        return ast.unparse(value.func).split("[")[0].rpartition(".")[2] in CONTAINERS
    literals = (ast.Dict, ast.List, ast.Set, ast.DictComp, ast.ListComp, ast.SetComp)
    return isinstance(value, literals)


def _written(function: ast.AST) -> Iterator[str]:
    """The names whose elements a function writes."""
    for node in ast.walk(function):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            owner: ast.expr = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr not in WRITING:
                continue
            owner = node.func.value
        else:
            continue
        if isinstance(owner, ast.Name):
            yield owner.id


def test_every_cache_has_a_bound() -> None:
    found = {
        each
        for path in FILES
        for each in findings(path.read_text(encoding="utf-8"), str(path.relative_to(ROOT)))
    }

    assert found == set(ALLOWED)


@pytest.mark.parametrize(
    "source",
    [
        "@cache\ndef client(region): ...",
        "@functools.lru_cache(maxsize=None)\ndef client(*regions): ...",
        "SEEN = {}\ndef note(arn):\n    SEEN[arn] = 1",
        "SEEN: set[str] = set()\ndef note(arn):\n    SEEN.add(arn)",
        "SEEN = collections.defaultdict(list)\ndef note(arn):\n    SEEN.setdefault(arn, 1)",
    ],
)
def test_a_cache_without_a_bound_is_found(source: str) -> None:
    assert list(findings(source, "here"))


@pytest.mark.parametrize(
    "source",
    [
        "@lru_cache(maxsize=8)\ndef client(region): ...",
        "@cache\ndef installed(): ...",
        "KNOWN = {'a': 1}\ndef look(name):\n    return KNOWN[name]",
        "def note(arn):\n    seen = {}\n    seen[arn] = 1",
    ],
)
def test_what_is_bounded_or_never_written_is_not(source: str) -> None:
    assert list(findings(source, "here")) == []
