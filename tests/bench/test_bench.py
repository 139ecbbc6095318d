"""`make bench`: its report's shape, its judgement, and that each group of rows is documented."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench import groups
from tests.bench.rows import Measured, Spec, report
from tests.paths import ROOT

KEYS = {"name", "value", "unit", "floor", "ratio", "goal", "ok", "others", "why"}


@pytest.mark.campaign
def test_a_short_run_measures_every_row_of_its_groups_and_writes_them_down(tmp_path: Path) -> None:
    bare = {k: v for k, v in os.environ.items() if not k.startswith(("COVERAGE", "DATABASE_URL"))}
    out = tmp_path / "bench.json"
    asked = ["decision", "disk", "audit"]

    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.bench", *asked),
            *("--size", "1k", "--runs", "1", "--out", str(out)),
        ],
        cwd=ROOT,
        env=bare,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    rows = json.loads(out.read_text())
    assert all(set(row) == KEYS for row in rows)
    expected = [spec.name for group in groups.chosen(asked) for spec in group.specs]
    assert [row["name"] for row in rows] == expected
    assert all(row["value"] > 0 and not row["why"] for row in rows)
    (decision,) = [row for row in rows if row["name"] == "decision"]
    assert decision["ratio"] == pytest.approx(decision["floor"] / decision["value"], rel=0.02)


def test_every_group_of_rows_is_described_in_the_document() -> None:
    text = (ROOT / "docs" / "benchmarks.md").read_text()

    assert [group.name for group in groups.GROUPS if f"\n| `{group.name}` |" not in text] == []


def test_no_two_rows_have_the_same_name() -> None:
    names = [spec.name for group in groups.GROUPS for spec in group.specs]

    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("spec", "measured", "ratio", "ok"),
    [
        (Spec("cpu", "ms", "<= 6"), Measured(5.0), None, True),
        (Spec("cpu", "ms", "<= 6"), Measured(7.0), None, False),
        (Spec("list", "ms", "ratio >= 0.6"), Measured(10.0, 6.0), 0.6, True),
        (Spec("list", "ms", "ratio >= 0.6"), Measured(12.0, 6.0), 0.5, False),
        (Spec("intake", "/s", ">= 1,200", higher=True), Measured(1300.0, 2600.0), 0.5, True),
        (Spec("double claims", "claims", "<= 0"), Measured(0), None, True),
        (Spec("double claims", "claims", "<= 0"), Measured(1), None, False),
        (Spec("only reported", "ms"), Measured(3.0), None, None),
    ],
)
def test_a_row_reaches_its_goal_by_its_value_or_by_its_ratio(
    spec: Spec, measured: Measured, ratio: float | None, ok: bool | None
) -> None:
    row = report(spec, measured, "", 0.0)

    assert (row["ratio"], row["ok"]) == (ratio, ok)


def test_a_row_that_could_not_be_measured_says_why_and_is_not_ok() -> None:
    row = report(Spec("cpu", "ms", "<= 6"), None, "no server answers", 0.0)

    assert (row["value"], row["ok"], row["why"]) == (None, False, "no server answers")


def test_an_unknown_group_is_refused() -> None:
    with pytest.raises(LookupError, match="choose of disk"):
        groups.chosen(["nothing"])
