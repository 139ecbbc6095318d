"""Deliveries under faults: lost replies, stalled calls, closed tokens, late senders, and undo races."""

from __future__ import annotations

import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

from django.db import connection

from approvals.actions import decisions
from approvals.delivery import callbacks, lanes
from approvals.exceptions import ApprovalsError
from approvals.gateways.errors import Answer, Proof
from approvals.models import OutboxEntry, ReviewTask
from approvals.models.choices import Outcome
from approvals.records import outbox, wake_ups
from tests.factories import actor
from tests.fake_aws import Fault
from tests.faults import checker, sweeper
from tests.faults.report import Result
from tests.faults.stage import AT_ONCE, Stage, due_now, hurry, on_their_way
from tests.faults.truth import Breach
from tests.races import at_once, second_look

REVIEWS, SWEEPERS, STALL = 1_000, 2, 3.0
RATES = {
    Fault.LOSE_REPLY_AFTER_APPLY: 0.20,
    Fault.LOSE_REPLY_BEFORE_APPLY: 0.10,
    Fault.THROTTLED: 0.20,
    Fault.SERVER_ERROR: 0.10,
    Fault.STALLED: 0.05,
    Fault.TOKEN_EXPIRES: 0.05,
    Fault.EXECUTION_ABORTS: 0.05,
}
LAST_WORDS = {Fault.LOSE_REPLY_AFTER_APPLY, Fault.TOKEN_EXPIRES, Fault.EXECUTION_ABORTS}
Drive = Callable[[], None]


def step_functions(stage: Stage, scale: float) -> Result:
    """1,000 decisions at scale 1, delivered by two sweeper processes, no broker, AWS at its worst."""
    with sweeper.running(SWEEPERS):
        return bad_network(stage, max(20, round(REVIEWS * scale)), lambda: None)


def by_ourselves() -> None:
    """What a sweeper does, once, in this process: for campaigns whose safeguards are taken away here."""
    lanes.drain(OutboxEntry.Lane.CALLBACKS)


