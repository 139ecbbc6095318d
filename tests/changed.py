"""Which test files depend on what has changed: `python -m tests.changed [REVISION]` prints them.

Changes are those of the working tree against HEAD, or against REVISION. A test file depends on all that
it imports, directly or through other modules; beside the imports it depends on its conftest files, on
the URLs if it calls them, on the commands that it names, and on what stands in its own directory.
A change of what no import shows (packages, settings, tools) concerns every test.
"""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path, PurePath

import grimp

from tests.paths import ROOT

PACKAGES = ("approvals", "config", "local", "tests")
# Files that no import names, and the module whose tests see a change of them.
SEEN_THROUGH = (
    ("approvals/templates/admin/", "approvals.admin.urls"),
    ("approvals/templates/", "approvals.web.urls"),
    ("approvals/static/", "approvals.web.urls"),
    ("approvals/orchestration/definitions/", "approvals.workflows.installed_definitions"),
    ("approvals/workflows/pricing/", "approvals.workflows.pricing.price_list"),
)
BY_NAME = re.compile(r"\b(README|CHANGELOG|docs|deploy|Makefile|Dockerfile|compose)\b")
CALLS_URLS = re.compile(
    r"\b(Client|Caller|new_page|live_server)\b|\b(client|api|call|desk|browser|erp)[,:]"
)
PLUGINS = {
    "tests.account": re.compile(r"\b(account|local_account)[,:]"),
    "tests.callers": re.compile(r"\b(api|call|review)[,:]"),
    "tests.waiting_reviews": re.compile(r"\b(aws|held|waiting|ada|machine)[,:]"),
}
# Started as processes of their own.
PROGRAMS = ("local.aws", "local.supervisor", "tests.batches", "tests.faults", "tests.fake_aws")


def main() -> None:
    """Print the test files that depend on the changes, one a line; `tests` if all may."""
    changed = changed_files(sys.argv[1] if len(sys.argv) > 1 else "1")
    print("\n".join(test_files_for(changed)))  # noqa: T201


def changed_files(revision: str) -> list[str]:
    """The files that differ from a revision (`1`: from HEAD), and the untracked ones."""
    against = "HEAD" if revision == "1" else revision
    commands = (["diff", "--name-only", against], ["ls-files", "--others", "--exclude-standard"])
    return [
        line
        for command in commands
        for line in subprocess.run(
            ["git", *command], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.splitlines()
    ]


def test_files_for(changed: list[str]) -> list[str]:
    """The test files, as paths, that depend on one of these files."""
    graph = dependencies()
    found: set[str] = set()
    for path in changed:
        modules = modules_of(path, graph)
        if modules is None:
            return ["tests"]
        for module in modules:
            found |= {module, *graph.find_downstream_modules(module)}
    tests = [name for name in found if name.rpartition(".")[2].startswith("test_")]
    return sorted(f"{name.replace('.', '/')}.py" for name in tests)


def modules_of(path: str, graph: grimp.ImportGraph) -> set[str] | None:
    """The modules through which tests see a file; None if any test may depend on it."""
    name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    if path.endswith(".py") and name in graph.modules:
        return {name}
    for prefix, module in SEEN_THROUGH:
        if path.startswith(prefix):
            return {module}
    if path.startswith("tests/"):
        package = str(PurePath(path).parent).replace("/", ".")
        return {each for each in graph.modules if each.startswith(f"{package}.")}
    if BY_NAME.search(path) or path.endswith(".md"):
        mention = re.compile(
            BY_NAME.pattern if "/" not in path else rf"\b{path.split('/', maxsplit=1)[0]}\b"
        )
        return {each for each in graph.modules if mention.search(source(each))}
    return None


@cache
def dependencies() -> grimp.ImportGraph:
    """The imports of all modules, and what tests depend on without an import."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    for surface in ("web", "api", "admin"):
        graph.add_import(importer="config.urls", imported=f"approvals.{surface}.urls")
    for program in PROGRAMS:
        graph.add_import(importer=program, imported=f"{program}.__main__")
    commands = {
        module.rpartition(".")[2]: module
        for module in graph.find_children("approvals.management.commands")
    }
    for module in [each for each in graph.modules if each.startswith("tests.")]:
        for imported in without_import(module, commands):
            if imported in graph.modules and imported != module:
                graph.add_import(importer=module, imported=imported)
    return graph


def without_import(module: str, commands: dict[str, str]) -> set[str]:
    """What a module of the tests depends on although it does not import it."""
    if not module.rpartition(".")[2].startswith("test_"):
        return set()
    parents = module.split(".")[:-1]
    needed = {".".join([*parents[:depth], "conftest"]) for depth in range(1, len(parents) + 1)}
    text = source(module)
    if CALLS_URLS.search(text):
        needed.add("approvals.api.urls" if module.startswith("tests.api.") else "config.urls")
    needed |= {commands[name] for name in set(re.findall(r"\w+", text)) & commands.keys()}
    return needed | {plugin for plugin, uses in PLUGINS.items() if uses.search(text)}


def source(module: str) -> str:
    """The text of a module of the tests; empty for another one."""
    path = ROOT / f"{module.replace('.', '/')}.py"
    return path.read_text() if module.startswith("tests.") and Path(path).is_file() else ""


if __name__ == "__main__":
    main()
