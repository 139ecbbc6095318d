"""The Celery application. Its messages are wake-ups with ids; the state is in the database."""

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
    """Do nothing: Celery does not configure logging if this signal has a receiver, and settings have."""


if "celery" in Path(sys.argv[0]).parts[-2:]:  # Celery's own command would end with a traceback
    try:
        from config import settings  # noqa: F401
    except ImproperlyConfigured as error:
        sys.exit(str(error))
