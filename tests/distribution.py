"""Gives each worker of a parallel run an equal share of the slow tests, at its beginning.

pytest-django puts tests that need transactions last, and these are the slow ones: one worker ran most of them
while the others had ended. Tests of a module stay together, because they share processes and browsers.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import chain
from pathlib import Path

import pytest

from tests.paths import ROOT

#: Directories whose tests start processes or browsers, or wait for deadlines.
SLOW = ("abuse", "browser", "config", "faults", "flow", "fuzz", "local", "releases", "worker")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order the tests so that the equal parts of xdist's `worksteal` each begin with slow ones."""
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    items[:] = distributed(items, workers)


def distributed(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """The same tests: for each worker a part with every `workers`-th slow module first, then quick ones."""
    modules: dict[Path, list[pytest.Item]] = defaultdict(list)
    for item in items:
        modules[item.path].append(item)
    slow = [tests for path, tests in modules.items() if is_slow(path)]
    quick = list(chain(*(tests for path, tests in modules.items() if not is_slow(path))))
    ordered: list[pytest.Item] = []
    left = len(items)
    for number in range(workers):
        size = left // (workers - number)  # as xdist cuts the tests into parts
        part = list(chain(*slow[number::workers]))
        missing = max(0, size - len(part))
        part, quick = part + quick[:missing], quick[missing:]
        ordered += part
        left -= size
    return ordered + quick


def is_slow(path: Path) -> bool:
    """Whether the tests of this file take seconds each."""
    tests = ROOT / "tests"
    return path.is_relative_to(tests) and path.relative_to(tests).parts[0] in SLOW
