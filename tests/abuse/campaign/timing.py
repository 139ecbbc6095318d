"""What the honest ones measured: their waits in quiet and under attack, and what became of each order."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from local.processes import dying_with_me
from tests.abuse.campaign.service import Service
from tests.bench.processes import HEADERS
from tests.paths import ROOT

TIMES = 3.0  # the p99 under attack, at most, of the quiet p99
#: Whose waits are judged: of the reviewer all requests, of the sender until the review is there, then until the
#: decision is delivered. The attacked queue is not judged by time: its backlog is the attacker's.
JUDGED = {
    "reviewer": ("queue page", "review page", "claim", "decide", "read"),
    "sender": ("arrival",),
    "delivery": ("delivery",),
}
Sample = tuple[str, float, float, int]


@dataclass
class Honest:
    """The process of the honest ones; windows of time by name, `quiet` ones among them."""

    service: Service
    process: subprocess.Popen[str]
    windows: list[tuple[str, float, float]] = field(default_factory=list)
    measured: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def begin(cls, service: Service, every: float) -> Honest:
        """Start them: a round of each every so many seconds."""
        plan = {
            "port": service.web.port,
            "aws": service.aws.endpoint,
            "machines": service.machines,
            "people": {
                "honest": service.people["hanna"],
                "attacked": service.people["hugo"],
            },
            "headers": {**HEADERS, "X-Forwarded-For": "203.0.113.10"},
            "every": every,
        }
        with (service.folder / "honest.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.abuse.campaign.honest"],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                preexec_fn=dying_with_me(),  # noqa: PLW1509
            )
        assert process.stdin is not None
        process.stdin.write(json.dumps(plan) + "\n")
        process.stdin.flush()
        return cls(service, process)

    @contextmanager
    def window(self, name: str) -> Iterator[None]:
        """What is measured meanwhile is of this attack, or `quiet`."""
        began = time.time()
        try:
            yield
        finally:
            self.windows.append((name, began, time.time()))

    def quiet(self, seconds: float) -> None:
        """Let them work by themselves."""
        with self.window("quiet"):
            time.sleep(seconds)

    def end(self) -> None:
        """Let them end their rounds, and read what they measured."""
        said, _ = self.process.communicate("stop\n", timeout=600)
        self.measured = json.loads(said)

    def stop(self) -> None:
        """Kill them, if they have not ended."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def waits(self, whose: str, window: str) -> list[float]:
        """Seconds, sorted, of what was begun during windows of this name."""
        names = {f"honest: {kind}" for kind in JUDGED[whose]}
        spans = [(began, ended) for name, began, ended in self.windows if name == window]
        return sorted(
            seconds
            for name, at, seconds, _ in self.measured["samples"]
            if name in names and any(began <= at <= ended for began, ended in spans)
        )


def p99(waits: list[float]) -> float:
    """The 99th percentile of sorted seconds; 0 of none."""
    return waits[min(len(waits) - 1, int(len(waits) * 0.99))] if waits else 0.0


def slower(honest: Honest, window: str) -> dict[str, dict[str, float]]:
    """By whom: the p99 during an attack and its ratio to the quiet one."""
    found = {}
    for whose in JUDGED:
        quiet, attacked = p99(honest.waits(whose, "quiet")), p99(honest.waits(whose, window))
        ratio = attacked / quiet if quiet else 0.0
        found[whose] = {
            "p99": round(attacked, 3),
            "quiet": round(quiet, 3),
            "times": round(ratio, 2),
        }
    return found


def ends(honest: Honest) -> tuple[Counter[str], list[str]]:
    """What became of the honest orders: counts, and a sentence for each that is lost, doubled or falsely shown."""
    service, breaches = honest.service, [f"trouble: {text}" for text in honest.measured["troubles"]]
    counts: Counter[str] = Counter()
    for order in honest.measured["orders"]:
        counts["orders"] += 1
        name = order["order"]
        if not order.get("delivered"):
            breaches.append(f"lost: {name} came to {sorted(order)}")
            counts["lost"] += 1
            continue
        (task,) = service.aws.tasks(order["execution"])
        effect = service.aws.log.effect_of(task["token"]) or {}
        made = service.count(
            "SELECT count(*) FROM approvals_decision WHERE review_id = %s", order["review"]
        )
        if made != 1:
            breaches.append(f"doubled: {name} has {made} decisions")
            counts["doubled"] += 1
        if effect.get("decision_id") != order["decision"]:
            breaches.append(f"falsely delivered: {name}")
            counts["false_delivered"] += 1
    return counts, breaches
