"""What waits in the queues that somebody leads, who holds what, and what is stuck: lists with an end each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from approvals.models import ReviewQueue
from approvals.models.outbox import UNKNOWABLE, Detail
from approvals.records import statements

SOON = timedelta(hours=1)
MOST_COUNTED = 10_000  # rows in all queues together: a full count is slow
MOST_STUCK, MOST_CLAIMS = 100, 200
MOST_LISTED = 10  # of each queue and kind
BY_END = {"claimed", "overdue", "unproved", "held"}
PARKED = (Detail.INVALID_TOKEN, Detail.INVALID_OUTPUT, Detail.ACCESS_DENIED, Detail.KEY_MISSING)

# Each count reads at most so many entries of an index of its own.
_COUNTS = """
WITH claimed AS MATERIALIZED (
  SELECT queue_id, count(*) AS n FROM approvals_reviewtask
  WHERE status = 'pending' AND assignee_id IS NOT NULL AND lease_expires_at > %(now)s
    AND queue_id = ANY(%(queues)s) GROUP BY queue_id
), failed AS MATERIALIZED (
  SELECT j.queue_id, count(DISTINCT j.id) AS n FROM approvals_bulkitem i
  JOIN approvals_bulkjob j ON j.id = i.job_id
  JOIN approvals_reviewtask r ON r.id = i.review_id AND r.status = 'pending'
  WHERE i.state = 'failed' AND j.queue_id = ANY(%(queues)s) AND j.status = 'finished'
  GROUP BY j.queue_id
), queue (id) AS (SELECT * FROM unnest(%(queues)s::uuid[]))
SELECT queue.id,
  (SELECT count(*) FROM (SELECT FROM approvals_reviewtask
    WHERE queue_id = queue.id AND status = 'pending' LIMIT %(most)s) open),
  (SELECT min(received_at) FROM approvals_reviewtask
    WHERE queue_id = queue.id AND status = 'pending'),
  (SELECT count(*) FROM (SELECT FROM approvals_reviewtask
    WHERE queue_id = queue.id AND status = 'pending'
      AND deadline_at > %(now)s AND deadline_at <= %(soon)s LIMIT %(most)s) due),
  coalesce((SELECT n FROM claimed WHERE queue_id = queue.id), 0),
  (SELECT count(*) FROM (SELECT FROM approvals_reviewtask
    WHERE queue_id = queue.id AND status = 'pending' AND deadline_at <= %(now)s
    LIMIT %(most_stuck)s) overdue),
  (SELECT count(*) FROM (SELECT FROM approvals_reviewtask
    WHERE queue_id = queue.id AND status = 'unproved' LIMIT %(most_stuck)s) unproved),
  (SELECT count(*) FROM (SELECT FROM approvals_outboxentry
    WHERE queue_id = queue.id AND detail = ANY(%(parked)s) AND state = 'parked'
      AND lane = 'callbacks' LIMIT %(most_stuck)s) parked),
  (SELECT count(*) FROM (SELECT FROM approvals_outboxentry
    WHERE queue_id = queue.id AND detail = ANY(%(unknowable)s) AND state = 'parked'
      AND lane = 'callbacks' LIMIT %(most_stuck)s) unconfirmed),
  (SELECT count(*) FROM (SELECT FROM approvals_quarantinedmessage
    WHERE queue_id = queue.id AND replayed_at IS NULL AND discarded_at IS NULL
    LIMIT %(most_stuck)s) quarantined),
  coalesce((SELECT n FROM failed WHERE queue_id = queue.id), 0),
  (SELECT count(*) FROM (SELECT FROM approvals_breaker b JOIN approvals_outboxentry e USING (queue_id)
    WHERE b.queue_id = queue.id AND b.opened_at IS NOT NULL AND e.lane = 'callbacks'
      AND e.state = 'waiting' LIMIT %(most_stuck)s) held)
