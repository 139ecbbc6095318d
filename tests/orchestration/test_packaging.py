"""The files that are deployed: the same bytes every time, every handler, and nothing that needs Django."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import pytest

from approvals.orchestration import packaging
from tests.paths import ROOT

TEMPLATE = (ROOT / "deploy/template.yaml").read_text()


def test_zip_is_the_same_every_time_and_has_every_handler() -> None:
    modules = zipfile.ZipFile(io.BytesIO(packaging.lambda_zip())).namelist()
    handlers = re.findall(r"Handler: (.+)\.handler", TEMPLATE)

    assert packaging.lambda_zip() == packaging.lambda_zip()
    assert {f"{handler.replace('.', '/')}.py" for handler in handlers} <= set(modules)
    assert len(handlers) == 9


def test_zip_holds_nothing_that_needs_django() -> None:
    archive = zipfile.ZipFile(io.BytesIO(packaging.lambda_zip()))
    sources = {name: archive.read(name).decode() for name in archive.namelist()}

    imported = {
        line.split()[1]
        for source in sources.values()
        for line in source.splitlines()
        if line.startswith(("import ", "from "))
    }
    assert not {name for name in imported if name.startswith(("django", "config"))}
    assert all(
        name == "approvals.orchestration.lambdas"
        or name.startswith("approvals.orchestration.lambdas.")
        for name in imported
        if name.startswith("approvals")
    )


def test_packaging_writes_the_artifacts_and_says_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert packaging.main([str(tmp_path / "build"), "a-bucket"]) == 0

    printed = dict(line.split("=") for line in capsys.readouterr().out.splitlines())
    assert printed == packaging.parameters("a-bucket")
    assert {path.name for path in (tmp_path / "build").iterdir()} == set(packaging.artifacts())
    assert packaging.main([]) == 2
