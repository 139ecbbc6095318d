"""The rows of var/abuse.json, and the table of a run."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.abuse.campaign.attack import Attack
from tests.abuse.campaign.service import Service
from tests.abuse.campaign.timing import TIMES

SHOWN = 12
COLUMNS = (
    "attack",
    "planned",
    "happened",
    "seconds",
    "reviewer",
    "sender",
    "delivery",
    "web MiB",
    "worker MiB",
    "ok",
)
WORKERS = ("poller", "worker", "sweeper")


def row(
    attack: Attack, times: dict[str, dict[str, float]], peaks: dict[str, float], **run: Any
) -> dict[str, Any]:
    """One attack; `times` are the honest ones' waits, `peaks` MiB of the largest process so far."""
    return {
        "attack": attack.name,
        **run,
        "planned": attack.planned,
        "happened": attack.happened,
        "ok": not attack.breaches and attack.happened >= attack.planned > 0,
        "seconds": round(attack.seconds, 1),
        "honest": times,
        "peak_mib": {name: round(peak) for name, peak in peaks.items()},
        "notes": attack.notes,
        "breaches": attack.breaches,
    }


def summary(line: dict[str, Any]) -> str:
    """What happened, for a person."""
    said = [f"{line['attack']}: {'ok' if line['ok'] else 'RED'}"]
    said += [f"    {name}: {value}" for name, value in line["notes"].items()]
    said += [f"    ! {breach}" for breach in line["breaches"][:SHOWN]]
    if len(line["breaches"]) > SHOWN:
        said.append(f"    ... and {len(line['breaches']) - SHOWN} more")
    if not line["breaches"] and not line["ok"]:
        said.append(f"    only {line['happened']} of {line['planned']} happened")
    return "\n".join(said)


def table(rows: Iterable[dict[str, Any]]) -> str:
    """The rows as text; of the honest ones p99 in seconds, and how many times the quiet one that is."""
    cells = [list(COLUMNS), *(_cells(line) for line in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )


def _cells(line: dict[str, Any]) -> list[str]:
    honest = [f"{each['p99']:.2f} ({each['times']:.1f})" for each in line["honest"].values()] or [
        "",
        "",
        "",
    ]
    peaks = line["peak_mib"]
    worker = max((peaks.get(name, 0) for name in WORKERS), default=0)
    counts = [str(line[name]) for name in ("attack", "planned", "happened", "seconds")]
    return [*counts, *honest, str(peaks.get("web", 0)), str(worker), "yes" if line["ok"] else "NO"]


def judge_processes(attack: Attack, service: Service) -> None:
    """No process has passed its limit, none has ended, and none has run out of memory."""
    attack.breaches += service.memory.over() + service.memory.replaced()
    attack.breaches += [f"{name} has ended" for name, runs in service.alive().items() if not runs]
    for name in ("web", *WORKERS):
        log = (service.folder / f"{name}.log").read_text(errors="replace")
        if "MemoryError" in log:
            attack.breaches.append(f"{name} ran out of memory")


def judge_times(attack: Attack, times: dict[str, dict[str, float]]) -> None:
    """The p99 of the honest ones is within three times its quiet value."""
    for whose, each in times.items():
        if each["times"] > TIMES:
            what = (
                f"{each['p99']:.2f} s is {each['times']:.1f} times the quiet {each['quiet']:.2f} s"
            )
            attack.breaches.append(f"p99 of the {whose}: {what}")


def write(rows: list[dict[str, Any]], path: Path) -> None:
    """Write var/abuse.json."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=1, default=str) + "\n")
