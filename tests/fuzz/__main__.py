"""`python -m tests.fuzz [--seconds 600] [TARGET ...]`: fuzz the readers of what comes from outside, by coverage.

Each target runs in a process of its own, because libFuzzer ends it. An input that breaks what must hold is kept
as var/fuzz/TARGET-crash-..., and the exit code is 3. The corpus stays in var/fuzz/TARGET for the next run.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys

from tests.paths import ROOT

NAMES = ("message", "map", "orders", "definition")
SHORTEST = 5  # seconds of a target
# A database that nothing asks: the readers are pure, but the models beside them want settings.
ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "tests.settings",
    "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
}


def main() -> int:
    """Run the targets one after the other and print what each has done."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--seconds", type=int, default=600, help="for all targets together")
    asked = parser.parse_args()
    targets = asked.targets or list(NAMES)
    if unknown := set(targets) - set(NAMES):
        parser.error(f"no target {', '.join(sorted(unknown))}")
    each = max(asked.seconds // len(targets), SHORTEST)
    reports = [fuzzed(name, each) for name in targets]
    sys.stdout.write("".join(f"{text}\n" for _, text in reports))
    return 0 if all(held for held, _ in reports) else 3


def fuzzed(name: str, seconds: int) -> tuple[bool, str]:
    """Whether everything held in a target that was fuzzed so long, and a line or the end of its report."""
    command = [sys.executable, "-m", "tests.fuzz.by_coverage", name, str(seconds)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    ran = re.findall(r"Done (\d+) runs in (\d+)", done.stderr)
    edges = re.findall(r"cov: (\d+)", done.stderr)
    if done.returncode == 0 and ran:
        count, took = ran[-1]
        covered = edges[-1] if edges else "no"
        return True, f"{name}: {count} inputs in {took} s, {covered} edges, nothing broke"
    return False, f"{name}: exit code {done.returncode}\n{done.stderr[-6_000:]}"


if __name__ == "__main__":
    sys.exit(main())
