"""Commands of approvals.workflows as a shell runs them, in the process of the tests."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

import pytest


class Done(NamedTuple):
    """How a run ended."""

    returncode: object
    stdout: str
    stderr: str


class Run(Protocol):
    """Runs a command with these arguments."""

    def __call__(self, *arguments: str | Path) -> Done: ...


def runner(
    name: str,
    main: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """The command of this name, whose `main` reads the arguments of the process."""

    def run(*arguments: str | Path) -> Done:
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        try:
            code: object = main()
        except SystemExit as ended:
            code = ended.code
        return Done(code, *capsys.readouterr())

    return run
