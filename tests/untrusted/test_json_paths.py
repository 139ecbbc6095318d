"""JSON paths: the keys and indexes they name, and what stands there."""

from __future__ import annotations

import pytest

from approvals.untrusted import json_paths
from approvals.untrusted.json_paths import Path


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("$.a", ("a",)), ("$.a.b-c", ("a", "b-c")), ("$['x y'][\"z.w\"][3]", ("x y", "z.w", 3)),
        ("$[0].é", (0, "é")),
    ],
)  # fmt: skip
def test_a_path_names_keys_and_indexes(path: str, steps: Path) -> None:
    assert json_paths.parse(path) == steps


@pytest.mark.parametrize(
    "path", ["", "a", "$", "$.", "$.a[", "$[-1]", "$[9999999]", "$.*", "$.a b"]
)
def test_what_is_no_simple_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        json_paths.parse(path)


def test_what_is_not_there_is_none() -> None:
    document = {"a": [{"b": 1}], "c": "text"}

    assert json_paths.value_at(document, ("a", 0, "b")) == 1
    for path in (("a", 1), ("a", "b"), ("c", 0), ("x",), ("a", 0, 0)):
        assert json_paths.value_at(document, path) is None
