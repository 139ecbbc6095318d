"""`python -m tests.bench.peer.fill CLOSED OPEN`: create the peer's tables, fill them, print its tokens.

One process is started by viewflow, one more is decided by it; the others are copies of their rows.
"""

from __future__ import annotations

import json
import sys

import django
from django.core.management import call_command
from django.db import connection

from tests.bench.message import message

django.setup()

from django.contrib.auth.models import Permission, User  # noqa: E402
from django.contrib.contenttypes.models import ContentType  # noqa: E402
from rest_framework.authtoken.models import Token  # noqa: E402
from viewflow.workflow.models import Process, Task  # noqa: E402

from tests.bench.peer.flows import ApprovalFlow  # noqa: E402

PEOPLE = 16


def _columns(table: str, without: set[str]) -> str:
    with connection.cursor() as cursor:
        found = connection.introspection.get_table_description(cursor, table)
    return ", ".join(f'"{column.name}"' for column in found if column.name not in without)


def _copies(process: Process, count: int) -> None:
    """Copy a process with its tasks so many times."""
    of_process = _columns(Process._meta.db_table, {"id"})
    of_task = _columns(Task._meta.db_table, {"id", "process_id"})
    links = Task.previous.through._meta.db_table
    last = int(Process.objects.order_by("-pk").values_list("pk", flat=True)[0])
    tasks = list(Task.objects.filter(process=process).order_by("pk"))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO viewflow_process ({of_process}) SELECT {of_process}"  # noqa: S608
            " FROM viewflow_process, generate_series(1, %s) WHERE id = %s",
            [count, process.pk],
        )
        for task in tasks:
            cursor.execute(
                f"INSERT INTO viewflow_task (process_id, {of_task}) SELECT p.id, {of_task}"  # noqa: S608
                " FROM (SELECT * FROM viewflow_task WHERE id = %s) t,"
                " (SELECT id FROM viewflow_process WHERE id > %s) p",
                [task.pk, last],
            )
        cursor.execute(
            f"INSERT INTO {links} (from_task_id, to_task_id)"  # noqa: S608
            " SELECT b.id, a.id FROM viewflow_task a JOIN viewflow_task b"
            " ON b.process_id = a.process_id AND b.flow_task_type = 'HUMAN'"
            " AND a.flow_task_type <> 'HUMAN' AND a.id < b.id WHERE a.process_id > %s",
            [last],
        )


def main(closed: int, pending: int) -> None:
    """Fill the tables and print the people's tokens as JSON."""
    call_command("migrate", verbosity=0, run_syncdb=True)
    kind = ContentType.objects.get_for_model(Process)
    right, _ = Permission.objects.get_or_create(
        content_type=kind, codename="decide_process", defaults={"name": "May decide"}
    )
    people = [User.objects.create_user(f"reviewer{n}") for n in range(PEOPLE)]
    for user in people:
        user.user_permissions.add(right)
    data = message("ORD-", "")
    ended, waiting = (ApprovalFlow.start.run(data=dict(data)) for _ in range(2))
    task = Task.objects.get(process=ended, status="NEW").coerced
    with task.activation() as activation:
        activation.assign(people[0])
        activation.start(None)
        activation.execute()
    _copies(ended, closed)
    _copies(waiting, pending)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    json.dump([Token.objects.create(user=user).key for user in people], sys.stdout)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