def bad_network(stage: Stage, count: int, drive: Drive) -> Result:
    """Decide so many reviews whose calls have faults at these rates, and deliver all."""
    result = Result("step-functions")
    slugs = ["held", *(f"held-{number}" for number in range(3))]
    for slug in slugs[1:]:
        stage.more_queue(slug, reject_as=stage.rng.choice(["failure", "result"]))
    rows = [row for slug in slugs for row in stage.reviews(-(-count // len(slugs)), slug)][:count]
    plans = _plans(stage, rows)
    stage.aws.many("plan", plans)
    began = time.monotonic()
    for row in rows:
        outcome = stage.rng.choice(list(Outcome))
        decisions.decide(row.pk, outcome, by=actor(stage.ada, "api"), request=AT_ONCE)
    ended = _driven(drive, patience=60 + count * 0.6)
    result.breaches = stage.judge(slugs=tuple(slugs))
    result.breaches += [Breach("harness", f"never happened: {fault}") for fault in stage.unfired()]
    in_vain = sum(fault["kind"] == "in vain" for fault in stage.aws.unfired())
    result.planned = sum(len(plan["faults"]) for plan in plans) - in_vain
    result.fired = sum(
        number
        for operation, faults in stage.aws.fired().items()
        if operation.startswith("SendTask")
        for number in faults.values()
    )
    ends = Counter("/".join(e.delivery) for e in OutboxEntry.objects.filter(kind="callback"))
    result.notes = {
        "reviews": len(rows),
        "faults": dict(Counter(str(fault) for plan in plans for fault in plan["faults"])),
        "ends": dict(ends),
        **checker.ambiguities(),
        "all ended after": f"{time.monotonic() - began:.1f} s" if ended else "never",
    }
    return result


def _plans(stage: Stage, rows: list[ReviewTask]) -> list[dict[str, Any]]:
    """For each token the faults of its calls, drawn by the rates; the first few meet one of each kind."""
    plans = []
    for number, row in enumerate(rows):
        faults = [list(RATES)[number]] if number < len(RATES) else _drawn(stage.rng)
        if faults:
            token = stage.token_of(row)
            plans.append(
                {
                    "operation": "SendTask*",
                    "faults": [str(fault) for fault in faults],
                    "token": token,
                    "stall_seconds": STALL,
                }
            )
    return plans


def _drawn(rng: random.Random) -> list[Fault]:
    """Faults of one token's calls: until a call goes through, or a fault after which none is made."""
    faults: list[Fault] = []
    while not LAST_WORDS & set(faults):
        place, chosen = rng.random(), None
        for fault, share in RATES.items():
            if place < share:
                chosen = fault
                break
            place -= share
        if chosen is None:
            break
        faults.append(chosen)
    return faults


def _driven(drive: Drive, *, patience: float) -> bool:
    """Cut pauses short until nothing is on its way; False where that did not come in time."""
    until = time.monotonic() + patience
    while on_their_way():
        if time.monotonic() > until:
            return False
        hurry()
        drive()
        time.sleep(0.25)
    return True


def late_senders(stage: Stage, scale: float) -> Result:
    """Senders whose lease ran out: they may record a result, and change no entry.

    Half of them come back with a refusal, half with AWS's 200, while another sender is at it.
    """
    rows = stage.reviews(max(6, round(100 * scale)))
    taken = []
    for row in rows:
        decisions.decide(row.pk, Outcome.APPROVED, by=actor(stage.ada, "api"), request=AT_ONCE)
        entry = stage.entry_of(row)
        first = outbox.lease(entry.pk)
        due_now("id = %s", [entry.pk])
        taken.append((row, first, outbox.lease(entry.pk)))
    for number, (_, first, _) in enumerate(taken):
        if number % 2:
            callbacks.send(first)
        else:
            callbacks.conclude(first, Answer(Proof.THROTTLED, "ThrottlingException"))
    result = Result("late-senders", planned=len(rows), fired=len(taken))
    result.breaches = stage.judge(finished=False)
    for row, _, second in taken:
        callbacks.send(second)
        stage.deliver(row)
    result.breaches += stage.judge()
    return result


def undo_races(stage: Stage, scale: float) -> Result:
    """Undo just too late, in time, and at the same moment as the delivery: one has won, and all agree."""
    rows = stage.reviews(max(6, round(200 * scale)))
    result = Result("undo-races", planned=len(rows))
    ruling = decisions.DecisionRequest(undo_seconds=3600)
    undone = 0
    for number, row in enumerate(rows):
        decided = decisions.decide(row.pk, Outcome.APPROVED, by=actor(stage.ada), request=ruling)
        entry = stage.entry_of(row)
        due_now("id = %s", [entry.pk])

        def undo(decision: Any = decided.decision_id) -> object:
            return decisions.undo(decision, by=actor(stage.ada))

        def send(entry_id: Any = entry.pk) -> object:
            return lanes.deliver(entry_id)

        try:
            if number % 3 == 0:
                send()
            outcomes = at_once([undo] if number % 3 < 2 else [undo, send])
            undone += not isinstance(outcomes[0], ApprovalsError)
            result.fired += 1
        except Exception as error:  # noqa: BLE001  (anything but a refusal is what is looked for)
            result.breaches.append(Breach("I-5", f"undo or delivery raised {type(error).__name__}"))
        stage.deliver(row)
    result.breaches += stage.judge()
    result.notes = {"undone": undone}
    return result


def send_wake_ups(stage: Stage, scale: float) -> Result:
    """Each wake-up names a committed row, and a broker that fails delays no decision."""
    rows = stage.reviews(max(6, round(200 * scale)))
    result = Result("hints", planned=len(rows))
    with _hints() as seen:
        for row in rows:
            decisions.decide(row.pk, Outcome.APPROVED, by=actor(stage.ada, "api"), request=AT_ONCE)
    result.fired = len(seen)
    early = [row for row, committed in seen if not committed]
    result.breaches = [
        Breach("I-6", f"a wake-up was sent before its row {row} was there") for row in early
    ]
    for row in rows:
        stage.deliver(row)
    result.breaches += stage.judge()
    return result


@contextlib.contextmanager
def _hints() -> Iterator[list[tuple[str, bool]]]:
    """The rows of the wake-ups that are sent, and whether another connection could see them then."""
    seen: list[tuple[str, bool]] = []

    class Broker:
        def send_task(self, _name: str, args: list[str], **_: Any) -> None:
            with second_look() as other:
                query = "SELECT count(*) FROM approvals_outboxentry WHERE id = %s"
                found = other.execute(query, args).fetchone() == (1,)
            seen.append((args[0], found))
            raise ConnectionError("no broker")

    with mock.patch.object(wake_ups, "current_app", Broker()):
        yield seen
        assert wake_ups.flush(60)
        connection.close()
