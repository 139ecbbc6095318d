"""Finds the definitions that code can reach: every name that a function mentions, transitively.

It reads sources and runs nothing. Code that mentions a function may call it; code that mentions a
module, such as a table of lanes, may call all of it. So it finds too much rather than too little.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

from tests.paths import ROOT

Place = tuple[str, str]  # a module, and a name on its top level; an empty name is all of it


class Module:
    """One source file: what it imports, and which names each of its definitions mentions."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.path = path

    @cached_property
    def tree(self) -> ast.Module:
        """The source, parsed once it is looked at: not in each process that only collects the tests."""
        return ast.parse(self.path.read_text())

    @cached_property
    def definitions(self) -> dict[str, ast.stmt]:
        """Functions, classes and assignments of the top level."""
        found: dict[str, ast.stmt] = {}
        for node in self.tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                found[node.name] = node
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                found |= {target.id: node for target in targets if isinstance(target, ast.Name)}
        return found

    @cached_property
    def imported(self) -> dict[str, Place]:
        """Return what each imported name refers to: a module, and a name in it."""
        found: dict[str, Place] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    found[alias.asname or alias.name] = (node.module, alias.name)
        return found


class Code:
    """All modules of a package."""

    def __init__(self, package: str = "approvals") -> None:
        self.modules: dict[str, Module] = {}
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            self.modules[name] = Module(name, path)

    def reach(self, starts: Iterable[Place]) -> set[Place]:
        """Every definition that may run once one of `starts` does."""
        seen: set[Place] = set()
        left = list(starts)
        while left:
            place = self._at_home(left.pop())
            if place in seen or place[0] not in self.modules:
                continue
            seen.add(place)
            left.extend(self.mentioned(place))
        return seen

    def _at_home(self, place: Place) -> Place:
        """Where a name is defined, if the module only passes it on; a submodule is all of it."""
        module, name = place
        while name and f"{module}.{name}" not in self.modules:
            home = self.modules.get(module)
            if home is None or name in home.definitions or name not in home.imported:
                return module, name
            module, name = home.imported[name]
        return (f"{module}.{name}", "") if name else (module, "")

    def mentioned(self, place: Place) -> Iterator[Place]:
        """What a definition names, not followed any further."""
        module = self.modules[place[0]]
        if not place[1]:
            yield from ((module.name, name) for name in module.definitions)
            return
        definition = module.definitions.get(place[1])
        if definition is None:
            return
        bases = set()
        for node in ast.walk(definition):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                bases.add(id(node.value))
                yield from self._attribute(module, node.value.id, node.attr)
        for node in ast.walk(definition):
            if isinstance(node, ast.Name) and id(node) not in bases:
                yield from self._name(module, node.id)

    def _attribute(self, module: Module, base: str, name: str) -> Iterator[Place]:
        """`base.name`: a name of a module, or something of a definition."""
        if base not in module.imported:
            yield from self._name(module, base)
            return
        package, leaf = module.imported[base]
        whole = f"{package}.{leaf}"
        yield (whole, name) if whole in self.modules else (package, leaf)

    def _name(self, module: Module, name: str) -> Iterator[Place]:
        if name in module.definitions:
            yield module.name, name
        elif name in module.imported:
            yield module.imported[name]
