"""The nouns: what is stored, with the constraints that hold whatever the code above them does.

Models know one row each; what spans rows is a verb in `approvals.actions`.
"""

from __future__ import annotations

from approvals.models.access import ApiToken, QueueMembership, User
from approvals.models.audit import AuditEvent
from approvals.models.batches import BatchExecution, OrderBatch, RefusedRow
from approvals.models.comments import Comment
from approvals.models.decisions import Decision, Vote
from approvals.models.executions import Breaker, ExecutionReading, ExecutionSnapshot, Workflow
from approvals.models.orders import OrderExecution, OrderIntervention
from approvals.models.outbox import OutboxAttempt, OutboxEntry
from approvals.models.quarantine import QuarantinedMessage
from approvals.models.queues import QueueCheck, ReviewQueue
from approvals.models.receipts import RateBucket, Receipt
from approvals.models.reviews import Heartbeat, ReviewTask
from approvals.models.webhooks import WebhookSecret

__all__ = [
    "ApiToken",
    "AuditEvent",
    "BatchExecution",
    "Breaker",
    "Comment",
    "Decision",
    "ExecutionReading",
    "ExecutionSnapshot",
    "Heartbeat",
    "OrderBatch",
    "OrderExecution",
    "OrderIntervention",
    "OutboxAttempt",
    "OutboxEntry",
    "QuarantinedMessage",
    "QueueCheck",
    "QueueMembership",
    "RateBucket",
    "Receipt",
    "RefusedRow",
    "ReviewQueue",
    "ReviewTask",
    "User",
    "Vote",
    "WebhookSecret",
    "Workflow",
]
