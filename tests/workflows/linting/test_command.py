"""`lint_workflow` as a shell runs it: without a database, a key or a secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from approvals.workflows.linting.__main__ import main
from tests.measured import measured
from tests.workflows.linting.definitions import HERE, ORDERS, ROOT, TEXTBOOK


class Done(NamedTuple):
    """How a run ended."""

    returncode: object
    stdout: str
    stderr: str


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """`run(file, "--json")`: the command without Django, in this process."""

    def run(*arguments: str | Path) -> Done:
        monkeypatch.setattr(sys, "argv", ["lint_workflow", *map(str, arguments)])
        try:
            code: object = main()
        except SystemExit as ended:
            code = ended.code
        return Done(code, *capsys.readouterr())

    return run


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


def test_json_has_every_finding_and_what_was_not_judged(run: Callable[..., Done]) -> None:
    done = run("--json", ORDERS, TEXTBOOK)

    report = json.loads(done.stdout)
    assert done.returncode == 3
    assert {one["definition"] for one in report["findings"]} == {str(TEXTBOOK)}
    assert set(report["findings"][0]) == {
        *("definition", "rule", "title", "textbook_bugs", "pointer", "reason", "fix")
    }
    assert [one["findings"] for one in report["definitions"]] == [0, 28]
    assert "ManualReview" in report["definitions"][0]["unseen"][0]


def test_a_definition_without_findings_ends_with_zero(run: Callable[..., Done]) -> None:
    done = run(ORDERS)

    assert done.returncode == 0
    assert done.stdout.endswith("35 states, no finding\n")


def test_the_queues_own_numbers_count(run: Callable[..., Done]) -> None:
    assert "review-outlives-retention" not in run(TEXTBOOK).stdout
    assert "review-outlives-retention" in run(TEXTBOOK, "--retention-seconds", "86400").stdout
    assert "review-timeout-below-undo" in run(TEXTBOOK, "--undo-seconds", "86400").stdout
    assert "express-cannot-wait" in run(TEXTBOOK, "--express").stdout
    assert "/Catch/0: review-error-name" in run(ORDERS, "--error-name", "Declined").stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"States": {\n  "A": }}', "line 2, column 8"),
        ('{"States": {"A": ${Bare}, "B": }}', "line 1, column 32"),
        ("[]", "not a state machine"),
        ('{"StartAt": "A"}', "not a state machine"),
        ('{"States": {}}', "no state"),
        ('{"States": {"A": {}, "A": {}}}', "'A' twice"),
        ("[" * 100_000, "nested too deep"),
        ('{"a":' * 300 + "1" + "}" * 300, "not a state machine"),
        ('{"States": {"A": ' + "[" * 300 + "]" * 300 + "}}", "nested too deep"),
        ("\xff", "UTF-8"),
        ("9" * 5_000, "not JSON"),
    ],
)
def test_a_file_that_is_no_definition_is_reported_in_one_line(
    run: Callable[..., Done], tmp_path: Path, text: str, message: str
) -> None:
    file = tmp_path / "broken.asl.json"
    file.write_text(text, encoding="latin-1")

    done = run(file)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


@pytest.mark.parametrize("option", ["--retention-seconds=0", "--undo-seconds=-1", "--nonsense"])
def test_a_wrong_option_is_wrong_usage(run: Callable[..., Done], option: str) -> None:
    assert run(ORDERS, option).returncode == 2


def test_a_missing_file_is_reported_by_its_name(run: Callable[..., Done]) -> None:
    done = run(HERE / "nowhere.json")

    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "nowhere.json cannot be read" in done.stderr
