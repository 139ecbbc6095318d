"""The addresses of the API. Every other address under /api/ is a 404 problem document."""

from __future__ import annotations

from django.urls import include, path, re_path

from approvals.api.views import (
    bulk_decisions,
    claims,
    comments,
    decisions,
    deferrals,
    documentation,
    order_batches,
    orders,
    quarantine,
    queue_settings,
    queues,
    reviews,
    unknown_address,
    webhooks,
)

app_name = "api"

v1 = [
    path("queues/", queues.Queues.as_view(), name="queues"),
    path("queues/<slug:slug>/next/", queues.Next.as_view(), name="next"),
    path(
        "queues/<slug:slug>/settings/",
        queue_settings.QueueSettings.as_view(),
        name="queue-settings",
    ),
    path("reviews/", reviews.Reviews.as_view(), name="reviews"),
    path("reviews/<uuid:review_id>/", reviews.Review.as_view(), name="review"),
    path("reviews/<uuid:review_id>/claim/", claims.Claim.as_view(), name="claim"),
    path("reviews/<uuid:review_id>/renew/", claims.Renew.as_view(), name="renew"),
    path("reviews/<uuid:review_id>/release/", claims.Release.as_view(), name="release"),
    path("reviews/<uuid:review_id>/reassign/", claims.Reassign.as_view(), name="reassign"),
    path(
        "reviews/<uuid:review_id>/close-unproved/",
        reviews.CloseUnproved.as_view(),
        name="close-unproved",
    ),
    path("reviews/<uuid:review_id>/comments/", comments.Comments.as_view(), name="comments"),
    path("reviews/<uuid:review_id>/decisions/", decisions.Decisions.as_view(), name="decide"),
    path("reviews/<uuid:review_id>/skip/", deferrals.Skip.as_view(), name="skip"),
    path("reviews/<uuid:review_id>/snooze/", deferrals.Snooze.as_view(), name="snooze"),
    path("reviews/<uuid:review_id>/escalate/", deferrals.Escalate.as_view(), name="escalate"),
    path("reviews/<uuid:review_id>/events/", reviews.Events.as_view(), name="events"),
    path("decisions/<uuid:decision_id>/undo/", decisions.Undo.as_view(), name="undo"),
    path("bulk-decisions/", bulk_decisions.BulkDecisions.as_view(), name="bulk-decisions"),
    path(
        "bulk-decisions/<uuid:job_id>/",
        bulk_decisions.OneBulkDecision.as_view(),
        name="bulk-decision",
    ),
    path("bulk-decisions/<uuid:job_id>/undo/", bulk_decisions.UndoBulk.as_view(), name="undo-bulk"),
    path(
        "bulk-decisions/<uuid:job_id>/retry/", bulk_decisions.RetryBulk.as_view(), name="retry-bulk"
    ),
    path("webhooks/decision/", webhooks.WebhookDecisions.as_view(), name="webhook-decision"),
    path("quarantine/", quarantine.Quarantine.as_view(), name="quarantine"),
    path("quarantine/<uuid:message_id>/", quarantine.Message.as_view(), name="message"),
    path("quarantine/<uuid:message_id>/body/", quarantine.Body.as_view(), name="message-body"),
    path("quarantine/<uuid:message_id>/replay/", quarantine.Replay.as_view(), name="replay"),
    path("quarantine/<uuid:message_id>/discard/", quarantine.Discard.as_view(), name="discard"),
    path("order-batches/", order_batches.OrderBatches.as_view(), name="order-batches"),
    path("order-batches/<uuid:batch_id>/", order_batches.OneBatch.as_view(), name="order-batch"),
    path("orders/", orders.Orders.as_view(), name="orders"),
    # An order's id is untrusted text and may hold a slash, or end in `/restart` or `/stop`. So an
    # intervention is one more segment, for POST alone: GET orders/a/restart/ reads the order
    # `a/restart`, POST orders/a/restart/ restarts `a`, and POST orders/a/restart/restart/ restarts
    # the order `a/restart`.
    path("orders/<path:order_id>/restart/", orders.Restart.as_view(), name="order-restart"),
    path("orders/<path:order_id>/stop/", orders.Stop.as_view(), name="order-stop"),
    path("orders/<path:order_id>/", orders.Order.as_view(), name="order"),
]

urlpatterns = [
    path("v1/", include(v1)),
    path("schema/", documentation.OpenAPIDocument.as_view(), name="schema"),
    path("docs/", documentation.DocumentationPages.as_view(), name="docs"),
    re_path("^", unknown_address.UnknownAddress.as_view(), name="unknown-address"),
]
