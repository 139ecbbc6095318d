"""`lint_workflow` as a shell runs it: without a database, a key or a secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.measured import measured
from tests.paths import ROOT
from tests.workflows.linting.definitions import ORDERS, TEXTBOOK
from tests.workflows.shell import Run


@pytest.mark.parametrize(
    "start", [["manage.py", "lint_workflow"], ["-m", "approvals.workflows.linting"]], ids=str
)
def test_it_needs_no_setting_and_reports_place_reason_and_fix(start: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, *start, str(TEXTBOOK)],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]} | measured(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (3, "")
    assert ": /States/ManualReview: review-overwrites-input\n    The answer" in done.stdout
    assert done.stdout.endswith("12 states, 28 findings\n")


def test_json_has_every_finding_and_what_was_not_judged(run_lint: Run) -> None:
    done = run_lint("--json", ORDERS, TEXTBOOK)

    report = json.loads(done.stdout)
    assert done.returncode == 3
    assert {one["definition"] for one in report["findings"]} == {str(TEXTBOOK)}
    assert set(report["findings"][0]) == {
        *("definition", "rule", "title", "textbook_bugs", "pointer", "reason", "fix")
    }
    assert [one["findings"] for one in report["definitions"]] == [0, 28]
    assert "ManualReview" in report["definitions"][0]["unseen"][0]


def test_a_definition_without_findings_ends_with_zero(run_lint: Run) -> None:
    done = run_lint(ORDERS)

    assert done.returncode == 0
    assert done.stdout.endswith("35 states, no finding\n")


def test_every_workflow_of_a_template_is_checked_by_its_own_type(
    run_lint: Run, tmp_path: Path
) -> None:
    wait = {"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 600, "End": True}}}
    machines = {
        name: {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {"StateMachineType": name.upper(), "Definition": wait},
        }
        for name in ("Express", "Standard")
    }
    file = tmp_path / "template.json"
    file.write_text(json.dumps({"Resources": machines}))

    done = run_lint(file)

    assert done.returncode == 3
    assert f"{file}#Express: /States/A/Seconds: express-too-long" in done.stdout
    assert done.stdout.endswith(f"{file}#Standard: 1 states, no finding\n")
    assert run_lint(f"{file}#Standard").returncode == 0


def test_the_queues_own_numbers_count(run_lint: Run) -> None:
    assert "review-outlives-retention" not in run_lint(TEXTBOOK).stdout
    assert "review-outlives-retention" in run_lint(TEXTBOOK, "--retention-seconds", "86400").stdout
    assert "review-timeout-below-undo" in run_lint(TEXTBOOK, "--undo-seconds", "86400").stdout
    assert "express-cannot-wait" in run_lint(TEXTBOOK, "--express").stdout
    assert "/Catch/0: review-error-name" in run_lint(ORDERS, "--error-name", "Declined").stdout
