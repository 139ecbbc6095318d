"""The desk's addresses."""

from __future__ import annotations

from django.urls import path

from approvals.web import health

urlpatterns = [
    path("healthz/live", health.live, name="live"),
    path("healthz/ready", health.ready, name="ready"),
]
