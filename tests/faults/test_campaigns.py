"""The fault campaigns that run with `make test-campaigns`: small scales, nothing left out."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from approvals import actions
from tests.faults import verbs
from tests.faults.kills import OURS, sample
from tests.paths import ROOT

TRANSPORT = ["duplicates", "races", "step-functions", "late-senders", "undo-races", "hints"]
PARTS = {
    "line-kills": (["line-kills"], 0.003),
    "all": ([*TRANSPORT, "executions", "restarts", "sweeper", "bulk"], 0.02),
    "sabotage": (["sabotage"], 1.0),
}


@pytest.mark.campaign
@pytest.mark.parametrize("part", PARTS)
def test_the_service_keeps_its_promises_under_faults(part: str, tmp_path: Path) -> None:
    names, scale = PARTS[part]
    report = tmp_path / "faults.json"
    bare = {k: v for k, v in os.environ.items() if not k.startswith(("COVERAGE", "DATABASE_URL"))}

    done = subprocess.run(
        [sys.executable, "-m", "tests.faults", *names, "--scale", str(scale), "--out", str(report)],
        cwd=ROOT,
        env=bare,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    rows = json.loads(report.read_text())
    assert [row["campaign"] for row in rows] == names
    assert all(row["ok"] and row["fired"] >= row["planned"] > 0 for row in rows)


def test_every_public_verb_has_a_row_in_the_table_of_kills() -> None:
    files = Path(actions.__path__[0]).glob("*.py")
    listed = {module.__name__.rpartition(".")[2] for module in verbs.MODULES}
    assert listed == {path.stem for path in files} - {"__init__"}
    assert verbs.uncovered() == set(), "give each of these a Row in tests/faults/verbs.py"
    named = {verb for row in verbs.ROWS for verb in row.covers}
    assert named <= set(verbs.public_verbs()), "these are gone: drop their rows"


def test_a_release_kills_at_every_line_five_times_and_a_small_scale_at_some() -> None:
    seen = {(f"{OURS}/a.py", line): 3 for line in range(1, 11)}

    whole = sample(seen, 1.0, random.Random(1))
    some = sample(seen, 0.1, random.Random(1))

    assert len(whole) == 50
    assert {(point.file, point.line) for point in whole} == set(seen)
    assert {point.time for point in whole} == {1, 2, 3}
    assert len({point.line for point in some}) == len(some) == 5
