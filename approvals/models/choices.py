"""Enumerations that several models share."""

from __future__ import annotations

from django.db import models


class Outcome(models.TextChoices):
    """The two answers a review can get."""

    APPROVED = "approved"
    REJECTED = "rejected"


class Surface(models.TextChoices):
    """Through which door somebody acted."""

    WEB = "web"
    API = "api"
    WEBHOOK = "webhook"
    ADMIN = "admin"
    COMMAND = "command"
    QUEUE = "queue"
    SYSTEM = "system"
