"""Duplicates: every message many times, out of order, after its delete too, on four pollers at once."""

from __future__ import annotations

import os
import signal
import time

from approvals.exceptions import Unavailable
from approvals.models import AuditEvent, QuarantinedMessage, ReviewTask
from approvals.polling import poller
from tests.faults.report import Result
from tests.faults.stage import Stage, forked
from tests.faults.truth import Breach

TOKENS, COPIES, RETURNS, POLLERS = 250, 10, 1, 4
KILL_EVERY = 1.5  # seconds
PATIENCE = 600.0


def campaign(stage: Stage, scale: float) -> Result:
    """5,000 deliveries of 250 tokens at scale 1, and of a tenth of them a second body under the same token."""
    tokens = max(10, round(TOKENS * scale))
    slug = "storm"
    queue = stage.more_queue(slug, sqs={"VisibilityTimeout": "2"})
    stage.aws.queue_faults(
        queue.sqs_url,
        copies=COPIES,
        reorder=True,
        returns=RETURNS,
        return_after=0.2,
        stale_deletes=0.05,
        failed_deletes=0.05,
    )
    stage.start(tokens, slug)
    genuine = sorted(set(stage.aws.bodies(queue.sqs_url)))
    forged = [
        body[:-1] + ', "note": "not what it was"}' for body in genuine[: max(1, tokens // 10)]
    ]
    kills = _polled_by(stage, slug)
    stage.aws.send(queue.sqs_url, forged)
    kills += _polled_by(stage, slug)

    deliveries = len([d for d in stage.aws.log.deliveries() if d["queue"] == slug])
    planned = (tokens + len(forged)) * COPIES * (1 + RETURNS)
    result = Result("duplicates", planned=planned, fired=deliveries)
    result.breaches = stage.judge(slugs=(slug,)) + _counted(tokens, len(forged))
    result.breaches += [Breach("harness", f"never happened: {fault}") for fault in stage.unfired()]
    result.notes = {
        "tokens": tokens,
        "deliveries": deliveries,
        "deletes": len([d for d in stage.aws.log.deletes() if d["queue"] == slug]),
        "conflicts": len(forged),
        "pollers killed": kills,
    }
    return result


def _counted(tokens: int, forged: int) -> list[Breach]:
    reviews = ReviewTask.objects.count()
    arrivals = AuditEvent.objects.filter(kind="review.received").count()
    conflicts = QuarantinedMessage.objects.filter(reason="conflict").count()
    found = []
    if (reviews, arrivals) != (tokens, tokens):
        sort = "doubled" if reviews > tokens else "lost"
        what = f"{reviews} reviews and {arrivals} arrivals of {tokens} tokens"
        found.append(Breach("I-3", what, sort))
    if conflicts != forged:
        found.append(Breach("I-3", f"{conflicts} of {forged} conflicts are in quarantine"))
    return found


def _polled_by(stage: Stage, slug: str) -> int:
    """Let four processes poll until the queue is empty, and kill one now and then; returns how many."""
    queue, log = stage.queues[slug], stage.folder / "pollers.log"

    def poll() -> None:
        while True:
            try:
                poller.poll_once(queue, wait_seconds=1)
            except Unavailable:
                time.sleep(0.05)

    pollers = [forked(poll, log=log) for _ in range(POLLERS)]
    began, kills, kill_at = time.monotonic(), 0, time.monotonic() + KILL_EVERY
    while stage.aws.queue_state(queue.sqs_url)["messages"]:
        time.sleep(0.3)
        if time.monotonic() > kill_at:
            victim = pollers.pop(stage.rng.randrange(len(pollers)))
            _end(victim, signal.SIGKILL)
            pollers.append(forked(poll, log=log))
            kills, kill_at = kills + 1, time.monotonic() + KILL_EVERY
        if time.monotonic() - began > PATIENCE:
            break
    for process in pollers:
        _end(process, signal.SIGTERM)
    return kills


def _end(pid: int, how: int) -> None:
    os.kill(pid, how)
    os.waitpid(pid, 0)
