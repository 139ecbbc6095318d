"""The small abuse campaign of `make test-campaigns`: few attacks, and all of their checks but the p99."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from approvals.workflows.graphs import stored_drawing
from tests.abuse.__main__ import ATTACKS as ALL
from tests.abuse.campaign import by_graph, report, timing
from tests.abuse.campaign.attack import Answer, Attack, judge
from tests.paths import ROOT

ATTACKS = ["slow-sockets", "webhooks", "regions", "corpus", "backslashes"]


@pytest.mark.campaign
def test_the_service_and_its_honest_users_stand_a_small_abuse(tmp_path: Path) -> None:
    out = tmp_path / "abuse.json"
    bare = {k: v for k, v in os.environ.items() if not k.startswith(("COVERAGE", "DATABASE_URL"))}

    done = subprocess.run(
        [sys.executable, "-m", "tests.abuse", *ATTACKS, "--scale", "0.02", "--out", str(out)],
        cwd=ROOT,
        env=bare,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    rows = json.loads(out.read_text())
    assert [row["attack"] for row in rows] == [*ATTACKS, "honest"]
    assert all(row["ok"] and row["happened"] >= row["planned"] > 0 for row in rows)
    assert all(peak > 0 for peak in rows[-1]["peak_mib"].values())


def test_every_attack_of_the_campaign_stands_in_the_document() -> None:
    rows = (ROOT / "docs" / "guarantees.md").read_text()

    assert [name for name in ALL if f"| `{name}` |" not in rows] == []


@pytest.mark.parametrize("name", by_graph.BOMBS)
def test_a_definition_that_is_hard_to_draw_takes_bounded_work(name: str) -> None:
    definition, names, drawn = by_graph.BOMBS[name]
    began = time.process_time()

    made = stored_drawing.made(json.loads(json.dumps(definition)))

    assert time.process_time() - began < 2, "120 dense states took 29 s"
    assert (len(made["names"]), "drawing" in made) == (names, drawn)


def test_answers_that_are_late_missing_or_5xx_are_breaches() -> None:
    attack = Attack("x", planned=3)
    answers = [Answer(200, b"", 0.1), Answer(0, b"", 0.1), Answer(500, b"", 9.0)]

    attack.happened = judge(attack, answers, "answers", seconds=5.0)

    assert attack.breaches == ["answers: answers {0: 1, 500: 1}", "answers: a request took 9.0 s"]
    assert not report.row(attack, {}, {})["ok"]


def test_a_p99_of_more_than_three_times_the_quiet_one_is_a_breach() -> None:
    attack = Attack("x", planned=1, happened=1)
    waits = {"p99": 3.1, "quiet": 1.0, "times": 3.1}

    report.judge_times(attack, {"reviewer": waits, "sender": waits | {"times": 2.9}})

    assert attack.breaches == ["p99 of the reviewer: 3.10 s is 3.1 times the quiet 1.00 s"]
    assert timing.p99(sorted(map(float, range(200)))) == 198.0
