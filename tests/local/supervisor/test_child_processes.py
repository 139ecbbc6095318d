"""Child processes: logs, restarts, and how they are stopped."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from local.processes import LocalError
from local.supervisor import child_processes
from local.supervisor.child_processes import ChildProcesses
from local.supervisor.programs import Program
from tests.conditions import wait_until
from tests.local.processes import described, is_alive


class Children(ChildProcesses):
    """Child processes of Python code in one directory; `said` has what they would print."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[str] = []
        super().__init__(folder, dict(os.environ), cwd=folder, say=self.said.append)

    def run(self, name: str, code: str, *, grace: float = 10.0) -> None:
        """Start a child; its code can write to `name.pid` by `ready()`."""
        ready = (
            "import os, pathlib, signal, sys, time\n"
            f"def ready(): pathlib.Path('{name}.pid').write_text(str(os.getpid()))\n"
        )
        self.start(Program(name, (sys.executable, "-c", ready + code), grace=grace))

    def pid(self, name: str) -> int:
        """The process id of a child once it is ready."""
        path = self.folder / f"{name}.pid"
        return int(wait_until(lambda: path.exists() and path.read_text(), what=f"child {name}"))


@pytest.fixture
def children(tmp_path: Path) -> Children:
    return Children(tmp_path)


def test_a_crashed_child_comes_back_and_its_leftovers_do_not_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, children: Children
) -> None:
    monkeypatch.setattr(child_processes, "_PAUSE_SECONDS", 0.0)
    mark = tmp_path / "times"
    children.run(
        "odd",
        "import subprocess\n"
        "mark = pathlib.Path('times')\n"
        "times = mark.read_text() if mark.exists() else ''\n"
        "helper = subprocess.Popen(['sleep', '600'])\n"
        "mark.write_text(times + f'{helper.pid} ')\n"
        "sys.exit('first time') if not times else time.sleep(600)",
    )

    def twice() -> bool:
        children.watch()
        return mark.exists() and len(mark.read_text().split()) == 2

    wait_until(twice, what="the second start")
    children.stop()

    assert "    first time" in children.said
    helpers = [int(pid) for pid in mark.read_text().split()]
    wait_until(
        lambda: not any("sleep" in described(pid) for pid in helpers), what="the end of the helpers"
    )


def test_the_pause_before_a_restart_doubles_up_to_its_limit(
    monkeypatch: pytest.MonkeyPatch, children: Children
) -> None:
    monkeypatch.setattr(child_processes, "_PAUSE_SECONDS", 0.004)
    monkeypatch.setattr(child_processes, "_LONGEST_PAUSE_SECONDS", 0.05)
    pauses: list[float] = []
    children.run("odd", "sys.exit(3)")
    child = children._children[0]

    def seven_ends() -> bool:
        waited = child.restart_at
        children.watch()
        if waited is None and child.restart_at is not None:
            pauses.append(child.restart_at - time.monotonic())
        return len(pauses) == 7

    wait_until(seven_ends, seconds=60, what="seven ends")
    children.stop()

    nominal = [0.004, 0.008, 0.016, 0.032, 0.05, 0.05, 0.05]
    assert all(0 < pause <= most for pause, most in zip(pauses, nominal, strict=True))
    assert all(pause > most / 2 for pause, most in zip(pauses[3:], nominal[3:], strict=True))


def test_the_last_child_stops_first(tmp_path: Path, children: Children) -> None:
    noting = (
        "def stop(*_):\n"
        "    with open('stopped', 'a') as file: file.write({name!r})\n"
        "    sys.exit()\n"
        "signal.signal(signal.SIGTERM, stop); ready(); time.sleep(600)"
    )
    for name in ("a", "b", "c"):
        children.run(name, noting.format(name=name))
        children.pid(name)

    children.stop()

    assert (tmp_path / "stopped").read_text() == "cba"


def test_a_child_that_ignores_sigterm_is_killed_after_its_grace(children: Children) -> None:
    code = "signal.signal(signal.SIGTERM, signal.SIG_IGN); ready(); time.sleep(600)"
    children.run("stubborn", code, grace=0.1)
    pid = children.pid("stubborn")

    children.stop()

    assert not is_alive(pid)


def test_a_child_that_ends_while_the_demo_starts_is_named_with_its_log(children: Children) -> None:
    children.run("web", "ready(); sys.exit('no such setting')")
    pid = children.pid("web")
    wait_until(lambda: not is_alive(pid), what="the end of the child")

    with pytest.raises(LocalError, match=r"the web process did not start: see .*web\.log"):
        children.check_all_alive()

    assert "    no such setting" in children.said
