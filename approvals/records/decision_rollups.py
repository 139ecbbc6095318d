"""Writes the rollups of decisions, hour by hour, from the decisions themselves; may be repeated at any time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from approvals.models.decision_rollups import BOUNDS, OTHER_ERRORS

HOURS_AT_ONCE = 24
MOST_ERRORS = 20  # of a queue and period that have rows of their own
BACKFILLED = timedelta(days=31)  # of decisions from before the first rollup
HOURS_KEPT = timedelta(days=8)
REVIEWERS_KEPT = timedelta(days=90)  # days by reviewer; those by error are kept for ever
#: An hour is written again until so long after its end: the longest undo window, and a transaction's time.
UNTIL_FINAL = timedelta(minutes=65)
QUICK = timedelta(seconds=3)  # from claim to decision

_CLASSES = range(1, len(BOUNDS) + 2)
_COUNTED = "ARRAY[{}]".format(
    ", ".join(f"count(*) FILTER (WHERE NOT undone AND class = {n})" for n in _CLASSES)
)
_SUMMED = "ARRAY[{}]".format(", ".join(f"sum(decided_within[{n}])" for n in _CLASSES))
_START = """
SELECT coalesce(
  (SELECT min(r.starts_at) FROM approvals_decisionrollup r
   WHERE r.period = 'hour' AND r.starts_at >= last.hour - interval '3 hours'
     AND r.written_at < r.starts_at + interval '1 hour' + %(until_final)s),
  last.hour + interval '1 hour',
  statement_timestamp() - %(backfilled)s)
FROM (SELECT max(starts_at) AS hour FROM approvals_decisionrollup WHERE period = 'hour') last
"""
_NEXT = """
SELECT date_trunc('hour', min(decided_at), 'UTC') FROM approvals_decision WHERE decided_at >= %s
"""
_COLUMNS = """(period, starts_at, queue_id, facet, error_name, reviewer_id,
  approved, rejected, undone, quick, decided_within,
  active_minutes, runs, first_run, last_run, longest_run)"""
# Decisions with what counts of them; `class` is the number of their time to decide, from 1.
_HOUR = f"""
WITH decided AS MATERIALIZED (
  SELECT d.id, r.queue_id, r.error_name, d.by_id, d.outcome, d.decided_at,
    d.undone_at IS NOT NULL AS undone, d.surface = 'web' AND d.by_id IS NOT NULL AS on_desk,
    d.surface = 'web' AND d.decided_at - claimed.at < %(quick)s AS quick,
    1 + width_bucket(
      extract(epoch FROM d.decided_at - r.received_at)::float8, %(bounds)s::float8[]) AS class
  FROM approvals_decision d JOIN approvals_reviewtask r ON r.id = d.review_id
  LEFT JOIN LATERAL (
    SELECT e.at FROM approvals_auditevent e
    WHERE e.chain = 'review:' || r.id::text AND e.kind = 'review.claimed'
      AND e.actor_id = d.by_id AND e.at <= d.decided_at
    ORDER BY e.seq DESC LIMIT 1
  ) claimed ON true
  WHERE d.decided_at >= %(start)s AND d.decided_at < %(end)s
), named AS (
  SELECT queue_id, error_name, CASE WHEN row_number() OVER (
      PARTITION BY queue_id ORDER BY count(*) DESC, error_name
    ) <= %(most)s THEN error_name ELSE %(other)s END AS error
  FROM decided GROUP BY queue_id, error_name
), numbered AS (
  SELECT queue_id, by_id, outcome,
    row_number() OVER (PARTITION BY queue_id, by_id ORDER BY decided_at, id) AS place,
    row_number() OVER (PARTITION BY queue_id, by_id, outcome ORDER BY decided_at, id) AS own_place
  FROM decided WHERE on_desk AND NOT undone
), run AS (
  SELECT queue_id, by_id, min(place) AS place, count(*) AS length,
    count(*) * CASE outcome WHEN 'approved' THEN 1 ELSE -1 END AS signed
  FROM numbered GROUP BY queue_id, by_id, outcome, place - own_place
), runs AS (
  SELECT queue_id, by_id, count(*) AS runs, max(length) AS longest_run,
    (array_agg(signed ORDER BY place))[1] AS first_run,
    (array_agg(signed ORDER BY place DESC))[1] AS last_run
  FROM run GROUP BY queue_id, by_id
), counted AS (
  SELECT queue_id, CASE grouping(error) WHEN 0 THEN 'error' ELSE 'reviewer' END AS facet,
    coalesce(error, '') AS error, by_id,
    count(*) FILTER (WHERE NOT undone AND outcome = 'approved') AS approved,
    count(*) FILTER (WHERE NOT undone AND outcome = 'rejected') AS rejected,
    count(*) FILTER (WHERE undone) AS undone, count(*) FILTER (WHERE quick) AS quick,
    {_COUNTED} AS decided_within,
    coalesce(bit_or(1::bigint << extract(minute FROM decided_at)::int)
      FILTER (WHERE on_desk), 0) AS active_minutes
  FROM decided JOIN named USING (queue_id, error_name)
  GROUP BY GROUPING SETS ((queue_id, error), (queue_id, by_id))
)
INSERT INTO approvals_decisionrollup {_COLUMNS}
SELECT 'hour', %(start)s, queue_id, facet, error, by_id,
  approved, rejected, undone, quick, decided_within,
  CASE facet WHEN 'reviewer' THEN active_minutes ELSE 0 END,
  coalesce(runs, 0), coalesce(first_run, 0), coalesce(last_run, 0), coalesce(longest_run, 0)
