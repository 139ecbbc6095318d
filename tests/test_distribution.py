"""Slow tests are shared between the workers of a parallel run, and none is lost."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.distribution import distributed
from tests.paths import ROOT

ITEMS: list[Any] = [
    SimpleNamespace(path=ROOT / "tests" / room / f"test_{module}.py", number=number)
    for room, modules in (("actions", 6), ("browser", 4), ("web", 7), ("flow", 2))
    for module in range(modules)
    for number in range(5)
]


@pytest.mark.parametrize("workers", [1, 2, 3, 4])
def test_each_worker_begins_with_its_share_of_the_slow_modules(workers: int) -> None:
    ordered: list[Any] = distributed(ITEMS, workers)

    assert sorted(map(id, ordered)) == sorted(map(id, ITEMS))
    for number in range(workers, 0, -1):
        part, ordered = ordered[: len(ordered) // number], ordered[len(ordered) // number :]
        slow = [item for item in part if item.path.parent.name in ("browser", "flow")]
        assert len(slow) >= 30 // workers - 5
        assert part[: len(slow)] == slow


def test_the_tests_of_a_slow_module_stay_together() -> None:
    ordered: list[Any] = distributed(ITEMS[::2] + ITEMS[1::2], 2)

    for path in {item.path for item in ITEMS if item.path.parent.name == "browser"}:
        places = [place for place, item in enumerate(ordered) if item.path == path]
        assert places == list(range(places[0], places[0] + 5))