FROM queue
"""
_HEADING = "coalesce(nullif(r.reference, ''), nullif(r.title, ''), r.id::text)"
_LISTS = f"""
(SELECT 'claimed', coalesce(r.escalated_to_id, r.queue_id), NULL::uuid, r.id, {_HEADING}, '',
  u.id, coalesce(nullif(u.name, ''), u.email), r.lease_expires_at
FROM approvals_reviewtask r JOIN approvals_user u ON u.id = r.assignee_id
WHERE r.status = 'pending' AND r.assignee_id IS NOT NULL AND r.lease_expires_at > %(now)s
  AND (r.queue_id = ANY(%(queues)s) OR r.escalated_to_id = ANY(%(queues)s))
ORDER BY r.lease_expires_at, r.id LIMIT %(most_claims)s)
UNION ALL
(SELECT 'overdue', r.queue_id, NULL, r.id, {_HEADING}, r.deadline_source, NULL, '', r.deadline_at
FROM unnest(%(queues)s::uuid[]) queue (id) CROSS JOIN LATERAL (
  SELECT * FROM approvals_reviewtask WHERE queue_id = queue.id AND status = 'pending'
    AND deadline_at <= %(now)s ORDER BY deadline_at, id LIMIT %(most)s
) r)
UNION ALL
(SELECT 'unproved', r.queue_id, NULL, r.id, {_HEADING}, '', NULL, '', r.deadline_at
FROM unnest(%(queues)s::uuid[]) queue (id) CROSS JOIN LATERAL (
  SELECT * FROM approvals_reviewtask WHERE queue_id = queue.id AND status = 'unproved'
  ORDER BY deadline_at, id LIMIT %(most)s
) r)
UNION ALL
(SELECT CASE WHEN e.detail = ANY(%(parked)s) THEN 'parked' ELSE 'unconfirmed' END,
  r.queue_id, e.id, r.id, {_HEADING}, e.detail, NULL, '', e.ended_at
FROM unnest(%(queues)s::uuid[]) queue (id)
CROSS JOIN LATERAL unnest(%(parked)s::text[] || %(unknowable)s::text[]) why (detail)
CROSS JOIN LATERAL (
  SELECT * FROM approvals_outboxentry WHERE queue_id = queue.id AND detail = why.detail
    AND state = 'parked' AND lane = 'callbacks' ORDER BY ended_at DESC LIMIT %(most)s
) e
JOIN approvals_decision d ON d.id = e.subject JOIN approvals_reviewtask r ON r.id = d.review_id)
UNION ALL
(SELECT 'quarantined', m.queue_id, m.id, NULL, m.reason, '', NULL, '', m.received_at
FROM unnest(%(queues)s::uuid[]) queue (id) CROSS JOIN LATERAL (
  SELECT * FROM approvals_quarantinedmessage WHERE queue_id = queue.id
    AND replayed_at IS NULL AND discarded_at IS NULL
  ORDER BY received_at DESC, id DESC LIMIT %(most)s
) m)
UNION ALL
(SELECT 'failed', j.queue_id, j.id, NULL, count(*) || ' of ' || j.total, j.outcome, j.created_by_id,
  coalesce(nullif(u.name, ''), u.email), j.ended_at
FROM approvals_bulkitem i JOIN approvals_bulkjob j ON j.id = i.job_id
JOIN approvals_reviewtask r ON r.id = i.review_id AND r.status = 'pending'
JOIN approvals_user u ON u.id = j.created_by_id
WHERE i.state = 'failed' AND j.queue_id = ANY(%(queues)s) AND j.status = 'finished'
GROUP BY j.id, u.id ORDER BY j.id DESC LIMIT %(most)s)
UNION ALL
(SELECT 'held', r.queue_id, e.id, r.id, {_HEADING}, '', NULL, '', r.deadline_at
FROM approvals_breaker b JOIN approvals_outboxentry e USING (queue_id)
JOIN approvals_decision d ON d.id = e.subject JOIN approvals_reviewtask r ON r.id = d.review_id
WHERE b.queue_id = ANY(%(queues)s) AND b.opened_at IS NOT NULL AND e.lane = 'callbacks'
  AND e.state = 'waiting' ORDER BY r.deadline_at, r.id LIMIT %(most)s)