FROM counted LEFT JOIN runs USING (queue_id, by_id)
"""  # noqa: S608  (all of it is written here)
_DAY = f"""
WITH hours AS MATERIALIZED (
  SELECT * FROM approvals_decisionrollup
  WHERE period = 'hour' AND starts_at >= %(day)s AND starts_at < %(day)s + interval '1 day'
), named AS (
  SELECT queue_id, facet, error_name, CASE WHEN facet <> 'error' OR row_number() OVER (
      PARTITION BY queue_id, facet
      ORDER BY error_name = %(other)s, sum(approved + rejected + undone) DESC, error_name
    ) <= %(most)s THEN error_name ELSE %(other)s END AS error
  FROM hours GROUP BY queue_id, facet, error_name
)
INSERT INTO approvals_decisionrollup {_COLUMNS}
SELECT 'day', %(day)s, queue_id, facet, error, reviewer_id,
  sum(approved), sum(rejected), sum(undone), sum(quick), {_SUMMED}, 0, 0, 0, 0, 0
FROM hours JOIN named USING (queue_id, facet, error_name)
GROUP BY queue_id, facet, error, reviewer_id
"""  # noqa: S608  (all of it is written here)
_LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('decision rollups'))"
_DELETE = "DELETE FROM approvals_decisionrollup WHERE period = %s AND starts_at = %s"
_FORGET = """
DELETE FROM approvals_decisionrollup WHERE (period = 'hour' AND starts_at < %s)
  OR (period = 'day' AND starts_at < %s AND facet = 'reviewer')
"""


def bring_up_to_date() -> int:
    """Write the rollups of the hours with decisions that are not final yet, at most HOURS_AT_ONCE of them.

    These are the hours since the last one written, it and what was undone meanwhile included, up to the
    running one. Returns how many were written: fewer if another worker is at it.
    """
    parameters = {"until_final": UNTIL_FINAL, "backfilled": BACKFILLED}
    hour, written = _next(_value(_START, parameters)), 0
    while hour is not None and written < HOURS_AT_ONCE and _write(hour):
        written += 1
        hour = _next(hour + timedelta(hours=1))
    return written


@transaction.atomic(durable=True)
def _write(hour: datetime) -> bool:
    """Replace the rows of an hour and of its day; returns False if another worker writes just now."""
    if not _value(_LOCK, None):
        return False
    day = hour.replace(hour=0)
    limits: dict[str, Any] = {"most": MOST_ERRORS, "other": OTHER_ERRORS}
    about_hour = limits | {"start": hour, "end": hour + timedelta(hours=1)}
    about_hour |= {"quick": QUICK, "bounds": list(BOUNDS)}
    with connection.cursor() as cursor:
        cursor.execute(_DELETE, ["hour", hour])
        cursor.execute(_HOUR, about_hour)
        cursor.execute(_DELETE, ["day", day])
        cursor.execute(_DAY, {"day": day} | limits)
        cursor.execute(_FORGET, [hour - HOURS_KEPT, hour - REVIEWERS_KEPT])
    return True


def _next(at: datetime) -> datetime | None:
    """The first hour with decisions that is not over at `at`; None if there are none."""
    hour: datetime | None = _value(_NEXT, [at])
    return hour


def _value(text: str, parameters: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(text, parameters)
        return cursor.fetchone()[0]
