"""The nouns: what is stored, with the constraints that hold whatever the code above them does.

Models know one row each; what spans rows is a verb in `approvals.actions`.
"""

from __future__ import annotations

from approvals.models.access import ApiToken, QueueMembership, User
from approvals.models.audit import AuditEvent
from approvals.models.decisions import Decision, Vote
from approvals.models.intake import QuarantinedMessage
from approvals.models.orders import OrderExecution
from approvals.models.outbox import OutboxAttempt, OutboxEntry
from approvals.models.queues import ReviewQueue
from approvals.models.reviews import ReviewTask

__all__ = [
    "ApiToken",
    "AuditEvent",
    "Decision",
    "OrderExecution",
    "OutboxAttempt",
    "OutboxEntry",
    "QuarantinedMessage",
    "QueueMembership",
    "ReviewQueue",
    "ReviewTask",
    "User",
    "Vote",
]
