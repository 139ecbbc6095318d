"""The Django models, one in each module, with the constraints that the database enforces.

The methods of a model use its own row only; changes of several rows are verbs in `approvals.actions`.
"""

from __future__ import annotations

from approvals.models.api_tokens import ApiToken
from approvals.models.audit_events import AuditEvent
from approvals.models.batch_executions import BatchExecution
from approvals.models.bulk_jobs import BulkItem, BulkJob
from approvals.models.circuit_breakers import Breaker
from approvals.models.comments import Comment
from approvals.models.connection_checks import ConnectionCheck
from approvals.models.decision_rollups import DecisionRollup
from approvals.models.decisions import Decision
from approvals.models.execution_histories import ExecutionHistory
from approvals.models.execution_snapshots import ExecutionSnapshot
from approvals.models.heartbeats import Heartbeat
from approvals.models.idempotency_keys import IdempotencyKey
from approvals.models.mentions import Mention
from approvals.models.order_batches import OrderBatch
from approvals.models.order_executions import OrderExecution
from approvals.models.order_interventions import OrderIntervention
from approvals.models.outbox import OutboxAttempt, OutboxEntry
from approvals.models.preferences import Preference
from approvals.models.quarantined_messages import QuarantinedMessage
from approvals.models.queue_checks import QueueCheck
from approvals.models.queue_memberships import QueueMembership
from approvals.models.rate_buckets import RateBucket
from approvals.models.refused_rows import RefusedRow
from approvals.models.replay_requests import ReplayRequest
from approvals.models.review_queues import ReviewQueue
from approvals.models.review_tasks import ReviewTask
from approvals.models.saved_views import SavedView
from approvals.models.skips import Skip
from approvals.models.users import User
from approvals.models.votes import Vote
from approvals.models.webhook_secrets import WebhookSecret
from approvals.models.workflows import Workflow

__all__ = [
    "ApiToken",
    "AuditEvent",
    "BatchExecution",
    "Breaker",
    "BulkItem",
    "BulkJob",
    "Comment",
    "ConnectionCheck",
    "Decision",
    "DecisionRollup",
    "ExecutionHistory",
    "ExecutionSnapshot",
    "Heartbeat",
    "IdempotencyKey",
    "Mention",
    "OrderBatch",
    "OrderExecution",
    "OrderIntervention",
    "OutboxAttempt",
    "OutboxEntry",
    "Preference",
    "QuarantinedMessage",
    "QueueCheck",
    "QueueMembership",
    "RateBucket",
    "RefusedRow",
    "ReplayRequest",
    "ReviewQueue",
    "ReviewTask",
    "SavedView",
    "Skip",
    "User",
    "Vote",
    "WebhookSecret",
    "Workflow",
]
