"""What a campaign found, as a row of the table and of var/faults.json."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.truth import Breach

COUNTED = ("lost", "doubled", "false_delivered", "misclassified")
COLUMNS = ("campaign", "planned", "fired", *COUNTED, "seconds", "ok")
SHOWN_BREACHES = 12


@dataclass
class Result:
    """One run of one campaign. `planned` and `fired` count faults; `notes` is what else is worth knowing."""

    campaign: str
    planned: int = 0
    fired: int = 0
    breaches: list[Breach] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether nothing broke, and all that was planned to go wrong did."""
        return not self.breaches and self.fired >= self.planned > 0

    def counts(self) -> dict[str, int]:
        """How many breaches there are of each sort the contract names."""
        seen = Counter(breach.counts_as for breach in self.breaches)
        return {name: seen[name] for name in COUNTED}

    def row(self, **run: Any) -> dict[str, Any]:
        """The row of var/faults.json; `run` is what all campaigns of a run share."""
        return {
            "campaign": self.campaign,
            **run,
            "planned": self.planned,
            "fired": self.fired,
            **self.counts(),
            "ok": self.ok,
            "seconds": round(self.seconds, 1),
            "notes": self.notes,
            "breaches": [asdict(breach) for breach in self.breaches],
        }


def summary(result: Result) -> str:
    """What happened, for a person: the figures, then each breach with its invariant."""
    lines = [f"{result.campaign}: {'ok' if result.ok else 'RED'}"]
    lines += [f"    {name}: {value}" for name, value in result.notes.items()]
    lines += [f"    {b.invariant} {b.what}" for b in result.breaches[:SHOWN_BREACHES]]
    if len(result.breaches) > SHOWN_BREACHES:
        lines.append(f"    ... and {len(result.breaches) - SHOWN_BREACHES} breaches more")
    if not result.breaches and not result.ok:
        lines.append(f"    only {result.fired} of {result.planned} planned faults happened")
    return "\n".join(lines)


def table(rows: Iterable[dict[str, Any]]) -> str:
    """The rows as a table of text."""
    lines = [[str(row[name]) for name in COLUMNS] for row in rows]
    whole = [list(COLUMNS), *lines]
    widths = [max(len(line[place]) for line in whole) for place in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in whole
    )


def write(rows: list[dict[str, Any]], path: Path) -> None:
    """Write var/faults.json."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=1, default=str) + "\n")
