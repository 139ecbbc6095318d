"""Commands without Django: a problem is one line and an exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workflows.linting.definitions import HERE, ORDERS
from tests.workflows.shell import Run


@pytest.mark.parametrize("option", ["--retention-seconds=0", "--undo-seconds=-1", "--nonsense"])
def test_a_wrong_option_is_wrong_usage(run_lint: Run, option: str) -> None:
    assert run_lint(ORDERS, option).returncode == 2


def test_a_missing_file_is_reported_by_its_name(run_lint: Run) -> None:
    done = run_lint(HERE / "nowhere.json")

    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "nowhere.json cannot be read" in done.stderr


def test_a_file_that_is_no_definition_is_one_line_and_no_report(
    run_lint: Run, run_price: Run, tmp_path: Path
) -> None:
    file = tmp_path / "broken.asl.json"
    file.write_text('{"States": {\n  "A": }}')

    for done in (run_lint(file), run_price(file, "--per-month", "9")):
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.count("\n") == 1
        assert done.stderr.startswith("Error: ")
        assert "line 2, column 8" in done.stderr


def test_a_report_ends_with_a_line_end_and_the_exit_code_of_the_command(run_price: Run) -> None:
    done = run_price(ORDERS, "--per-month", "9", "--express")

    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout.endswith("\n")
