"""Migrations against the release before, which still runs while they do: they expand, and never block it long."""

from __future__ import annotations

from django.db import models
from django.db.migrations.loader import MigrationLoader

from approvals.models import (
    AuditEvent,
    Decision,
    OrderExecution,
    OutboxAttempt,
    OutboxEntry,
    QuarantinedMessage,
    QueueMembership,
    ReviewQueue,
    ReviewTask,
    User,
    Vote,
)
from tests.releases import databases
from tests.releases.expansion import APP

FIRST, *_ = databases.dumps()
LOADER = MigrationLoader(None, ignore_no_migrations=True)
OURS = [name for app, name in sorted(LOADER.disk_migrations) if app == APP]
LATER = [name for name in OURS if (APP, name) not in databases.applied(FIRST)]
WRITTEN: tuple[type[models.Model], ...] = (
    AuditEvent, Decision, OrderExecution, OutboxAttempt, OutboxEntry, QuarantinedMessage,
    QueueMembership, ReviewQueue, ReviewTask, User, Vote,
)  # fmt: skip
