"""The URLs of the desk."""

from __future__ import annotations

from django.urls import path

from approvals.web import (
    audit,
    batches,
    comments,
    decisions,
    deferrals,
    downloads,
    home,
    interventions,
    leads,
    live_updates,
    metrics,
    orders,
    preferences,
    pricing,
    queues,
    reviews,
    unproved,
)

urlpatterns = [
    path("", home.show, name="home"),
    path("audit/", audit.show, name="audit"),
    path("audit/export/", audit.export, name="audit_export"),
    path("live/", live_updates.stream, name="live"),
    path("leads/", leads.show, name="leads"),
    path("metrics", metrics.metrics, name="prometheus-django-metrics"),
    path("orders/batches/", batches.index, name="order_batches"),
    path("orders/batches/<uuid:batch_id>/", batches.show, name="order_batch"),
    path("orders/batches/<uuid:batch_id>/news/", batches.refresh, name="order_batch_refresh"),
    path("queues/<slug:slug>/", queues.show, name="queue"),
    path("queues/<slug:slug>/next/", queues.take_next, name="queue_next"),
    path("queues/<slug:slug>/news/", live_updates.queue, name="queue_news"),
    path("reviews/<uuid:review_id>/", reviews.show, name="review"),
    path("reviews/<uuid:review_id>/payload/", downloads.payload, name="review_payload"),
    path("reviews/<uuid:review_id>/news/", live_updates.review, name="review_news"),
    path("reviews/<uuid:review_id>/delivery/", reviews.delivery, name="review_delivery"),
    path("reviews/<uuid:review_id>/claim/", reviews.claim, name="review_claim"),
    path("reviews/<uuid:review_id>/renew/", reviews.renew, name="review_renew"),
    path("reviews/<uuid:review_id>/release/", reviews.release, name="review_release"),
    path("reviews/<uuid:review_id>/reassign/", reviews.reassign, name="review_reassign"),
    path("reviews/<uuid:review_id>/comments/", comments.add, name="review_comment"),
    path("reviews/<uuid:review_id>/close/", unproved.close, name="review_close"),
    path("reviews/<uuid:review_id>/approve/", decisions.approve, name="review_approve"),
    path("reviews/<uuid:review_id>/skip/", deferrals.skip, name="review_skip"),
    path("reviews/<uuid:review_id>/snooze/", deferrals.snooze, name="review_snooze"),
    path("reviews/<uuid:review_id>/escalate/", deferrals.escalate, name="review_escalate"),
    path("reviews/<uuid:review_id>/reject/", decisions.reject, name="review_reject"),
    path("orders/", orders.show_all, name="orders"),
    # An order's id is untrusted text and may contain a slash, so no other page is below an order's.
    # What is done to an order names the attempt that the person saw, by the id of its row.
    path("orders/<path:order_id>/", orders.show, name="order"),
    path("executions/<uuid:attempt>/", orders.show_attempt, name="attempt"),
    path("executions/<uuid:attempt>/story/", orders.refresh, name="attempt_refresh"),
    path("executions/<uuid:attempt>/read/", orders.read_again, name="attempt_read"),
    path("executions/<uuid:attempt>/restart/", interventions.restart, name="attempt_restart"),
    path("executions/<uuid:attempt>/stop/", interventions.stop, name="attempt_stop"),
    path("decisions/<uuid:decision_id>/undo/", decisions.undo, name="decision_undo"),
    path("decisions/<uuid:decision_id>/reapply/", decisions.reapply, name="decision_reapply"),
    path("settings/", preferences.edit, name="settings"),
    path("help/shortcuts/", preferences.shortcuts, name="shortcuts"),
    path("pricing/", pricing.show, name="pricing"),
]
