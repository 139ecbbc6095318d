"""How the service is set up. Importing it makes our Celery application the current one for hints."""

from __future__ import annotations

from config.celery import app as celery

__all__ = ["celery"]
