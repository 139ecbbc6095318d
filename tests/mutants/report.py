"""The figures of a run: a table by module, the changes that no test has noticed, and a file with all of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.mutants.mutations import Mutation
from tests.mutants.trials import Outcome, Trial
from tests.paths import ROOT

COLUMNS = (Outcome.NOTICED, Outcome.TIMED_OUT, Outcome.SURVIVED, Outcome.NOT_RUN)


def rate(trials: Sequence[Trial]) -> float:
    """The share of changes that were noticed, between 0 and 1."""
    return sum(trial.noticed for trial in trials) / len(trials) if trials else 1.0


def line(trial: Trial) -> str:
    """One line about a trial."""
    where = f"{trial.mutation.path.relative_to(ROOT)}:{trial.mutation.line}"
    return f"{trial.outcome:<10} {where} {trial.mutation.operator} ({trial.seconds:.0f} s)"


def table(trials: Sequence[Trial]) -> str:
    """How many changes were noticed or not, by module."""
    rows: list[tuple[str, ...]] = [("module", *COLUMNS)]
    for module in [*sorted({each.mutation.module for each in trials}), "all"]:
        counts = Counter(each.outcome for each in trials if module in {each.mutation.module, "all"})
        rows.append((module, *(str(counts[column]) for column in COLUMNS)))
    width = max(len(row[0]) for row in rows)
    return "\n".join(
        row[0].ljust(width)
        + "".join(cell.rjust(len(head) + 2) for cell, head in zip(row[1:], COLUMNS, strict=True))
        for row in rows
    )


def unnoticed(trials: Sequence[Trial]) -> str:
    """The changes that were not noticed, with what they change."""
    return "\n".join(
        f"\n{line(trial)}, {trial.chosen} tests\n{trial.mutation.diff()}"
        for trial in trials
        if not trial.noticed
    )


def equivalents(known: Sequence[tuple[Mutation, str]]) -> str:
    """The changes of the sample that are known to be equivalent, with the reasons."""
    return "\n".join(
        f"{each.path.relative_to(ROOT)}:{each.line} {each.operator}: {why}" for each, why in known
    )


def write(
    path: Path, trials: Sequence[Trial], known: Sequence[tuple[Mutation, str]], **figures: Any
) -> None:
    """Write all that is known about a run as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        **figures,
        "rate": round(rate(trials), 4),
        "trials": [
            {
                **_as_json(trial.mutation),
                "outcome": trial.outcome,
                "failed": trial.failed,
                "tests": trial.chosen,
                "seconds": trial.seconds,
            }
            for trial in trials
        ],
        "equivalent": [{**_as_json(each), "why": why} for each, why in known],
    }
    path.write_text(json.dumps(document, indent=1))


def _as_json(mutation: Mutation) -> dict[str, Any]:
    return {
        "module": mutation.module,
        "line": mutation.line,
        "operator": mutation.operator,
        "diff": mutation.diff(),
    }
