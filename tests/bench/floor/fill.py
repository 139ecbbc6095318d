"""`python -m tests.bench.floor.fill CLOSED OPEN`: create the floor's table and fill it."""

from __future__ import annotations

import sys

import django
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from tests.bench.message import message

django.setup()

from tests.bench.floor.models import Item  # noqa: E402

_FILL = """
    INSERT INTO floor_item (queue, reference, title, status, outcome, delivery_state, error_name,
        error_cause, payload, execution_arn, state_name, received_at, deadline_at, deadline_source,
        assignee, version)
    SELECT queue, reference || n, title, %s, %s, '', error_name, error_cause, payload,
        execution_arn || n, state_name, received_at - n * interval '1 second',
        deadline_at + n * interval '1 second', deadline_source, assignee, 1
    FROM floor_item, generate_series(1, %s) AS n WHERE id = 1
"""


def main(closed: int, pending: int) -> None:
    """One item by the ORM, the others copies of it."""
    call_command("migrate", verbosity=0, run_syncdb=True)
    payload = message("ORD-", "[task token]")
    now = timezone.now()
    Item.objects.create(
        queue="orders",
        reference="ORD-",
        title=payload["title"],
        status="closed",
        error_name="FraudSuspected",
        error_cause='{"errorMessage": "The card is new here."}',
        payload=payload,
        execution_arn=payload["executionArn"],
        state_name="ManualReview",
        received_at=now,
        deadline_at=now,
        deadline_source="message",
    )
    with connection.cursor() as cursor:
        cursor.execute(_FILL, ["approved", "approved", closed])
        cursor.execute(_FILL, ["pending", "", pending])
        cursor.execute("VACUUM ANALYZE floor_item")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
