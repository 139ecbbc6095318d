"""`python -m tests.mutants [--sample 300] [--seed N] [--module approvals.policy ...]`: make small wrong changes.

Prints a table and the changes that no test has noticed, and writes var/mutants.json. Exit code 0 when at
least 95 % were noticed, 3 when fewer were.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
from pathlib import Path

from tests import database
from tests.mutants import equivalent, line_tests, mutations, report, trials
from tests.mutants.mutations import MODULES, Mutation
from tests.mutants.trials import Outcome, Trial
from tests.paths import ROOT

REPORT = ROOT / "var" / "mutants.json"
ENOUGH = 0.95


def main() -> int:
    """Start a PostgreSQL for all trials, and make the changes of a sample."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--sample", type=int, default=300, help="how many changes; 0: all")
    parser.add_argument("--seed", type=int, default=None, help="repeat the sample of another run")
    parser.add_argument("--module", nargs="*", choices=MODULES, help="none: the whole core")
    parser.add_argument("--tests", nargs="*", help="choose among these files alone; none: all")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=REPORT)
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    server = None
    if "DATABASE_URL" in os.environ:
        database.migrate_template(os.environ["DATABASE_URL"])
    else:
        server = database.started()
        os.environ["DATABASE_URL"] = server.url
    os.environ["TEST_TEMPLATE"] = database.TEMPLATE
    try:
        return _run(options, seed)
    finally:
        if server:
            server.stop()
            shutil.rmtree(server.data, ignore_errors=True)


def _run(options: argparse.Namespace, seed: int) -> int:
    found = [each for module in options.module or MODULES for each in mutations.of_module(module)]
    apart = {each.place for each in found if each.apart}
    wanted = [each for each in found if not each.apart]
    drawn = mutations.sample(wanted, options.sample or len(wanted), seed)
    known = [(each, why) for each in drawn if (why := equivalent.reason(each))]
    _print(f"seed {seed}: {len(drawn)} changes of {len({each.place for each in wanted})} places")
    tried = _try([each for each in drawn if not equivalent.reason(each)], options)
    _print(report.unnoticed(tried))
    _print(f"\n{report.table(tried)}\n\nequivalent, not tried: {len(known)}")
    _print(report.equivalents(known))
    _print(f"places in type annotations, log lines and texts for debugging: {len(apart)}")
    _print(f"noticed: {report.rate(tried):.1%} of {len(tried)}")
    report.write(options.out, tried, known, seed=seed, apart=len(apart))
    return 0 if report.rate(tried) >= ENOUGH else 3


def _try(drawn: list[Mutation], options: argparse.Namespace) -> list[Trial]:
    tests = line_tests.find(options.tests or [], options.jobs)
    chosen = {each: tests.of(each) for each in drawn}
    ended = {each: Trial(each, Outcome.NOT_RUN) for each in drawn}
    for trial in trials.run([pair for pair in chosen.items() if pair[1]], options.jobs):
        ended[trial.mutation] = trial
        _print(report.line(trial))
    useless = trials.failing_without_a_change(ended.values())
    again = [each for each, trial in ended.items() if useless & set(trial.failed)]
    if again:
        _print(f"these tests fail without a change: {', '.join(sorted(useless))}")
        left = [(each, [test for test in chosen[each] if test not in useless]) for each in again]
        ended |= {trial.mutation: trial for trial in trials.run(left, options.jobs)}
    return list(ended.values())


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
