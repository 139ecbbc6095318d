"""The commands about definitions, through manage.py: the report, the exit code, and one line for a bad file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.management.command_line import ended, refused
from tests.workflows.linting.definitions import ORDERS


def test_the_report_is_printed_and_without_a_finding_the_exit_code_is_0() -> None:
    code, output = ended("lint_workflow", str(ORDERS), "--json")

    assert code == 0
    assert json.loads(output)


@pytest.mark.parametrize(
    ("command", "options"), [("lint_workflow", []), ("price_workflow", ["--per-month", "9"])]
)
def test_a_file_that_is_no_definition_is_one_line(
    tmp_path: Path, command: str, options: list[str]
) -> None:
    path = tmp_path / "orders.asl.json"
    path.write_text("{")

    line = refused(command, str(path), *options)

    assert str(path) in line
    assert "\n" not in line
