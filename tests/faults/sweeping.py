"""The sweeper alone: no broker, decisions at a rate, one of two sweepers killed now and then, one call stuck."""

from __future__ import annotations

import signal
import time
from typing import Any
from uuid import UUID

from django.db import connection

from approvals.actions import decisions
from approvals.models import OutboxEntry
from approvals.models.choices import Outcome
from approvals.records import outbox
from tests.factories import actor
from tests.faults import sweeper
from tests.faults.report import Result
from tests.faults.stage import AT_ONCE, Stage, due_now
from tests.faults.truth import Breach

SECONDS, RATE = 120, 5.0  # of deciding; decisions a second
GOAL, AFTER_A_KILL = 10.0, outbox.LEASE.total_seconds() + 10.0  # seconds: p99; at most
KILL_EVERY = 8.0  # seconds
STUCK_FOR = 9.0  # seconds of every call of the stuck one: just under the read timeout of ten
QUIET = 70.0
SMALL = 0.05


def campaign(stage: Stage, scale: float) -> Result:
    """How long it takes from a decision to its proved end, and that one stuck row delays no other."""
    count = max(24, round(SECONDS * RATE * scale))
    stuck, *rows = stage.reviews(count + 1)
    stage.aws.plan(
        "SendTask*", ["stalled_after"], token=stage.token_of(stuck), stall_seconds=STUCK_FOR
    )
    kills = 0
    with sweeper.running(2, patient=True) as processes:
        _wait_until_they_sweep(stage)
        decisions.decide(stuck.pk, Outcome.APPROVED, by=actor(stage.ada, "api"), request=AT_ONCE)
        next_at, kill_at = time.monotonic(), time.monotonic() + min(KILL_EVERY, count / RATE / 2)
        for row in rows:
            time.sleep(max(0.0, next_at - time.monotonic()))
            next_at += 1 / RATE
            decisions.decide(row.pk, Outcome.APPROVED, by=actor(stage.ada, "api"), request=AT_ONCE)
            if time.monotonic() > kill_at:
                victim = processes.pop(kills % 2)
                victim.send_signal(signal.SIGKILL)
                victim.wait()
                processes.append(sweeper.begun(patient=True))
                kills, kill_at = kills + 1, time.monotonic() + KILL_EVERY
        _wait_for_the_rest(hurried=scale < SMALL)
    waits, cut = _waits({row.pk for row in rows})
    result = Result("sweeper", planned=1 + max(1, kills), fired=1 + kills)
    result.breaches = stage.judge()
    p99 = _share(waits, 0.99)
    if p99 > GOAL:
        result.breaches.append(Breach("I-11", f"p99 from decision to delivered is {p99:.1f} s"))
    if max(cut, default=0.0) > AFTER_A_KILL:
        what = f"a decision whose sender was killed took {max(cut):.1f} s"
        result.breaches.append(Breach("I-11", what))
    if len(waits) + len(cut) < count:
        what = f"{count - len(waits) - len(cut)} decisions did not arrive in {QUIET:.0f} s"
        result.breaches.append(Breach("I-11", what))
    result.breaches += [Breach("harness", f"never happened: {fault}") for fault in stage.unfired()]
    result.notes = {"decisions": count, "sweepers killed": kills, **_figures(waits, cut)}
    return result


def _figures(waits: list[float], cut: list[float]) -> dict[str, Any]:
    """What a report shows of the waits, and of those whose sender was killed."""
    return {
        "a second": RATE,
        "p50": f"{_share(waits, 0.5):.2f} s",
        "p99": f"{_share(waits, 0.99):.2f} s",
        "longest": f"{max(waits, default=0):.2f} s",
        "calls that died with one": len(cut),
        "longest of those": f"{max(cut, default=0):.1f} s",
        "p99 with those": f"{_share(sorted(waits + cut), 0.99):.2f} s",
    }


def _wait_until_they_sweep(stage: Stage) -> None:
    """Their start is not what is measured: a first decision goes before."""
    first = stage.reviews(1)[0]
    decisions.decide(first.pk, Outcome.APPROVED, by=actor(stage.ada, "api"), request=AT_ONCE)
    _wait_for_the_rest()
    time.sleep(1.0)


def _wait_for_the_rest(*, hurried: bool = False) -> None:
    """Until nothing is on its way; a small run does not sit through the lease of a killed sender."""
    until, began = time.monotonic() + QUIET, time.monotonic()
    while time.monotonic() < until:
        if not OutboxEntry.objects.filter(state__in=["waiting", "sending"]).exists():
            return
        if hurried and time.monotonic() > began + STUCK_FOR + 2:
            due_now()
        time.sleep(0.2)


def _waits(of: set[UUID]) -> tuple[list[float], list[float]]:
    """Seconds from each decision to its proved end: those nothing befell, and those cut off by a kill."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM e.ended_at - d.decided_at)::float8, EXISTS ("
            " SELECT FROM approvals_outboxattempt a WHERE a.entry_id = e.id AND a.ended_at IS NULL)"
            " FROM approvals_decision d"
            " JOIN approvals_outboxentry e ON e.subject = d.id AND e.kind = 'callback'"
            " WHERE e.state = 'settled' AND d.review_id = ANY(%s) ORDER BY 1",
            [list(of)],
        )
        rows = cursor.fetchall()
    return [wait for wait, cut in rows if not cut], [wait for wait, cut in rows if cut]


def _share(waits: list[float], share: float) -> float:
    return waits[min(len(waits) - 1, int(len(waits) * share))] if waits else float("inf")
