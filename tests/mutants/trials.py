"""Trials: a change is written into a copy of the tree, and the tests that run its lines are run there."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from local.processes import dying_with_me
from tests import database
from tests.mutants.line_tests import FOLDER
from tests.mutants.mutations import Mutation
from tests.paths import ROOT

FIRST, MORE = 60, 240  # tests: what the first notice needs no others
SECONDS = 240.0  # for each of the two runs; without a change they take a few seconds to a minute
# Those that the tests need: the other plugins take seconds to load.
PLUGINS = ("-p", "pytest_django.plugin", "-p", "_hypothesis_pytestplugin")
PYTEST = ("-m", "pytest", *PLUGINS, "-x", "-q", "--tb=no", "--hypothesis-seed=0")
NO_SUCH_TEST, PASSED = 4, 0


class Outcome(StrEnum):
    """What became of a change."""

    NOTICED = "noticed"
    TIMED_OUT = "timed out"
    SURVIVED = "survived"
    NOT_RUN = "not run by any test"


@dataclass(frozen=True)
class Trial:
    """The outcome of one change, the tests that failed, and how many were chosen."""

    mutation: Mutation
    outcome: Outcome
    failed: tuple[str, ...] = ()
    chosen: int = 0
    seconds: float = 0.0

    @property
    def noticed(self) -> bool:
        """Whether a test failed, or ran for longer than it may."""
        return self.outcome in {Outcome.NOTICED, Outcome.TIMED_OUT}


class Copy:
    """A copy of the tree with a database of its own, in which one trial runs at a time."""

    def __init__(self, number: int) -> None:
        self.root = FOLDER / str(number)
        self.cache = self.root / ".pytest_cache"
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("COV", "PYTEST"))},
            "DATABASE_URL": _database(f"trial_{number}"),
            "TEST_TEMPLATE": database.TEMPLATE,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        }
        _copy_tree(self.root)

    def judge(self, mutation: Mutation, tests: Sequence[str]) -> Trial:
        """Run tests against a change, the first ones on their own, until one fails."""
        began = time.monotonic()
        failed: tuple[str, ...] | None = ()
        with self._changed(mutation):
            for some in (tests[:FIRST], tests[FIRST : FIRST + MORE]):
                if some and failed == ():
                    failed = self.failing(some)
        outcome = Outcome.TIMED_OUT if failed is None else Outcome.SURVIVED
        if failed:
            outcome = Outcome.NOTICED
        seconds = round(time.monotonic() - began, 1)
        return Trial(mutation, outcome, failed or (), min(len(tests), FIRST + MORE), seconds)

    def failing(self, tests: Sequence[str]) -> tuple[str, ...] | None:
        """The first of these tests that fails, or what cannot be collected; None after SECONDS."""
        shutil.rmtree(self.cache, ignore_errors=True)
        process = subprocess.Popen(
            [sys.executable, *PYTEST, *tests],
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=dying_with_me(),  # noqa: PLW1509
        )
        try:
            output, _ = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return None
        if process.returncode == PASSED:
            return ()
        if process.returncode == NO_SUCH_TEST and "ERROR: not found" in output:
            functions = sorted({test.partition("[")[0] for test in tests})
            if functions == sorted(tests):
                raise LookupError(output[-2000:])
            return self.failing(functions)  # the change concerns what tests are parametrized with
        last = self.cache / "v/cache/lastfailed"
        failed = tuple(json.loads(last.read_text())) if last.exists() else ()
        return failed or (output[-200:],)  # the tests do not even start

    @contextmanager
    def _changed(self, mutation: Mutation) -> Iterator[None]:
        """The copy with the change; compiled files are removed, whose age does not tell two changes apart."""
        file = self.root / mutation.path.relative_to(ROOT)
        try:
            file.write_text(mutation.text() or "")
            _remove_compiled(file)
            yield
        finally:
            shutil.copyfile(mutation.path, file)
            _remove_compiled(file)


def run(chosen: Sequence[tuple[Mutation, Sequence[str]]], jobs: int) -> Iterator[Trial]:
    """Try changes against their tests, `jobs` at a time; yields the trials in the order of the changes."""
    copies: queue.SimpleQueue[Copy] = queue.SimpleQueue()
    for number in range(jobs):
        copies.put(Copy(number))

    def one(each: tuple[Mutation, Sequence[str]]) -> Trial:
        copy = copies.get()
        try:
            return copy.judge(*each)
        finally:
            copies.put(copy)

    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(one, chosen)


def failing_without_a_change(trials: Iterable[Trial]) -> set[str]:
    """The tests that failed in trials and fail without a change, too: they have noticed nothing."""
    suspects = sorted({test for trial in trials for test in trial.failed if "::" in test})
    failed: set[str] = set()
    copy = Copy(0)
    while suspects:
        found = copy.failing(suspects)
        if not found:
            break
        failed |= set(found)
        suspects = [test for test in suspects if test not in failed]
    return failed


def _database(name: str) -> str:
    """The URL of an empty database: that of the tests, beside it, gets its name."""
    server = os.environ["DATABASE_URL"]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}"')
    return urlsplit(server)._replace(path=f"/{name}").geturl()


def _copy_tree(to: Path) -> None:
    """Copy what git knows or would add, and link the installed packages."""
    shutil.rmtree(to, ignore_errors=True)
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)
    (to / ".venv").symlink_to((ROOT / ".venv").resolve())


def _remove_compiled(file: Path) -> None:
    for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
        compiled.unlink()
