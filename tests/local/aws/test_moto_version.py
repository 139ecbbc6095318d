"""Only the version of moto that the account was written for is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

from local.aws import moto_version
from tests.paths import ROOT


def test_the_installed_version_is_the_one_it_was_written_for() -> None:
    moto_version.check()


@pytest.mark.parametrize(
    ("found", "named"),
    [("lambda _: '5.2.4'", "5.2.4"), ("lambda name: metadata.distribution('no-moto')", "none")],
)
def test_another_moto_is_refused_with_one_clear_line(found: str, named: str) -> None:
    script = (
        "import runpy; from importlib import metadata; "
        f"metadata.version = {found}; runpy.run_module('local.aws', run_name='__main__')"
    )

    refused = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )

    line = f"the local AWS needs moto 5.2.5 and found {named}: run `make setup`\n"
    assert (refused.returncode, refused.stdout, refused.stderr) == (1, "", line)
