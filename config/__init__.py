"""The configuration of the service. Importing it makes its Celery application the current one."""

from __future__ import annotations

from config.celery import app as celery

__all__ = ["celery"]
