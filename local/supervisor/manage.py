"""`make manage ARGS="..."`: runs a command of `manage.py` with the settings of the demo that runs now.

The demo writes the settings of its processes to `var/demo/settings.json`, readable by its owner only,
and removes the file when it stops.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from local.processes import LocalError
from local.supervisor.private_files import write_private
from local.supervisor.single_instance import demo_runs

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = Path("var/demo/settings.json")
LOCK = Path("var/demo.lock")


def write_settings(path: Path, environment: Mapping[str, str], shell: Mapping[str, str]) -> None:
    """Write the variables that the demo sets itself, with their values; not those of the shell."""
    own = {name: value for name, value in environment.items() if shell.get(name) != value}
    write_private(path, json.dumps(own, indent=2))


def settings(root: Path) -> dict[str, str]:
    """Return the variables that the demo of this clone has set. Raises LocalError if none runs."""
    try:
        if demo_runs(root / LOCK):
            values = json.loads((root / SETTINGS).read_text())
            return {str(name): str(value) for name, value in values.items()}
    except FileNotFoundError:
        pass  # the demo is still starting
    raise LocalError("The demo does not run, or is still starting: start it with make demo.")


def main(arguments: Sequence[str], root: Path = ROOT) -> NoReturn:
    """Become `manage.py` with these arguments; ends with 1 and one line if no demo runs."""
    try:
        found = settings(root)
    except LocalError as refusal:
        sys.exit(str(refusal))
    command = [sys.executable, str(root / "manage.py"), *arguments]
    environment = {**os.environ, **found, "LOG_LEVEL": "WARNING"}
    os.execve(sys.executable, command, environment)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
