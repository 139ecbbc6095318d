"""Make and the command line as the contract has them: every target, every option, every user's mistake."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import ManagementUtility, get_commands, load_command_class
from django.db import connections

import manage
from approvals.management import command
from tests import factories
from tests.contract import contract
from tests.measured import measured
from tests.paths import ROOT

Shell = Callable[[str], tuple[int, str, str]]
DJANGOS_OWN = {"migrate"}  # ours only words its refusals; its options are Django's
IN_MANAGE_PY = {"demo"}  # makes the settings that a management command needs
COMMANDS = [name for name in contract.due("command", contract.COMMANDS) if name not in IN_MANAGE_PY]
MISTAKES = [(name, line) for name in COMMANDS for line in contract.COMMANDS[name].mistakes]


# --- make


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A run of make, as from a shell that no other make has started."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    return subprocess.run(
        ["make", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def make_help() -> str:
    """What `make help` prints."""
    return make("help").stdout


@pytest.mark.parametrize("target", contract.due("make", contract.MAKE))
def test_make_has_the_target_and_says_what_it_does(make_help: str, target: str) -> None:
    planned = make("--dry-run", target)

    assert planned.returncode == 0, planned.stderr
    assert re.search(rf"^  make {target} +\w", make_help, re.MULTILINE)


@pytest.mark.parametrize("target", contract.not_yet("make"))
def test_make_does_not_have_yet_what_is_not_due(target: str) -> None:
    assert make("--dry-run", target).returncode == 2


# --- commands


def parser(name: str) -> argparse.ArgumentParser:
    """The parser of a command, or of one of its verbs."""
    command, _, verb = name.partition(" ")
    found: argparse.ArgumentParser
    found = load_command_class("approvals", command).create_parser("manage.py", command)
    if not verb:
        return found
    [verbs] = [a for a in found._actions if isinstance(a, argparse._SubParsersAction)]
    one: argparse.ArgumentParser = verbs.choices[verb]
    return one


def test_the_commands_are_those_of_the_contract() -> None:
    ours = {name for name, app in get_commands().items() if app == "approvals"}

    due = {name.partition(" ")[0] for name in COMMANDS}
    assert ours == due | DJANGOS_OWN


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_names_every_option_of_the_contract(name: str) -> None:
    promised = contract.COMMANDS[name]
    actions = parser(name)._actions
    stock = {o for action in parser("sweep")._actions for o in action.option_strings} - {"--once"}

    options = {option for action in actions for option in action.option_strings}
    takes = [action.dest for action in actions if not action.option_strings]

    assert set(promised.options.split()) <= options - stock
    assert takes == promised.takes.split()
    shown = parser(name).format_help()
    for option in promised.options.split():
        assert option in shown


@pytest.fixture
def shell(db: None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Shell:
    """`shell("grant a b")`: the exit code, and what went to standard output and error."""
    # A command closes its connections at its end; here they are the test's.
    monkeypatch.setattr(connections, "close_all", lambda: None)

    def run(line: str) -> tuple[int, str, str]:
        capfd.readouterr()
        try:
            ManagementUtility(["manage.py", *shlex.split(line)]).execute()
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        return code, *capfd.readouterr()

    return run


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_reads_help(shell: Shell, name: str) -> None:
    code, shown, said = shell(f"{name} --help")

    assert (code, said) == (0, "")
    assert f"usage: manage.py {name}" in shown


@pytest.mark.parametrize(("name", "line"), MISTAKES, ids=[f"{n} {m}" for n, m in MISTAKES])
def test_a_users_mistake_is_answered_in_one_line(shell: Shell, name: str, line: str) -> None:
    factories.queue("held")

    code, _, said = shell(f"{name} {line}")

    assert code == contract.COMMANDS[name].mistakes[line], said
    assert "Traceback" not in said
    # argparse shows the usage above its one line.
    text = re.sub(r"\Ausage: .*?(?=^manage.py)", "", said, flags=re.DOTALL | re.MULTILINE)
    words = [part for part in text.splitlines() if not part.startswith("{")]
    assert len(words) == 1, said


def test_the_exit_codes_are_those_of_the_contract() -> None:
    assert {
        "error": command.Error("").returncode,
        "usage": command.Usage("").returncode,
        "finding": command.FINDING,
    } == contract.EXIT_CODES


def test_a_mistake_before_the_settings_are_read_is_one_line_too() -> None:
    bare = {"PATH": os.environ["PATH"]} | measured()
    done = subprocess.run(
        [sys.executable, "manage.py", "sweep", "--once"],
        cwd=ROOT,
        env=bare,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)


def test_the_demo_reads_help_and_does_not_start() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "demo", "--help"],
        cwd=Path(manage.__file__).parent,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: manage.py demo")


@pytest.mark.parametrize("name", contract.not_yet("command"))
def test_a_command_that_is_not_due_is_not_there(name: str) -> None:
    assert name not in get_commands()


# --- processes


@pytest.mark.parametrize("process", contract.PROCESSES)
def test_a_process_starts_by_its_line(process: str) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            *shlex.split(process.removeprefix("python -m ")),
            contract.PROCESSES[process],
        ],
        cwd=ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
