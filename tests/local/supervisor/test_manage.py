"""`make manage`: a command with the settings of the demo that runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from tests.local.supervisor.demos import Demo
from tests.paths import ROOT

MANAGE = "import os, sys; print(sys.argv[1:], os.environ['DATABASE_URL'], os.environ['SECRET_KEY'])"
RUN = """
import sys
from pathlib import Path
from local.supervisor.manage import main
main(sys.argv[2:], Path(sys.argv[1]))
"""


def manage(demo: Demo, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command as `make manage` does, from a shell with settings of another installation."""
    return subprocess.run(
        [sys.executable, "-c", RUN, str(demo.root), *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "SECRET_KEY": "of another installation"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_command_gets_the_settings_of_the_running_demo(demo: Demo) -> None:
    (demo.root / "manage.py").write_text(MANAGE)
    run = demo.start("light")
    demo.description()

    done = manage(demo, "grant", "ada@example.com", "--site", "auditor")

    assert done.returncode == 0, done.stderr
    assert "['grant', 'ada@example.com', '--site', 'auditor']" in done.stdout
    assert demo.database() in done.stdout
    assert "of another installation" not in done.stdout
    settings = demo.root / "var/demo/settings.json"
    assert settings.stat().st_mode & 0o777 == 0o600
    run.stop(signal.SIGTERM)
    assert not settings.exists()


def test_without_a_demo_it_is_one_line_that_says_what_to_do(demo: Demo) -> None:
    run = demo.start("light")
    demo.description()
    run.process.kill()
    run.wait()

    done = manage(demo, "grant", "--help")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "The demo does not run, or is still starting: start it with make demo.\n"