"""  # noqa: S608  (all of it is written here)


@dataclass(frozen=True)
class Waiting:
    """What waits in a queue; no count goes beyond `most`, and none of what is stuck beyond MOST_STUCK."""

    queue: ReviewQueue
    most: int
    open: int
    oldest: datetime | None
    due_soon: int
    claimed: int
    overdue: int
    unproved: int
    parked: int
    unconfirmed: int
    quarantined: int
    failed: int  # bulk decisions with reviews that failed and are still open
    held: int  # decisions that wait because the queue's circuit breaker is open

    @property
    def open_label(self) -> str:
        """The number of open reviews, such as `7` or `10000+`."""
        return counted(self.open, self.most)

    @property
    def due_label(self) -> str:
        """The number of reviews due within the hour."""
        return counted(self.due_soon, self.most)

    @property
    def unclaimed_label(self) -> str:
        """The number of open reviews that nobody holds."""
        return counted(self.open, self.most) if self.is_cut else str(self.open - self.claimed)

    @property
    def is_cut(self) -> bool:
        """Whether there are more open reviews than were counted."""
        return self.open > self.most


class Listed(NamedTuple):
    """A row of a list: a review that is claimed or stuck, a quarantined message, or a bulk decision.

    `queue` is that of the review; of a claim, the one whose people decide it. `pk` is the id of an outbox
    entry, a message or a bulk decision, `detail` why it is stuck, `person` who holds or began it, and `at` when
    its lease or deadline ends, or since when it is stuck.
    """

    kind: str
    queue: UUID
    pk: UUID | None
    review: UUID | None
    heading: str
    detail: str
    person_id: UUID | None
    person: str
    at: datetime


def counted(number: int, most: int) -> str:
    """A number as a page shows it if nothing beyond `most` was counted."""
    return f"{most:,}+" if number > most else f"{number:,}"


def waiting(queues: Sequence[ReviewQueue], now: datetime) -> list[Waiting]:
    """What waits in each of these queues, in one statement."""
    most = max(100, MOST_COUNTED // len(queues))
    parameters = _parameters(queues, now) | {
        "soon": now + SOON,
        "most": most + 1,
        "most_stuck": MOST_STUCK + 1,
    }
    by_queue = {
        row[0]: row[1:] for row in statements.all_rows(_COUNTS, parameters, keep_plan=False)
    }
    return [Waiting(queue, most, *by_queue[queue.pk]) for queue in queues]


def lists(queues: Sequence[ReviewQueue], now: datetime) -> dict[str, list[Listed]]:
    """The first rows of each list of these queues, by kind, in one statement.

    Claims and reviews past their deadline come by their end, the rest the latest first.
    """
    parameters = _parameters(queues, now) | {"most": MOST_LISTED, "most_claims": MOST_CLAIMS}
    found: dict[str, list[Listed]] = {}
    for row in statements.all_rows(_LISTS, parameters, keep_plan=False):
        found.setdefault(row[0], []).append(Listed(*row))
    for kind, rows in found.items():
        rows.sort(key=lambda row: row.at, reverse=kind not in BY_END)
        del rows[MOST_CLAIMS if kind == "claimed" else MOST_LISTED :]
    return found


def _parameters(queues: Sequence[ReviewQueue], now: datetime) -> dict[str, Any]:
    return {
        "now": now,
        "queues": [queue.pk for queue in queues],
        "parked": [detail.value for detail in PARKED],
        "unknowable": sorted(detail.value for detail in UNKNOWABLE),
    }
