"""Lint and price in another project's environment: installed as pre-commit does, without the service."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.paths import ROOT
from tests.workflows.linting.definitions import ORDERS, TEXTBOOK

ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a program that knows nothing of this process's Python path."""
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )


def sources(target: Path) -> Path:
    """A copy of what is packaged: building writes beside the sources."""
    unneeded = shutil.ignore_patterns("__pycache__", "static", "templates")
    for package in ("approvals", "config"):
        shutil.copytree(ROOT / package, target / package, ignore=unneeded)
    shutil.copy(ROOT / "pyproject.toml", target)
    return target


def test_lint_and_price_run_in_a_bare_environment_from_any_directory(tmp_path: Path) -> None:
    venv, elsewhere = tmp_path / "venv", tmp_path / "elsewhere"
    elsewhere.mkdir()
    run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=tmp_path).check_returncode()
    python = venv / "bin" / "python"
    pip: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--python",
        python,
    ]
    project = sources(tmp_path / "sources")
    installed = run(*pip, "install", "--quiet", "--no-compile", project, cwd=elsewhere)
    assert installed.returncode == 0, installed.stderr

    packages = json.loads(run(*pip, "list", "--format=json", cwd=elsewhere).stdout)
    names = {package["name"].lower() for package in packages}
    assert {"countersign", "jsonschema"} <= names
    assert len(names - {"pip", "setuptools", "wheel"}) <= 8, names
    assert not names & {"django", "boto3", "celery", "google-re2", "psycopg", "cryptography"}

    module = run(python, "-m", "approvals.workflows.linting", ORDERS, cwd=elsewhere)
    assert (module.returncode, module.stderr) == (0, "")
    assert module.stdout.endswith("35 states, no finding\n")

    script = run(venv / "bin" / "lint_workflow", TEXTBOOK, cwd=elsewhere)
    assert (script.returncode, script.stderr) == (3, "")
    assert script.stdout.endswith("12 states, 28 findings\n")

    month = ("--per-month", "1000")
    priced = run(python, "-m", "approvals.workflows.pricing", ORDERS, *month, cwd=elsewhere)
    assert (priced.returncode, priced.stderr) == (0, "")
    assert "STANDARD, one execution an order" in priced.stdout
