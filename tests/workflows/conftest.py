"""The commands of approvals.workflows."""

from __future__ import annotations

import pytest

from approvals.workflows.linting.__main__ import main as lint_main
from approvals.workflows.pricing.__main__ import main as price_main
from tests.workflows.shell import Run, runner


@pytest.fixture
def run_lint(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run_lint(file, "--json")`: `lint_workflow` without Django."""
    return runner("lint_workflow", lint_main, monkeypatch, capsys)


@pytest.fixture
def run_price(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run_price(file, "--per-month", "9")`: `price_workflow` without Django."""
    return runner("price_workflow", price_main, monkeypatch, capsys)
