"""The Celery application. Its messages are wake-ups with ids; the state is in the database."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from celery import Celery
from celery.signals import setup_logging, task_prerun, worker_init
from django.core.exceptions import ImproperlyConfigured
from django.db import close_old_connections, connections
from kombu.transport import TRANSPORT_ALIASES

from config import memory

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")  # noqa: TID251
# Celery would run Django's checks in each worker, which import all pages and the API: 15 MB that no task
# needs. The web process and manage.py run them.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")  # noqa: TID251

# Reads every message of the queue before kombu does; kombu imports it when it connects.
TRANSPORT_ALIASES["sqs"] = "config.wake_up_queue:Transport"

app = Celery("countersign")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["approvals"])

SESSION_SECONDS = 300  # after which a worker opens a new database session
# Celery would close the database session, or its pool, before and after each task. The functions below keep it.
app.conf.CELERY_DB_REUSE_MAX = sys.maxsize // 4


@setup_logging.connect
def keep_our_logging(**_: object) -> None:
    """Do nothing: Celery does not configure logging if this signal has a receiver, and settings have."""


@worker_init.connect
def tune_memory(**_: object) -> None:
    """Let a worker of months keep no more memory than it uses."""
    memory.tune()


@worker_init.connect
def keep_database_sessions(**_: object) -> None:
    """Let a worker's tasks share sessions; with a pool, Django wants none kept outside it."""
    for name in connections:
        settings = connections[name].settings_dict
        if not settings["OPTIONS"].get("pool"):
            settings["CONN_MAX_AGE"] = SESSION_SECONDS


@task_prerun.connect
def check_database_sessions(**_: object) -> None:
    """Close a session that is old or broken, so that the task opens another; give a pooled one back."""
    close_old_connections()


if "celery" in Path(sys.argv[0]).parts[-2:]:  # Celery's own command would end with a traceback
    try:
        from config import settings  # noqa: F401
    except ImproperlyConfigured as error:
        sys.exit(str(error))
