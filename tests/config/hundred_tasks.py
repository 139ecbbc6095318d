"""A program that runs 100 Celery tasks in a worker and prints how many database sessions they opened."""

from __future__ import annotations

import os
import sys
import threading
import uuid
from typing import Any

sys.argv = ["worker"]
import django  # noqa: E402
import psycopg  # noqa: E402
from celery.signals import task_postrun  # noqa: E402

from config import celery  # noqa: E402

TASKS = 100


def main() -> None:
    """Run the tasks one after the other, with a broker in this process."""
    django.setup()
    celery.conf.update(broker_url="memory://")
    celery.loader.import_default_modules()
    sessions: list[int] = []
    left = threading.Semaphore(0)
    connect = psycopg.Connection.connect

    def counted(*given: Any, **options: Any) -> Any:
        sessions.append(1)
        return connect(*given, **options)

    vars(psycopg)["Connection"].connect = counted
    psycopg.connect = counted
    task_postrun.connect(lambda **_: left.release(), weak=False)
    worker = celery.Worker(
        pool="solo", without_heartbeat=True, without_mingle=True, without_gossip=True
    )
    threading.Thread(target=worker.start, daemon=True).start()
    for _ in range(TASKS):
        celery.send_task("approvals.deliver", args=[str(uuid.uuid4())], ignore_result=True)
    done = 0
    while done < TASKS and left.acquire(timeout=20):
        done += 1
    sys.stdout.write(f"{done} tasks {len(sessions)} sessions\n")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
