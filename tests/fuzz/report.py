"""What a fuzz run has asked and seen: printed as a table, written to var/fuzz.json."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass
class Finding:
    """A check that failed, with one request that shows it and how often it did."""

    check: str
    operation: str
    caller: str
    message: str
    request: str
    known: str = ""
    times: int = 1


@dataclass
class Report:
    """Counts of cases and of answers by operation, and what was wrong."""

    seed: int
    planned: int
    cases: int = 0
    seconds: float = 0.0
    asked: Counter[str] = field(default_factory=Counter)
    answers: dict[str, Counter[int]] = field(default_factory=dict)
    findings: dict[tuple[str, ...], Finding] = field(default_factory=dict)

    def saw(self, operation: str, status: int) -> None:
        """Count one answer."""
        self.asked[operation] += 1
        self.answers.setdefault(operation, Counter())[status] += 1

    def found(self, finding: Finding, *, title: str) -> None:
        """Keep a finding once; the shortest request that shows it is the one to read."""
        kept = self.findings.setdefault((finding.check, finding.operation, title), finding)
        if kept is not finding:
            kept.times += 1
            kept.request = min(kept.request, finding.request, key=len)

    @property
    def new(self) -> list[Finding]:
        """What is not on the list of open findings."""
        return [finding for finding in self.findings.values() if not finding.known]

    def never_succeeded(self, operations: list[str]) -> list[str]:
        """Operations that never answered 2xx."""
        return [
            name
            for name in operations
            if not any(200 <= status < 300 for status in self.answers.get(name, ()))
        ]

    def write(self, path: Path) -> None:
        """As JSON."""
        content = {
            "seed": self.seed,
            "planned": self.planned,
            "cases": self.cases,
            "seconds": round(self.seconds, 1),
            "operations": {
                name: {
                    "cases": self.asked[name],
                    "statuses": dict(sorted(self.answers[name].items())),
                }
                for name in sorted(self.answers)
            },
            "findings": [asdict(finding) for finding in self.findings.values()],
        }
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content, indent=2) + "\n")

    def __str__(self) -> str:
        lines = [
            f"{name:<60}{self.asked[name]:>6}  "
            + " ".join(f"{status}:{n}" for status, n in sorted(self.answers[name].items()))
            for name in sorted(self.answers)
        ]
        for finding in self.findings.values():
            mark = f"open: {finding.known}" if finding.known else "NEW"
            where = f"{finding.check}, {finding.operation}, as {finding.caller}"
            lines += [
                f"\n{mark}: {where} ({finding.times} times)",
                finding.message,
                finding.request,
            ]
        lines.append(f"\n{self.cases} cases, seed {self.seed}, {self.seconds:.0f} s")
        return "\n".join(lines)
