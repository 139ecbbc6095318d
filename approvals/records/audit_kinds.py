"""Every kind of audit event. Values are stored and hashed: a member may be added, never changed or removed.

`make reference` makes docs/reference/audit-kinds.md from the comments beside kinds and above groups.
"""

from __future__ import annotations

from enum import StrEnum


class AuditKind(StrEnum):
    """What has happened, grouped by the chain on which the event is recorded."""

    # A review: intake, claims, votes, comments and how it ends.
    REVIEW_RECEIVED = "review.received"  # a message became a review
    REVIEW_CLAIMED = "review.claimed"  # somebody took it, perhaps from somebody else
    REVIEW_RELEASED = "review.released"  # the holder gave the claim back
    REVIEW_REASSIGNED = "review.reassigned"  # it was handed over to somebody else
    REVIEW_LEASE_ENDED = "review.lease_ended"  # a claim ran out
    REVIEW_SKIPPED = "review.skipped"  # somebody wants to be given other reviews first
    REVIEW_SNOOZED = "review.snoozed"  # it was set aside until a time, or is no longer
    REVIEW_ESCALATED = "review.escalated"  # others were asked to decide
    REVIEW_COMMENTED = "review.commented"  # somebody wrote a comment
    REVIEW_MENTION_DISMISSED = "review.mention_dismissed"  # a mention was taken off a home page
    REVIEW_APPROVED = "review.approved"  # decided: approved
    REVIEW_REJECTED = "review.rejected"  # decided: rejected
    REVIEW_EXPIRED = "review.expired"  # Step Functions stopped waiting
    REVIEW_UNPROVED = "review.unproved"  # past its deadline; nothing can be proved
    REVIEW_CLOSED_UNPROVED = "review.closed_unproved"  # a lead closed it, without a proof
    REVIEW_ORPHANED = "review.orphaned"  # its execution ended, or another party closed the step
    REVIEW_SUPERSEDED = "review.superseded"  # a newer review of the same step took its place
    REVIEW_SUCCEEDED = "review.succeeded"  # it took the place of an older review
    REVIEW_NEWER_ARRIVED = "review.newer_arrived"  # a newer review of the same step has arrived
    VOTE_CAST = "vote.cast"  # a vote that does not decide yet
    DECISION_UNDONE = "decision.undone"  # a decision was taken back before it was sent

    # A review: delivery of its decision, by delivery state.
    CALLBACK_RETRYING = "callback.retrying"  # an attempt failed and will be repeated
    CALLBACK_DELIVERED = "callback.delivered"  # Step Functions has the decision
    CALLBACK_CLOSED_ELSEWHERE = "callback.closed_elsewhere"  # the task token was closed without it
    CALLBACK_UNCONFIRMED = "callback.unconfirmed"  # nothing proves what became of it
    CALLBACK_PARKED = "callback.parked"  # it waits for an operator
    CALLBACK_REQUEUED = "callback.requeued"  # an operator sends it again

    # An order.
    ORDER_ACCEPTED = "order.accepted"  # stored, with what will start its execution
    ORDER_STARTED = "order.started"  # its execution has started
    ORDER_REFUSED = "order.refused"  # Step Functions refused to start it
    ORDER_REQUEUED = "order.requeued"  # an operator has its start sent again
    ORDER_SETTLED = "order.settled"  # its batch execution fulfilled it
    ORDER_RELEASED = "order.released"  # its batch execution did not report it: it starts by itself
    ORDER_RUNNING = "order.running"  # its execution runs again
    ORDER_SUCCEEDED = "order.succeeded"  # its execution succeeded
    ORDER_FAILED = "order.failed"  # its execution failed
    ORDER_TIMED_OUT = "order.timed_out"  # its execution timed out
    ORDER_ABORTED = "order.aborted"  # its execution was stopped
    ORDER_RESTART_ASKED = "order.restart_asked"  # a person requested a redrive
    ORDER_RESTARTED = "order.restarted"  # a new attempt at it was begun
    ORDER_REDRIVEN = "order.redriven"  # Step Functions redrove its execution
    ORDER_REDRIVE_NOT_NEEDED = "order.redrive_not_needed"  # it ran or had succeeded already
    ORDER_NOT_REDRIVABLE = "order.not_redrivable"  # a new attempt was begun in place of a redrive
    ORDER_REDRIVE_REFUSED = "order.redrive_refused"  # Step Functions refused the redrive
    ORDER_STOP_ASKED = "order.stop_asked"  # a person requested a stop
    ORDER_STOPPED = "order.stopped"  # it was stopped on a person's request
    ORDER_STOP_CAME_LATE = "order.stop_came_late"  # it had ended before
    ORDER_STOP_REFUSED = "order.stop_refused"  # Step Functions refused the stop

    # A batch of orders, and a batch execution on a chain of its own.
    BATCH_ACCEPTED = "batch.accepted"  # stored, to be read
    BATCH_PINNED = "batch.pinned"  # the version of its source is fixed
    BATCH_ROWS_READ = "batch.rows_read"  # a chunk of rows was recorded
    BATCH_READ = "batch.read"  # its source is read to the end
    BATCH_STOPPED = "batch.stopped"  # reading stopped at a row or because of its source
    BATCH_RESUMED = "batch.resumed"  # reading goes on after the row that stopped it
    BATCH_HANDED_OVER = "batch.handed_over"  # its Distributed Map is to be started
    BATCH_FINISHED = "batch.finished"  # every order of it has its end
    BATCH_EXECUTION_STARTED = "batch.execution_started"  # a batch execution has started
    BATCH_EXECUTION_REFUSED = "batch.execution_refused"  # Step Functions refused to start one
    BATCH_EXECUTION_ENDED = "batch.execution_ended"  # all it reported has been recorded

    # A bulk decision. Its decisions are on the chains of their reviews, and name it.
    BULK_BEGUN = "bulk.begun"  # somebody wants these reviews decided
    BULK_RETRIED = "bulk.retried"  # its failed reviews are tried again
    BULK_UNDO_ASKED = "bulk.undo_asked"  # somebody wants its decisions undone
    BULK_FINISHED = "bulk.finished"  # every review of it has its result
    BULK_EXPORTED = "bulk.exported"  # somebody took its report out of the service

    # A quarantined message.
    MESSAGE_QUARANTINED = "message.quarantined"  # a message could not become a review
    MESSAGE_REPLAYED = "message.replayed"  # it became a review after all
    MESSAGE_REPLAY_ASKED = "message.replay_asked"  # a poller reads its object and replays it
    MESSAGE_REPLAY_REFUSED = "message.replay_refused"  # that made no review of it
    MESSAGE_DISCARDED = "message.discarded"  # it was settled without a review
    MESSAGE_REVEALED = "message.revealed"  # somebody looked at its raw bytes

    # A queue, a user, a webhook secret.
    QUEUE_CREATED = "queue.created"  # a queue was registered
    QUEUE_CHANGED = "queue.changed"  # settings of a queue were changed
    QUEUE_CHECK_ASKED = "queue.check_asked"  # a check of its connection was requested
    QUEUE_VIEW_SHARED = "queue.view_shared"  # a lead shared a saved view of its list
    QUEUE_VIEW_REVOKED = "queue.view_revoked"  # a lead took a shared view back
    ORDERS_VIEW_SHARED = "orders.view_shared"  # a saved view of orders or batches was shared
    ORDERS_VIEW_REVOKED = "orders.view_revoked"  # a shared view of orders or batches was taken back
    USER_CREATED = "user.created"  # an account was made
    USER_INVITED = "user.invited"  # a link to set a password was made
    USER_DEACTIVATED = "user.deactivated"  # an account was closed
    USER_REACTIVATED = "user.reactivated"  # a closed account was opened again
    TRAIL_EXPORTED = "trail.exported"  # somebody took audit events out of the service
    REVIEWS_EXPORTED = "reviews.exported"  # somebody took a list of reviews out of the service
    ORDERS_EXPORTED = "orders.exported"  # somebody took a list of orders or batches out of it
    ROLE_GRANTED = "role.granted"  # a user got a role in a queue
    ROLE_REVOKED = "role.revoked"  # a role in a queue was taken from a user
    SITE_RIGHT_GRANTED = "site_right.granted"  # a user got the right orders, auditor or operator
    SITE_RIGHT_REVOKED = "site_right.revoked"  # a user lost one of these rights
    TOKEN_ISSUED = "token.issued"  # an API token was issued  # noqa: S105
    TOKEN_REVOKED = "token.revoked"  # an API token was revoked  # noqa: S105
    WEBHOOK_SECRET_ISSUED = "webhook_secret.issued"  # a secret of a sender was issued  # noqa: S105
    WEBHOOK_SECRET_REVOKED = "webhook_secret.revoked"  # a secret of a sender was revoked  # noqa: S105
