"""One row on which a periodic task fails: it must stop no other row, in whatever order the task takes them."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection
from django.db.models.functions import Now

from approvals.actions import assignment
from approvals.models import ReviewTask
from approvals.worker import periodic
from tests.factories import actor
from tests.faults.report import Result
from tests.faults.stage import Stage
from tests.faults.truth import Breach

REFUSING = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'this row cannot be changed'; END $$;
    CREATE TRIGGER refused BEFORE UPDATE ON approvals_reviewtask FOR EACH ROW
        WHEN (OLD.id = '{row}') EXECUTE FUNCTION refuse()
"""
TURNS = 4


def one_row(stage: Stage, count: int = 6) -> Result:
    """Claims whose leases have run out are ended, but for the one whose row the database refuses to change."""
    result = Result("failing-rows", planned=count, fired=count)
    rows = stage.reviews(count)
    for number, row in enumerate(rows):
        assignment.claim(row.pk, by=actor(stage.ada, "api"))
        over = Now() - timedelta(minutes=count - number)
        ReviewTask.objects.filter(pk=row.pk).update(lease_expires_at=over)
    with connection.cursor() as cursor:
        cursor.execute(REFUSING.format(row=rows[0].pk))
    for _ in range(TURNS):
        try:
            periodic.end_leases()
        except Exception as error:  # noqa: BLE001  (as the worker's loop does)
            result.notes["failed"] = type(error).__name__
    held = ReviewTask.objects.filter(assignee__isnull=False).exclude(pk=rows[0].pk).count()
    if held:
        result.breaches.append(Breach("I-11", f"{held} claims were not ended: one row fails"))
    return result
