"""The Celery application: it carries hints, ids only; the database carries truth."""

from __future__ import annotations

import os

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")  # noqa: TID251

app = Celery("countersign")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["approvals"])


@setup_logging.connect
def keep_our_logging(**_: object) -> None:
    """Celery leaves logging alone where this signal has a receiver: settings have configured it."""
