"""The API's addresses. Whatever else stands under /api/ is a 404 in the API's own language."""

from __future__ import annotations

from django.urls import include, path, re_path

from approvals.api import documentation
from approvals.api.views import decisions, orders, queues, reviews

app_name = "api"

v1 = [
    path("queues/", queues.Queues.as_view(), name="queues"),
    path("queues/<slug:slug>/next/", queues.Next.as_view(), name="next"),
    path("reviews/", reviews.Reviews.as_view(), name="reviews"),
    path("reviews/<uuid:review_id>/", reviews.Review.as_view(), name="review"),
    path("reviews/<uuid:review_id>/claim/", reviews.Claim.as_view(), name="claim"),
    path("reviews/<uuid:review_id>/renew/", reviews.Renew.as_view(), name="renew"),
    path("reviews/<uuid:review_id>/release/", reviews.Release.as_view(), name="release"),
    path("reviews/<uuid:review_id>/decisions/", decisions.Decisions.as_view(), name="decide"),
    path("reviews/<uuid:review_id>/events/", reviews.Events.as_view(), name="events"),
    path("decisions/<uuid:decision_id>/undo/", decisions.Undo.as_view(), name="undo"),
    path("orders/", orders.Orders.as_view(), name="orders"),
    # An order's id is foreign text and may hold a slash.
    path("orders/<path:order_id>/", orders.Order.as_view(), name="order"),
]

urlpatterns = [
    path("v1/", include(v1)),
    path("schema/", documentation.Schema.as_view(), name="schema"),
    path("docs/", documentation.Docs.as_view(), name="docs"),
    re_path("^", documentation.NothingHere.as_view(), name="nothing-here"),
]
