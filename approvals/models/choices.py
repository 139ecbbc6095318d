"""Enumerations that several models share."""

from __future__ import annotations

from django.db import models


class Outcome(models.TextChoices):
    """What a vote is for, and what a decision is."""

    APPROVED = "approved"  # the workflow goes on
    REJECTED = "rejected"  # the workflow fails here, or chooses another path


class Surface(models.TextChoices):
    """The way into the service through which an action came."""

    WEB = "web"  # a page of the desk
    API = "api"  # the REST API
    WEBHOOK = "webhook"  # a signed webhook
    ADMIN = "admin"  # the admin site
    COMMAND = "command"  # a management command
    QUEUE = "queue"  # a message from SQS
    SYSTEM = "system"  # none: the service acted by itself
