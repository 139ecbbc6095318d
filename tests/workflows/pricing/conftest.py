"""Estimates of definitions, as the command prints them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from tests.workflows.pricing.files import Price


@pytest.fixture
def price(capsys: pytest.CaptureFixture[str]) -> Price:
    """`price(file, "--per-month", "9")`: the estimate, its variants by their ids."""

    def price(definition: Path, *options: str) -> dict[str, Any]:
        call_command("price_workflow", str(definition), *options, "--json")
        report: dict[str, Any] = json.loads(capsys.readouterr().out)
        return report | {way["way"]: way for way in report["ways"]}

    return price


@pytest.fixture
def written(tmp_path: Path) -> Callable[[dict[str, Any]], Path]:
    """`written(body)`: the file that holds this definition."""

    def write(body: dict[str, Any]) -> Path:
        path = tmp_path / "written.asl.json"
        path.write_text(json.dumps(body))
        return path

    return write
