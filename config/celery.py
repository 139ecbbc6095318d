"""The Celery application: it carries hints, ids only; the database carries truth."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from celery import Celery
from celery.signals import setup_logging
from django.core.exceptions import ImproperlyConfigured

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")  # noqa: TID251

app = Celery("countersign")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["approvals"])


@setup_logging.connect
def keep_our_logging(**_: object) -> None:
    """Celery leaves logging alone where this signal has a receiver: settings have configured it."""


if "celery" in Path(sys.argv[0]).parts[-2:]:  # its own command would end in a traceback
    try:
        from config import settings  # noqa: F401
    except ImproperlyConfigured as error:
        sys.exit(str(error))
